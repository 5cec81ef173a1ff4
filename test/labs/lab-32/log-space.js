// The mask as a list of what each token may look at, and weights from the logarithm of the sum.
const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
const column = (m, j) => m.map((row) => row[j]);

export function attend(x, wq, wk, wv, { causal, positions, real }) {
  const width = x[0].length;
  const place = (t) => Array.from({ length: width }, (_, c) => (c % 2 ? Math.cos(t / 10000 ** ((c - 1) / width)) : Math.sin(t / 10000 ** (c / width))));
  const input = positions ? x.map((row, t) => place(t).map((p, c) => p + row[c])) : x;
  const heads = [wq, wk, wv].map((w) => input.map((row) => w[0].map((_, j) => dot(row, column(w, j)))));
  const [queries, keys, values] = heads;
  const weights = queries.map((query, i) => {
    const seen = real.flatMap((isReal, j) => (isReal && !(causal && j > i) ? [j] : []));
    const row = real.map(() => 0);
    if (seen.length === 0) return row;
    const scores = seen.map((j) => dot(query, keys[j]) * query.length ** -0.5);
    const top = scores.reduce((a, b) => Math.max(a, b));
    const logTotal = top + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - top), 0));
    seen.forEach((j, n) => (row[j] = Math.exp(scores[n] - logTotal)));
    return row;
  });
  return { weights, output: weights.map((row) => wv[0].map((_, e) => dot(row, column(values, e)))) };
}
