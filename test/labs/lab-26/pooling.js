// Pools neighbours until none is out of order, however often that takes; Platt by damped steps of the full Hessian in log-odds of scaled scores.
export function calibrate(scores, labels, bins) {
  const sorted = [...new Set(scores)].sort((a, b) => a - b);
  let pools = sorted.map((s) => {
    const own = labels.filter((_, i) => scores[i] === s);
    return { top: s, weight: own.length, value: own.reduce((a, b) => a + b, 0) / own.length };
  });
  for (;;) {
    const at = pools.findIndex((p, i) => i > 0 && pools[i - 1].value > p.value);
    if (at < 0) break;
    const [a, b] = [pools[at - 1], pools[at]];
    const weight = a.weight + b.weight;
    pools = [...pools.slice(0, at - 1), { top: b.top, weight, value: (a.value * a.weight + b.value * b.weight) / weight }, ...pools.slice(at + 1)];
  }
  const isotonic = scores.map((s) => pools.find((p) => s <= p.top).value);

  const P = labels.reduce((a, b) => a + b, 0);
  const t = labels.map((y) => (y ? (P + 1) / (P + 2) : 1 / (labels.length - P + 2)));
  const z = (w, s) => w[0] * (s - 0.5) * 4 + w[1];
  const cost = (w) =>
    scores.reduce((sum, s, i) => sum + (z(w, s) > 0 ? z(w, s) + Math.log1p(Math.exp(-z(w, s))) : Math.log1p(Math.exp(z(w, s)))) - t[i] * z(w, s), 0);
  let w = [0, 0];
  let damping = 1e-3;
  for (let round = 0; round < 300; round++) {
    const g = [0, 0];
    const h = [0, 0, 0];
    scores.forEach((s, i) => {
      const u = (s - 0.5) * 4;
      const p = 1 / (1 + Math.exp(-z(w, s)));
      g[0] += u * (p - t[i]);
      g[1] += p - t[i];
      h[0] += u * u * p * (1 - p);
      h[1] += u * p * (1 - p);
      h[2] += p * (1 - p);
    });
    if (Math.hypot(...g) < 1e-11) break;
    const [x, y] = [h[0] + damping, h[2] + damping];
    const det = x * y - h[1] * h[1];
    const next = [w[0] - (y * g[0] - h[1] * g[1]) / det, w[1] - (x * g[1] - h[1] * g[0]) / det];
    if (cost(next) <= cost(w)) {
      w = next;
      damping /= 4;
    } else damping *= 8;
  }
  const sums = Array.from({ length: bins }, () => 0);
  scores.forEach((s, i) => (sums[s === 1 ? bins - 1 : Math.floor(s * bins)] += s - labels[i]));
  return { platt: { a: w[0] * 4, b: w[1] - w[0] * 2 }, isotonic, ece: sums.reduce((sum, v) => sum + Math.abs(v), 0) / scores.length };
}
