// Lasso by accelerated proximal gradient, ridge by conjugate gradient.
export function fit(x, y, lambda, kind) {
  const [n, d] = [x.length, x[0].length];
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  const dot = (a, b) => sum(a.map((value, i) => value * b[i]));
  const means = Array.from({ length: d }, (_, j) => sum(x.map((row) => row[j])) / n);
  const z = x.map((row) => row.map((value, j) => value - means[j]));
  const meanY = sum(y) / n;
  const g = means.map((_, i) => means.map((_, j) => sum(z.map((row) => row[i] * row[j])) / n));
  const c = means.map((_, j) => sum(z.map((row, i) => row[j] * (y[i] - meanY))) / n);
  let w = means.map(() => 0);
  if (kind === "ridge") {
    let r = [...c];
    let p = [...c];
    for (let step = 0; step < 20 * d && dot(r, r) > 1e-30 * dot(c, c); step++) {
      const ap = g.map((row, i) => dot(row, p) + lambda * p[i]);
      const alpha = dot(r, r) / dot(p, ap);
      w = w.map((value, i) => value + alpha * p[i]);
      const next = r.map((value, i) => value - alpha * ap[i]);
      const beta = dot(next, next) / dot(r, r);
      p = next.map((value, i) => value + beta * p[i]);
      r = next;
    }
  } else {
    const step = 1 / sum(g.map((row, i) => row[i]));
    let [v, t] = [w, 1];
    for (let round = 0; round < 20000; round++) {
      const next = v.map((value, j) => {
        const moved = value - step * (dot(g[j], v) - c[j]);
        return Math.sign(moved) * Math.max(Math.abs(moved) - step * lambda, 0);
      });
      const back = dot(
        next.map((value, j) => value - w[j]),
        v.map((value, j) => value - next[j]),
      );
      const grown = back > 0 ? 1 : (1 + Math.sqrt(1 + 4 * t * t)) / 2;
      v = next.map((value, j) => value + ((back > 0 ? 0 : t - 1) / grown) * (value - w[j]));
      const change = Math.max(...next.map((value, j) => Math.abs(value - w[j])));
      [w, t] = [next, grown];
      if (change < 1e-14) break;
    }
  }
  return { intercept: meanY - dot(means, w), weights: w };
}
