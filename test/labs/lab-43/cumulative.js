// Shares from a cumulative count, one edge at a time.
export function stability(reference, current, edges, epsilon) {
  const shares = (values) => {
    const isMissing = (x) => x === null || x !== x;
    const below = edges.map((edge) => values.filter((x) => !isMissing(x) && x < edge).length);
    const missing = values.filter(isMissing).length;
    const all = values.length - missing;
    const cumulative = [...below, all];
    return [...cumulative.map((count, i) => count - (i === 0 ? 0 : cumulative[i - 1])), missing].map((count) => Math.max(count / values.length, epsilon));
  };
  const r = shares(reference);
  const c = shares(current);
  const contributions = c.map((share, i) => (share - r[i]) * (Math.log(share) - Math.log(r[i])));
  const psi = contributions.reduceRight((sum, part) => sum + part, 0);
  const floor = (contributions.length - 1) / reference.length + (contributions.length - 1) / current.length;
  return { contributions, psi, floor, drifted: psi > 3 * floor };
}
