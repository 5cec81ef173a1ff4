// Everything from entropies: mutual information as H(X) + H(Y) - H(X, Y).
export function information(p, q, joint, unit) {
  const check = (values) => {
    let sum = 0;
    for (const v of values) {
      if (!(v >= 0)) throw new RangeError(`negative: ${v}`);
      sum += v;
    }
    if (Math.abs(sum - 1) > 1e-9) throw new RangeError(`sums to ${sum}`);
    return values;
  };
  const scale = unit === "bits" ? 1 / Math.LN2 : 1;
  const cross = (a, b) => scale * a.reduce((sum, v, i) => (v === 0 ? sum : sum - v * Math.log(b[i])), 0);
  const entropy = (a) => cross(a, a);
  const flat = check(joint.flat());
  const crossEntropy = cross(check(p), check(q));
  const rows = joint.map((row) => row.reduce((a, b) => a + b));
  const columns = joint.reduce((a, b) => a.map((v, j) => v + b[j]));
  return { entropy: entropy(p), crossEntropy, divergence: crossEntropy - entropy(p), mutual: entropy(rows) + entropy(columns) - entropy(flat) };
}
