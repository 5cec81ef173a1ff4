export function information(p, q, joint, unit) {
  for (const values of [p, q, joint.flat()])
    if (values.some((v) => v < 0) || Math.abs(values.reduce((a, b) => a + b, 0) - 1) > 1e-9) throw new Error("not a distribution");
  const log = unit === "bits" ? Math.log2 : Math.log;
  const total = (terms) => terms.reduce((a, b) => a + b, 0);
  const rows = joint.map(total);
  const columns = joint[0].map((_, j) => total(joint.map((row) => row[j])));
  return {
    entropy: total(p.map((v) => (v > 0 ? -v * log(v) : 0))),
    crossEntropy: total(p.map((v, i) => (v > 0 ? -v * log(q[i]) : 0))),
    divergence: total(p.map((v, i) => (v > 0 ? v * log(v / q[i]) : 0))),
    mutual: total(joint.flatMap((row, i) => row.map((v, j) => (v > 0 ? v * log(v / (rows[i] * columns[j])) : 0)))),
  };
}
