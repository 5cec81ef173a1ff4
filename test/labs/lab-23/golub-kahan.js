// Golub and Kahan's bidiagonalisation with full orthogonalisation; what it builds stays in the row space, so the answer is the smallest.
export function leastSquares(x, y) {
  const [n, d] = [x.length, x[0].length];
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const times = (v) => x.map((row) => dot(row, v));
  const back = (u) => x[0].map((_, j) => x.reduce((sum, row, i) => sum + row[j] * u[i], 0));
  const scale = Math.sqrt(x.reduce((sum, row) => sum + dot(row, row), 0));
  const clean = (vector, basis) => {
    let out = vector;
    for (let pass = 0; pass < 3; pass++) for (const b of basis) out = out.map((value, i, all) => value - dot(all, b) * b[i]);
    return out;
  };
  // an orthonormal basis of the row space, then of its images: a small triangular system
  const rows = [];
  const pool = x.map((row) => [...row]);
  for (let step = 0; step < Math.min(n, d); step++) {
    const left = pool.map((row) => clean(row, rows));
    const best = left.reduce((a, b) => (Math.hypot(...a) >= Math.hypot(...b) ? a : b));
    const length = Math.hypot(...best);
    if (length <= 1e-12 * scale) break;
    rows.push(best.map((value) => value / length));
  }
  const images = rows.map(times);
  const [q, r] = [[], []];
  const order = images.map((_, i) => i);
  order.forEach((i) => {
    const u = clean(images[i], q);
    const length = Math.hypot(...u);
    if (length > 1e-11 * scale) q.push(u.map((value) => value / length));
    r.push(q.map((b) => dot(b, images[i])));
  });
  const c = order.map(() => 0);
  for (let i = q.length - 1; i >= 0; i--) {
    let rest = dot(q[i], y);
    for (let j = i + 1; j < q.length; j++) rest -= r[j][i] * c[j];
    c[i] = rest / r[i][i];
  }
  const start = back(y).map(() => 0);
  return rows.reduce((w, row, i) => w.map((value, j) => value + c[i] * row[j]), start);
}
