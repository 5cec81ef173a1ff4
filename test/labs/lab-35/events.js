// A queue of events in order of time; at one moment departures come before arrivals, and the decision is taken last.
export function simulate(requests, policy) {
  const { maxSize, maxDelay, base, each } = policy;
  const events = [];
  const put = (time, rank, act) => events.push({ time, rank, act });
  const result = requests.map((r) => ({ id: r.id, outcome: "waiting", start: null, end: null }));
  const waiting = new Set();
  let busyUntil = 0;
  const leave = (i, outcome) => () => {
    if (result[i].outcome !== "waiting") return;
    result[i].outcome = outcome;
    waiting.delete(i);
  };
  requests.forEach((r, i) => {
    put(r.at, 2, () => result[i].outcome === "waiting" && waiting.add(i));
    if (r.cancel !== null) put(r.cancel, 0, leave(i, "cancelled"));
    if (r.deadline !== null) put(r.deadline, 1, leave(i, "expired"));
    put(r.at + maxDelay, 3, () => {});
  });
  while (events.length > 0) {
    const now = Math.min(...events.map((e) => e.time));
    const due = events.filter((e) => e.time === now).sort((a, b) => a.rank - b.rank);
    for (const e of due) {
      events.splice(events.indexOf(e), 1);
      e.act();
    }
    if (now < busyUntil || waiting.size === 0) continue;
    const queue = [...waiting].sort((a, b) => a - b);
    if (queue.length >= maxSize || now >= requests[queue[0]].at + maxDelay) {
      const batch = queue.slice(0, maxSize);
      busyUntil = now + base + each * batch.length;
      for (const i of batch) {
        waiting.delete(i);
        result[i] = { id: requests[i].id, outcome: "done", start: now, end: busyUntil };
      }
      put(busyUntil, 3, () => {});
    }
  }
  return result;
}
