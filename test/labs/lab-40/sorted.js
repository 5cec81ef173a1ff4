export function pointInTime(questions, events, { ttl, window }) {
  const byKey = new Map();
  events.forEach((e, order) => {
    const key = JSON.stringify(e.key);
    if (!byKey.has(key)) byKey.set(key, []);
    byKey.get(key).push({ ...e, order });
  });
  for (const own of byKey.values()) own.sort((a, b) => a.event - b.event || a.known - b.known || a.order - b.order);
  // First position with event time above the bound.
  const after = (own, bound) => {
    let [low, high] = [0, own.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (own[middle].event <= bound) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const latest = [];
  const count = [];
  const mean = [];
  for (const { key, at } of questions) {
    const own = byKey.get(JSON.stringify(key)) ?? [];
    let found = null;
    for (let i = after(own, at) - 1; i >= 0 && at - own[i].event <= ttl; i--)
      if (own[i].known <= at) {
        found = own[i].value;
        break;
      }
    latest.push(found);
    let [n, sum] = [0, 0];
    for (let i = after(own, at - window - 1); i < own.length && own[i].event < at; i++)
      if (own[i].known <= at) {
        n += 1;
        sum += own[i].value;
      }
    count.push(n);
    mean.push(n === 0 ? null : sum / n);
  }
  const skewed = questions.flatMap((q, i) => (q.served === latest[i] ? [] : [i]));
  return { latest, count, mean, skewed };
}
