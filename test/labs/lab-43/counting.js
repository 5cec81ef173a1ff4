export function stability(reference, current, edges, epsilon) {
  const bins = edges.length + 2;
  const shares = (values) => {
    const counts = Array.from({ length: bins }, () => 0);
    for (const x of values) {
      if (x === null || Number.isNaN(x)) counts[bins - 1]++;
      else {
        let bin = 0;
        while (bin < edges.length && x >= edges[bin]) bin++;
        counts[bin]++;
      }
    }
    return counts.map((count) => Math.max(count / values.length, epsilon));
  };
  const [r, c] = [shares(reference), shares(current)];
  const contributions = r.map((share, i) => (c[i] - share) * Math.log(c[i] / share));
  const psi = contributions.reduce((a, b) => a + b);
  const floor = (bins - 1) * (1 / reference.length + 1 / current.length);
  return { contributions, psi, floor, drifted: psi > 3 * floor };
}
