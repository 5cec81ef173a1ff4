const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** IEEE 754 binary16 bits of the half nearest to `x` (ties to even); beyond 65504 infinity. */
export function doubleToHalf(x: number): number {
  float[0] = x;
  const word = bits[0]!;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below the smallest normal half: whole steps of 2^-24.
    const steps = Math.abs(float[0]) * 2 ** 24;
    const below = Math.floor(steps);
    const rest = steps - below;
    return sign | (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below);
  }
  // Rounding up may carry into the exponent, as it should.
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}
