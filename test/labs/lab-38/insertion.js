// Keeps every ranking sorted as a list of pairs, built by inserting.
export function debias(log, positions, floor) {
  const stats = Array.from({ length: positions }, () => [0, 0]);
  log
    .filter((i) => i.shuffled)
    .forEach((i) => {
      stats[i.position][0] += 1;
      stats[i.position][1] += Number(i.click);
    });
  const base = stats.length > 0 && stats[0][0] > 0 ? stats[0][1] / stats[0][0] : 0;
  const propensities = stats.map(([n, c]) => (base > 0 ? (n > 0 ? Math.max(c / (n * base), floor) : floor) : 1));
  const queries = new Map();
  log.forEach((i) => {
    if (!queries.has(i.query)) queries.set(i.query, new Map());
    const docs = queries.get(i.query);
    const [n, w] = docs.get(i.doc) ?? [0, 0];
    docs.set(i.doc, [n + 1, w + (i.click ? 1 / propensities[i.position] : 0)]);
  });
  const relevance = {};
  const ranking = {};
  queries.forEach((docs, query) => {
    const list = [];
    relevance[query] = {};
    for (const [doc, [n, w]] of docs) {
      const value = w / n;
      relevance[query][doc] = value;
      const at = list.findIndex(([d, v]) => v < value || (v === value && d > doc));
      list.splice(at < 0 ? list.length : at, 0, [doc, value]);
    }
    ranking[query] = list.map(([doc]) => doc);
  });
  return { propensities, relevance, ranking };
}
