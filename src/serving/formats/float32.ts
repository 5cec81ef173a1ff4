const bits = new DataView(new ArrayBuffer(4));

/** The largest float32 below a float32; minus infinity has none and stays as it is (XGBoost takes no infinite inputs, so none is compared with it). */
export function float32Below(x: number): number {
  if (x === -Infinity) return x;
  if (x === 0) return -(2 ** -149);
  bits.setFloat32(0, x);
  bits.setInt32(0, bits.getInt32(0) + (x > 0 ? -1 : 1));
  return bits.getFloat32(0);
}
