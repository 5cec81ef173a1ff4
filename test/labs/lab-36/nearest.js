// Looks at both neighbours and takes the closer one.
export function quantisedLayer(weights, x) {
  const nearest = (v) => {
    const candidates = [Math.floor(v), Math.ceil(v)];
    const [a, b] = candidates.map((c) => Math.abs(v - c));
    if (candidates[0] === candidates[1]) return v;
    if (a === b) return candidates.find((c) => c % 2 === 0);
    return a < b ? candidates[0] : candidates[1];
  };
  const sorted = [...x, 0].sort((a, b) => a - b);
  const span = sorted[sorted.length - 1] - sorted[0];
  const inputScale = span > 0 ? span / 255 : 1;
  const zeroPoint = Math.abs(nearest(sorted[0] / inputScale));
  const inputCodes = x.map((v) => Math.max(0, Math.min(255, nearest(v / inputScale) + zeroPoint)));
  const layer = weights.map((row) => {
    const most = Math.max(-Math.min(...row), Math.max(...row));
    const scale = most > 0 ? most / 127 : 1;
    const codes = row.map((w) => nearest(w / scale));
    return { scale, codes, y: codes.map((c, j) => c * (inputCodes[j] - zeroPoint)).reduce((s, p) => s + p, 0) * scale * inputScale };
  });
  return { scales: layer.map((l) => l.scale), codes: layer.map((l) => l.codes), inputScale, zeroPoint, inputCodes, output: layer.map((l) => l.y) };
}
