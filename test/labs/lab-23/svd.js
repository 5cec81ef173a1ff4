// One-sided Jacobi on the shorter side; small singular values are left out.
export function leastSquares(x, y) {
  const wide = x.length < x[0].length;
  const turned = (m) => m[0].map((_, j) => m.map((row) => row[j]));
  const columns = wide ? x.map((row) => [...row]) : turned(x);
  const k = columns.length;
  const v = columns.map((_, i) => columns.map((_, j) => (i === j ? 1 : 0)));
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  for (let sweep = 0, busy = true; busy && sweep < 80; sweep++) {
    busy = false;
    for (let p = 0; p < k; p++)
      for (let q = p + 1; q < k; q++) {
        const [a, b, g] = [dot(columns[p], columns[p]), dot(columns[q], columns[q]), dot(columns[p], columns[q])];
        if (g === 0 || Math.abs(g) <= 1e-16 * Math.sqrt(a * b)) continue;
        busy = true;
        const zeta = (b - a) / (2 * g);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        const c = 1 / Math.sqrt(1 + t * t);
        for (const m of [columns, v]) [m[p], m[q]] = [m[p].map((value, i) => c * value - c * t * m[q][i]), m[q].map((value, i) => c * t * m[p][i] + c * value)];
      }
  }
  const squares = columns.map((column) => dot(column, column));
  const floor = 1e-20 * Math.max(...squares);
  const w = x[0].map(() => 0);
  columns.forEach((u, i) => {
    if (squares[i] <= floor) return;
    const factor = dot(wide ? v[i] : u, y) / squares[i];
    (wide ? u : v[i]).forEach((value, j) => (w[j] += factor * value));
  });
  return w;
}
