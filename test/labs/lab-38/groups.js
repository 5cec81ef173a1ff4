// Groups first, then arithmetic on whole counts of clicks by position.
const groupBy = (items, key) => items.reduce((map, item) => map.set(key(item), [...(map.get(key(item)) ?? []), item]), new Map());

export function debias(log, positions, floor) {
  const share = (items) => (items.length === 0 ? undefined : items.filter((i) => i.click).length / items.length);
  const shuffled = groupBy(
    log.filter((i) => i.shuffled),
    (i) => i.position,
  );
  const rates = Array.from({ length: positions }, (_, p) => share(shuffled.get(p) ?? []));
  const propensities = rates.map((rate) => {
    if (!rates[0]) return 1;
    return rate === undefined || rate / rates[0] < floor ? floor : rate / rates[0];
  });
  const relevance = {};
  const ranking = {};
  for (const [query, own] of groupBy(log, (i) => i.query)) {
    const scored = [...groupBy(own, (i) => i.doc)].map(([doc, seen]) => {
      const perPosition = propensities.map((_, p) => seen.filter((i) => i.click && i.position === p).length);
      return [doc, perPosition.reduce((sum, n, p) => sum + n / propensities[p], 0) / seen.length];
    });
    relevance[query] = Object.fromEntries(scored);
    scored.sort(([a], [b]) => a.localeCompare(b)).sort(([, x], [, y]) => y - x);
    ranking[query] = scored.map(([doc]) => doc);
  }
  return { propensities, relevance, ranking };
}
