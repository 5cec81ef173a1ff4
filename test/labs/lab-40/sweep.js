// Walks through time once: events enter when they become known, questions are answered in between.
export function pointInTime(questions, events, { ttl, window }) {
  const name = (key) => key.map((part) => `${part.length}:${part}`).join("");
  const arrivals = events.map((e, i) => ({ ...e, i })).sort((a, b) => a.known - b.known || a.i - b.i);
  const order = questions.map((_, i) => i).sort((a, b) => questions[a].at - questions[b].at);
  const state = new Map();
  const latest = Array.from({ length: questions.length }, () => null);
  const count = Array.from({ length: questions.length }, () => 0);
  const mean = Array.from({ length: questions.length }, () => null);
  let next = 0;
  for (const q of order) {
    const { key, at } = questions[q];
    while (next < arrivals.length && arrivals[next].known <= at) {
      const e = arrivals[next++];
      const own = state.get(name(e.key)) ?? [];
      // Kept by event time; what arrives later goes behind its equals.
      let place = own.length;
      while (place > 0 && own[place - 1].event > e.event) place--;
      own.splice(place, 0, e);
      state.set(name(e.key), own);
    }
    const own = state.get(name(key)) ?? [];
    let end = own.length;
    while (end > 0 && own[end - 1].event > at) end--;
    const newest = own[end - 1];
    if (newest !== undefined && newest.event >= at - ttl) latest[q] = newest.value;
    let total = 0;
    for (let i = end - 1; i >= 0 && own[i].event >= at - window; i--) {
      if (own[i].event === at) continue;
      count[q]++;
      total += own[i].value;
    }
    if (count[q] > 0) mean[q] = total / count[q];
  }
  const skewed = questions.map((q, i) => (Object.is(q.served, latest[i]) ? -1 : i)).filter((i) => i >= 0);
  return { latest, count, mean, skewed };
}
