// Works out each batch's start directly: the earliest moment, from the worker's freedom on, at which the condition holds.
export function simulate(requests, { maxSize, maxDelay, base, each }) {
  const gone = requests.map((r) => Math.min(r.deadline ?? Infinity, r.cancel ?? Infinity));
  const batchOf = Array.from({ length: requests.length }, () => null);
  let free = 0;
  for (;;) {
    const open = requests.map((_, i) => i).filter((i) => batchOf[i] === null && gone[i] > free);
    const moments = open.flatMap((i) => [Math.max(free, requests[i].at), Math.max(free, requests[i].at + maxDelay), ...(gone[i] < Infinity ? [gone[i]] : [])]);
    let start = null;
    let members = [];
    for (const t of [...new Set(moments)].sort((a, b) => a - b)) {
      members = open.filter((i) => requests[i].at <= t && gone[i] > t);
      if (members.length >= maxSize || (members.length > 0 && t - requests[members[0]].at >= maxDelay)) {
        start = t;
        break;
      }
    }
    if (start === null) break;
    members = members.slice(0, maxSize);
    free = start + base + each * members.length;
    for (const i of members) batchOf[i] = [start, free];
  }
  return requests.map((r, i) => ({
    id: r.id,
    outcome: batchOf[i] ? "done" : r.cancel !== null && r.cancel <= (r.deadline ?? Infinity) ? "cancelled" : "expired",
    start: batchOf[i]?.[0] ?? null,
    end: batchOf[i]?.[1] ?? null,
  }));
}
