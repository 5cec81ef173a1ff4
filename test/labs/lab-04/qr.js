// The QR algorithm with Wilkinson's shifts, the last row split off when it is done.
export function eigen(matrix) {
  const n = matrix.length;
  let a = matrix.map((row) => [...row]);
  const v = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  const scale = Math.max(...a.flat().map(Math.abs));
  for (let m = n - 1; m > 0; m--) {
    for (let step = 0; step < 500; step++) {
      const rest = Math.hypot(...a[m].slice(0, m));
      if (rest <= 1e-15 * scale) break;
      const d = (a[m - 1][m - 1] - a[m][m]) / 2;
      const b = a[m][m - 1];
      const shift = b === 0 ? a[m][m] + (step % 7 === 3 ? 0.1 * rest : 0) : a[m][m] - (b * b * (d < 0 ? -1 : 1)) / (Math.abs(d) + Math.hypot(d, b));
      // QR of the leading block by rotations, applied from both sides
      for (let i = 0; i <= m; i++) a[i][i] -= shift;
      const turns = [];
      for (let j = 0; j < m; j++)
        for (let i = j + 1; i <= m; i++) {
          const r = Math.hypot(a[j][j], a[i][j]);
          if (r === 0 || a[i][j] === 0) continue;
          const [c, s] = [a[j][j] / r, a[i][j] / r];
          for (let k = 0; k <= m; k++) [a[j][k], a[i][k]] = [c * a[j][k] + s * a[i][k], c * a[i][k] - s * a[j][k]];
          turns.push([j, i, c, s]);
        }
      for (const [j, i, c, s] of turns) {
        for (let k = 0; k <= m; k++) [a[k][j], a[k][i]] = [c * a[k][j] + s * a[k][i], c * a[k][i] - s * a[k][j]];
        for (const row of v) [row[j], row[i]] = [c * row[j] + s * row[i], c * row[i] - s * row[j]];
      }
      for (let i = 0; i <= m; i++) a[i][i] += shift;
    }
    for (let k = 0; k < m; k++) a[m][k] = a[k][m] = 0;
  }
  const order = a.map((_, i) => i).sort((i, j) => a[j][j] - a[i][i]);
  return { values: order.map((i) => a[i][i]), vectors: order.map((i) => v.map((row) => row[i])) };
}
