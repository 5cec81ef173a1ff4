// Gram and Schmidt with pivots, twice over, then once more on the rows of R: the smallest solution of what is left.
const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
function split(vectors) {
  const rest = vectors.map((vector) => [...vector]);
  const basis = [];
  const first = Math.max(...rest.map((r) => Math.hypot(...r)));
  for (;;) {
    let best = -1;
    rest.forEach((r, i) => {
      if (r !== null && (best < 0 || Math.hypot(...r) > Math.hypot(...rest[best]))) best = i;
    });
    if (best < 0 || Math.hypot(...rest[best]) <= 1e-10 * first) return basis;
    let u = rest[best];
    rest[best] = null;
    for (let pass = 0; pass < 2; pass++) for (const b of basis) u = u.map((value, i, all) => value - dot(all, b) * b[i]);
    const length = Math.hypot(...u);
    u = u.map((value) => value / length);
    basis.push(u);
    rest.forEach((r, i) => {
      if (r !== null) rest[i] = r.map((value, j) => value - dot(r, u) * u[j]);
    });
  }
}
export function leastSquares(x, y) {
  const columns = x[0].map((_, j) => x.map((row) => row[j]));
  const q = split(columns);
  const r = q.map((u) => columns.map((column) => dot(u, column))); // rank x d
  const right = q.map((u) => dot(u, y));
  // r w = right, rows of r independent: w in their span, by elimination as they are made orthogonal
  const rows = [];
  r.forEach((row, i) => {
    let [u, value] = [row, right[i]];
    for (let pass = 0; pass < 2; pass++)
      for (const other of rows) {
        const c = dot(u, other.u);
        u = u.map((a, j) => a - c * other.u[j]);
        value -= c * other.value;
      }
    const length = Math.hypot(...u);
    rows.push({ u: u.map((a) => a / length), value: value / length });
  });
  return columns.map((_, j) => rows.reduce((sum, { u, value }) => sum + value * u[j], 0));
}
