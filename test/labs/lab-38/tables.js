export function debias(log, positions, floor) {
  const clicks = Array.from({ length: positions }, () => 0);
  const views = Array.from({ length: positions }, () => 0);
  for (const { position, click, shuffled } of log) {
    if (!shuffled) continue;
    views[position]++;
    if (click) clicks[position]++;
  }
  const top = views[0] === 0 ? 0 : clicks[0] / views[0];
  const propensities = clicks.map((count, p) => {
    if (top === 0) return 1;
    if (views[p] === 0) return floor;
    return Math.max(floor, count / views[p] / top);
  });
  const sums = {};
  for (const { query, doc, position, click } of log) {
    sums[query] ??= {};
    sums[query][doc] ??= { total: 0, count: 0 };
    if (click) sums[query][doc].total += 1 / propensities[position];
    sums[query][doc].count++;
  }
  const relevance = {};
  const ranking = {};
  for (const [query, docs] of Object.entries(sums)) {
    relevance[query] = Object.fromEntries(Object.entries(docs).map(([doc, { total, count }]) => [doc, total / count]));
    ranking[query] = Object.keys(docs).sort((a, b) => relevance[query][b] - relevance[query][a] || (a < b ? -1 : 1));
  }
  return { propensities, relevance, ranking };
}
