const times = (a, b) => a.map((row) => b[0].map((_, j) => row.reduce((sum, v, k) => sum + v * b[k][j], 0)));

export function attend(x, wq, wk, wv, { causal, positions, real }) {
  const d = x[0].length;
  const h = wq[0].length;
  const input = x.map((row, t) =>
    row.map((v, c) => {
      if (!positions) return v;
      const angle = t / Math.pow(10000, (c - (c % 2)) / d);
      return v + (c % 2 === 0 ? Math.sin(angle) : Math.cos(angle));
    }),
  );
  const [q, k, v] = [times(input, wq), times(input, wk), times(input, wv)];
  const weights = q.map((query, i) => {
    const scores = k.map((key, j) => {
      const sees = real[j] && (!causal || j <= i);
      return sees ? query.reduce((sum, a, c) => sum + a * key[c], 0) / Math.sqrt(h) : -Infinity;
    });
    const top = Math.max(...scores);
    if (top === -Infinity) return scores.map(() => 0);
    const shares = scores.map((score) => Math.exp(score - top));
    const total = shares.reduce((a, b) => a + b, 0);
    return shares.map((share) => share / total);
  });
  return { weights, output: times(weights, v) };
}
