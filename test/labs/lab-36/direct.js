const halfEven = (v) => {
  const down = Math.floor(v);
  const past = v - down;
  return past < 0.5 ? down : past > 0.5 ? down + 1 : down % 2 === 0 ? down : down + 1;
};
const clamp = (v, low, high) => Math.min(high, Math.max(low, v));

export function quantisedLayer(weights, x) {
  const scales = weights.map((row) => {
    const largest = Math.max(...row.map((w) => Math.abs(w)));
    return largest === 0 ? 1 : largest / 127;
  });
  const codes = weights.map((row, i) => row.map((w) => clamp(halfEven(w / scales[i]), -127, 127)));
  const lo = Math.min(0, ...x);
  const hi = Math.max(0, ...x);
  const inputScale = hi === lo ? 1 : (hi - lo) / 255;
  const zeroPoint = halfEven(-lo / inputScale);
  const inputCodes = x.map((v) => clamp(halfEven(v / inputScale) + zeroPoint, 0, 255));
  const output = codes.map((row, i) => {
    let sum = 0;
    for (let j = 0; j < row.length; j++) sum += row[j] * (inputCodes[j] - zeroPoint);
    return scales[i] * inputScale * sum;
  });
  return { scales, codes, inputScale, zeroPoint, inputCodes, output };
}
