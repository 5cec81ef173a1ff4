// Covariance and Jacobi's rotations.
export function pca(rows, k) {
  const n = rows.length;
  const d = rows[0].length;
  const mean = rows[0].map((_, j) => rows.reduce((sum, row) => sum + row[j], 0) / n);
  const a = Array.from({ length: d }, (_, i) =>
    Array.from({ length: d }, (_, j) => rows.reduce((sum, row) => sum + (row[i] - mean[i]) * (row[j] - mean[j]), 0) / (n - 1)),
  );
  const v = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 50; sweep++)
    for (let p = 0; p < d; p++)
      for (let q = p + 1; q < d; q++) {
        if (a[p][q] === 0) continue;
        const angle = 0.5 * Math.atan2(2 * a[p][q], a[q][q] - a[p][p]);
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        for (let i = 0; i < d; i++) [a[i][p], a[i][q]] = [c * a[i][p] - s * a[i][q], s * a[i][p] + c * a[i][q]];
        for (let i = 0; i < d; i++) [a[p][i], a[q][i]] = [c * a[p][i] - s * a[q][i], s * a[p][i] + c * a[q][i]];
        for (let i = 0; i < d; i++) [v[i][p], v[i][q]] = [c * v[i][p] - s * v[i][q], s * v[i][p] + c * v[i][q]];
      }
  const order = a.map((_, i) => i).sort((i, j) => a[j][j] - a[i][i]);
  const total = a.reduce((sum, row, i) => sum + row[i], 0);
  const top = order.slice(0, k);
  return { mean, components: top.map((j) => v.map((row) => row[j])), variances: top.map((j) => a[j][j]), ratios: top.map((j) => a[j][j] / total) };
}
