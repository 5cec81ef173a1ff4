// Repeated squaring of the covariance leaves the top direction alone; then it is taken out and the next one found.
export function pca(rows, k) {
  const n = rows.length;
  const mean = rows[0].map((_, j) => rows.reduce((sum, row) => sum + row[j] / n, 0));
  const x = rows.map((row) => row.map((value, j) => value - mean[j]));
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  let c = mean.map((_, i) => mean.map((_, j) => x.reduce((sum, row) => sum + row[i] * row[j], 0) / (n - 1)));
  const total = c.reduce((sum, row, i) => sum + row[i], 0);
  const [components, variances] = [[], []];
  while (components.length < k) {
    let power = c;
    for (let step = 0; step < 50; step++) {
      const trace = power.reduce((sum, row, i) => sum + row[i], 0);
      const scaled = power.map((row) => row.map((value) => value / trace));
      power = scaled.map((row) => scaled.map((other) => dot(row, other)));
    }
    const best = power.map((row, i) => ({ row, i })).sort((a, b) => b.row[b.i] - a.row[a.i])[0].row;
    const length = Math.hypot(...best);
    const v = best.map((value) => value / length);
    const variance = dot(
      v,
      c.map((row) => dot(row, v)),
    );
    c = c.map((row, i) => row.map((value, j) => value - variance * v[i] * v[j]));
    components.push(v);
    variances.push(variance);
  }
  return { mean, components, variances, ratios: variances.map((variance) => variance / total) };
}
