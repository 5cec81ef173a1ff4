const bits = new DataView(new ArrayBuffer(8));

/** The smallest double above `x`; infinity and NaN stay as they are. */
export function nextUp(x: number): number {
  if (x !== x || x === Infinity) return x;
  if (x === 0) return Number.MIN_VALUE;
  bits.setFloat64(0, x);
  bits.setBigInt64(0, bits.getBigInt64(0) + (x > 0 ? 1n : -1n));
  return bits.getFloat64(0);
}

/** The largest double below `x`; minus infinity and NaN stay as they are. */
export function nextDown(x: number): number {
  return -nextUp(-x);
}
