// Typed arrays, and the sum as libraries do it: codes times codes, then the zero point's share taken off.
export function quantisedLayer(weights, x) {
  // Adding and taking away 1.5 x 2^52 rounds to a whole number, half way to even, by the float unit itself.
  const magic = 6755399441055744;
  const round = (v) => v + magic - magic;
  let [lo, hi] = [0, 0];
  for (const v of x) {
    if (v < lo) lo = v;
    if (v > hi) hi = v;
  }
  const inputScale = (hi - lo) / 255 || 1;
  const zeroPoint = round(-lo / inputScale) + 0;
  const inputCodes = Uint8ClampedArray.from(x, (v) => round(v / inputScale) + zeroPoint);
  const scales = [];
  const codes = [];
  const output = [];
  for (const row of weights) {
    const scale = row.reduce((most, w) => Math.max(most, Math.abs(w)), 0) / 127 || 1;
    const own = Int8Array.from(row, (w) => round(w / scale));
    let products = 0;
    let total = 0;
    own.forEach((code, j) => {
      products += code * inputCodes[j];
      total += code;
    });
    scales.push(scale);
    codes.push([...own]);
    output.push((products - zeroPoint * total) * (scale * inputScale));
  }
  return { scales, codes, inputScale, zeroPoint, inputCodes: [...inputCodes], output };
}
