// One pass over the keys: the running maximum is corrected as it grows, so no row of scores is ever held. Weights are made at the end.
export function attend(x, wq, wk, wv, options) {
  const { causal, positions, real } = options;
  const d = x[0].length;
  const h = wq[0].length;
  const input = x.map((row) => [...row]);
  if (positions)
    for (let t = 0; t < input.length; t++)
      for (let c = 0; c < d; c += 2) {
        const angle = t * Math.exp((-c / d) * Math.log(10000));
        input[t][c] += Math.sin(angle);
        if (c + 1 < d) input[t][c + 1] += Math.cos(angle);
      }
  const project = (row, w) => {
    const out = Array.from({ length: h }, () => 0);
    for (let c = 0; c < d; c++) for (let e = 0; e < h; e++) out[e] += row[c] * w[c][e];
    return out;
  };
  const keys = input.map((row) => project(row, wk));
  const values = input.map((row) => project(row, wv));
  const weights = [];
  const output = [];
  for (let i = 0; i < input.length; i++) {
    const query = project(input[i], wq);
    let [top, total] = [-Infinity, 0];
    let sum = Array.from({ length: h }, () => 0);
    const scores = [];
    const end = causal ? i + 1 : input.length;
    for (let j = 0; j < end; j++) {
      if (!real[j]) continue;
      let score = 0;
      for (let e = 0; e < h; e++) score += query[e] * keys[j][e];
      score /= Math.sqrt(h);
      scores.push([j, score]);
      const next = Math.max(top, score);
      const keep = top === -Infinity ? 0 : Math.exp(top - next);
      const share = Math.exp(score - next);
      total = total * keep + share;
      sum = sum.map((s, e) => s * keep + share * values[j][e]);
      top = next;
    }
    const row = Array.from({ length: input.length }, () => 0);
    for (const [j, score] of scores) row[j] = Math.exp(score - top) / total;
    weights.push(row);
    output.push(total === 0 ? sum : sum.map((s) => s / total));
  }
  return { weights, output };
}
