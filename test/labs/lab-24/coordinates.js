// Lasso by coordinate descent, ridge by Gauss elimination.
export function fit(x, y, lambda, kind) {
  const n = x.length;
  const mean = (values) => values.reduce((a, b) => a + b, 0) / n;
  const meanY = mean(y);
  const means = x[0].map((_, j) => mean(x.map((row) => row[j])));
  const columns = means.map((m, j) => x.map((row) => row[j] - m));
  const target = y.map((value) => value - meanY);
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const g = columns.map((a) => columns.map((b) => dot(a, b) / n));
  const c = columns.map((a) => dot(a, target) / n);
  const w = means.map(() => 0);
  if (kind === "lasso") {
    for (let round = 0; round < 5000; round++) {
      let moved = 0;
      for (let j = 0; j < w.length; j++) {
        const pull = c[j] - dot(g[j], w) + g[j][j] * w[j];
        const next = (Math.sign(pull) * Math.max(Math.abs(pull) - lambda, 0)) / g[j][j];
        moved = Math.max(moved, Math.abs(next - w[j]));
        w[j] = next;
      }
      if (moved < 1e-13) break;
    }
  } else {
    const a = g.map((row, i) => [...row.map((value, j) => value + (i === j ? lambda : 0)), c[i]]);
    for (let i = 0; i < w.length; i++) {
      let pivot = i;
      for (let r = i; r < w.length; r++) if (Math.abs(a[r][i]) > Math.abs(a[pivot][i])) pivot = r;
      [a[i], a[pivot]] = [a[pivot], a[i]];
      for (let r = 0; r < w.length; r++)
        if (r !== i) {
          const factor = a[r][i] / a[i][i];
          for (let j = i; j <= w.length; j++) a[r][j] -= factor * a[i][j];
        }
    }
    a.forEach((row, i) => (w[i] = row[w.length] / row[i]));
  }
  return { intercept: meanY - dot(means, w), weights: w };
}
