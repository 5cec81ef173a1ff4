// Mutual information as the mean divergence of each row's distribution from the marginal one.
export function information(p, q, joint, unit) {
  const unitOf = unit === "bits" ? Math.log(2) : 1;
  const bad = (values) => Math.min(...values) < 0 || Math.abs(values.reduce((a, b) => a + b, 0) - 1) > 1e-9;
  if (bad(p) || bad(q) || bad(joint.flat())) throw new TypeError("these are not probabilities");
  const kl = (a, b) => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) {
      if (a[i] === 0) continue;
      if (b[i] === 0) return Infinity;
      sum += a[i] * (Math.log(a[i]) - Math.log(b[i]));
    }
    return sum / unitOf;
  };
  const uniform = p.map(() => 1 / p.length);
  const entropy = Math.log(p.length) / unitOf - kl(p, uniform);
  const divergence = kl(p, q);
  const marginal = joint[0].map((_, j) => joint.reduce((sum, row) => sum + row[j], 0));
  let mutual = 0;
  for (const row of joint) {
    const share = row.reduce((a, b) => a + b);
    if (share > 0)
      mutual +=
        share *
        kl(
          row.map((v) => v / share),
          marginal,
        );
  }
  return { entropy, crossEntropy: entropy + divergence, divergence, mutual };
}
