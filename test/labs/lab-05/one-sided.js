// One-sided Jacobi on the shorter side; what belongs to the value 0 is made up at right angles to the rest.
export function svd(a) {
  const turn = (m) => m[0].map((_, j) => m.map((row) => row[j]));
  const wide = a.length < a[0].length;
  const columns = wide ? a.map((row) => [...row]) : turn(a);
  const r = columns.length;
  const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  const v = columns.map((_, i) => columns.map((_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep++)
    for (let p = 0; p < r; p++)
      for (let q = p + 1; q < r; q++) {
        const [x, y, z] = [dot(columns[p], columns[p]), dot(columns[q], columns[q]), dot(columns[p], columns[q])];
        if (z === 0 || Math.abs(z) <= 1e-17 * Math.sqrt(x * y)) continue;
        const zeta = (y - x) / (2 * z);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t);
        for (const m of [columns, v]) [m[p], m[q]] = [m[p].map((e, i) => c * (e - t * m[q][i])), m[q].map((e, i) => c * (t * m[p][i] + e))];
      }
  const order = columns.map((column, i) => ({ value: Math.sqrt(dot(column, column)), i })).sort((x, y) => y.value - x.value);
  const long = [];
  const complete = (start) => {
    let u = start;
    for (let pass = 0; pass < 3; pass++) for (const w of long) u = u.map((e, i, all) => e - dot(all, w) * w[i]);
    return u;
  };
  for (const { value, i } of order) {
    let u = columns[i];
    if (value <= 1e-14 * order[0].value) {
      const units = u.map((_, k) => complete(u.map((_, j) => (j === k ? 1 : 0))));
      u = units.reduce((best, other) => (Math.hypot(...other) > Math.hypot(...best) ? other : best));
    } else u = complete(u);
    const length = Math.hypot(...u);
    long.push(u.map((e) => e / length));
  }
  const short = order.map(({ i }) => v[i]);
  return { values: order.map(({ value }) => value), left: wide ? short : long, right: wide ? long : short };
}
