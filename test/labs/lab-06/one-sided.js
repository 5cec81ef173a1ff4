// No covariance at all: one-sided Jacobi on the centred rows, which gives singular values and right vectors. Signs turned the other way.
export function pca(rows, k) {
  const n = rows.length;
  const d = rows[0].length;
  const mean = Array.from({ length: d }, (_, j) => rows.map((row) => row[j]).reduce((a, b) => a + b) / n);
  const columns = mean.map((m, j) => rows.map((row) => row[j] - m));
  const v = mean.map((_, i) => mean.map((_, j) => (i === j ? -1 : 0)));
  const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  for (let sweep = 0, turned = true; turned && sweep < 60; sweep++) {
    turned = false;
    for (let p = 0; p < d; p++)
      for (let q = p + 1; q < d; q++) {
        const [alpha, beta, gamma] = [dot(columns[p], columns[p]), dot(columns[q], columns[q]), dot(columns[p], columns[q])];
        if (Math.abs(gamma) <= 1e-17 * Math.sqrt(alpha * beta) || gamma === 0) continue;
        turned = true;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t);
        const s = c * t;
        for (const pair of [columns, v]) {
          const [x, y] = [pair[p], pair[q]];
          pair[p] = x.map((value, i) => c * value - s * y[i]);
          pair[q] = x.map((value, i) => s * value + c * y[i]);
        }
      }
  }
  const squares = columns.map((column) => dot(column, column) / (n - 1));
  const total = squares.reduce((a, b) => a + b, 0);
  const top = squares
    .map((_, i) => i)
    .sort((i, j) => squares[j] - squares[i])
    .slice(0, k);
  return { mean, components: top.map((i) => v[i]), variances: top.map((i) => squares[i]), ratios: top.map((i) => squares[i] / total) };
}
