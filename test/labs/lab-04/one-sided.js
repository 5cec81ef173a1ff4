// Moved up until no value is negative, then rotations on the columns alone until they are at right angles: their lengths are the values.
export function eigen(a) {
  const n = a.length;
  const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  const shift = 1.5 * Math.max(...a.map((row) => row.reduce((sum, x) => sum + Math.abs(x), 0)), 1e-30);
  const columns = a.map((row, i) => row.map((x, j) => x + (i === j ? shift : 0)));
  const v = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep++)
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        const [x, y, z] = [dot(columns[p], columns[p]), dot(columns[q], columns[q]), dot(columns[p], columns[q])];
        if (Math.abs(z) <= 1e-17 * Math.sqrt(x * y)) continue;
        const zeta = (y - x) / (2 * z);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t);
        for (const m of [columns, v]) [m[p], m[q]] = [m[p].map((e, i) => c * (e - t * m[q][i])), m[q].map((e, i) => c * (t * m[p][i] + e))];
      }
  const pairs = v.map((vector) => ({
    vector,
    value: dot(
      vector,
      a.map((row) => dot(row, vector)),
    ),
  }));
  pairs.sort((x, y) => y.value - x.value);
  return { values: pairs.map(({ value }) => value), vectors: pairs.map(({ vector }) => vector) };
}
