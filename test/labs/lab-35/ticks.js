// Millisecond by millisecond: slow, and hard to get wrong.
export function simulate(requests, { maxSize, maxDelay, base, each }) {
  const out = requests.map(({ id }) => ({ id, outcome: null, start: null, end: null }));
  let queue = [];
  let next = 0;
  let freeAt = 0;
  for (let now = 0; next < requests.length || queue.length > 0; now++) {
    while (next < requests.length && requests[next].at === now) queue.push(next++);
    queue = queue.filter((i) => {
      const { deadline, cancel } = requests[i];
      if (cancel !== null && cancel <= now) out[i].outcome = "cancelled";
      else if (deadline !== null && deadline <= now) out[i].outcome = "expired";
      return out[i].outcome === null;
    });
    if (now < freeAt || queue.length === 0) continue;
    if (queue.length < maxSize && now - requests[queue[0]].at < maxDelay) continue;
    const batch = queue.slice(0, maxSize);
    queue = queue.slice(batch.length);
    freeAt = now + base + batch.length * each;
    for (const i of batch) Object.assign(out[i], { outcome: "done", start: now, end: freeAt });
  }
  return out;
}
