// Eigenvalues of [[0, a], [a', 0]]: they come as plus and minus the singular values, with the vectors one above the other.
export function svd(a) {
  const [n, d] = [a.length, a[0].length];
  const [size, r] = [n + d, Math.min(n, d)];
  const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  const m = Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, j) => (i < n && j >= n ? a[i][j - n] : i >= n && j < n ? a[j][i - n] : 0)));
  const v = m.map((_, i) => m.map((_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 40; sweep++)
    for (let p = 0; p < size; p++)
      for (let q = p + 1; q < size; q++) {
        if (m[p][q] === 0) continue;
        const angle = 0.5 * Math.atan2(2 * m[p][q], m[q][q] - m[p][p]);
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        for (const t of [m, v]) for (const row of t) [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
        for (let k = 0; k < size; k++) [m[p][k], m[q][k]] = [c * m[p][k] - s * m[q][k], s * m[p][k] + c * m[q][k]];
      }
  const order = m
    .map((_, i) => i)
    .sort((i, j) => m[j][j] - m[i][i])
    .slice(0, r);
  const floor = 1e-13 * Math.max(m[order[0]][order[0]], 0);
  const grow = (basis, wanted, length) => {
    const candidates = [wanted, ...Array.from({ length }, (_, k) => wanted.map((_, j) => (j === k ? 1 : 0)))].map((vector) => {
      let u = vector;
      for (let pass = 0; pass < 3; pass++) for (const w of basis) u = u.map((e, i, all) => e - dot(all, w) * w[i]);
      return u;
    });
    const best = Math.hypot(...candidates[0]) > 0.5 ? candidates[0] : candidates.reduce((x, y) => (Math.hypot(...y) > Math.hypot(...x) ? y : x));
    basis.push(best.map((e) => e / Math.hypot(...best)));
  };
  const [left, right] = [[], []];
  for (const i of order) {
    const vector = v.map((row) => row[i] * Math.SQRT2);
    const real = m[i][i] > floor && m[i][i] > 0;
    grow(left, real ? vector.slice(0, n) : vector.slice(0, n).map(() => 0), n);
    grow(right, real ? vector.slice(n) : vector.slice(n).map(() => 0), d);
  }
  // small values from the vectors themselves, with the sign that makes them positive
  const values = left.map((u, i) =>
    dot(
      u,
      a.map((row) => dot(row, right[i])),
    ),
  );
  values.forEach((value, i) => {
    if (value < 0) left[i] = left[i].map((e) => -e);
  });
  const sorted = values.map((value, i) => ({ value: Math.abs(value), i })).sort((x, y) => y.value - x.value);
  return { values: sorted.map(({ value }) => value), left: sorted.map(({ i }) => left[i]), right: sorted.map(({ i }) => right[i]) };
}
