// Grouped in nested maps by the parts of the key; then plain filters over what one key has.
export function pointInTime(questions, events, options) {
  const root = new Map();
  const leaf = (key) => {
    let at = root;
    for (const part of [String(key.length), ...key]) {
      if (!at.has(part)) at.set(part, new Map());
      at = at.get(part);
    }
    if (!at.has("events")) at.set("events", []);
    return at.get("events");
  };
  for (const e of events) leaf(e.key).push(e);
  const rows = questions.map(({ key, at, served }) => {
    let best;
    let n = 0;
    let sum = 0;
    for (const e of leaf(key)) {
      if (e.known > at || e.event > at) continue;
      if (!best || e.event > best.event || (e.event === best.event && e.known >= best.known)) best = e;
      if (e.event !== at && at - e.event <= options.window) {
        n++;
        sum += e.value;
      }
    }
    const value = best && at - best.event <= options.ttl ? best.value : null;
    return { value, n, mean: n ? sum / n : null, isSkewed: value !== served };
  });
  return {
    latest: rows.map((r) => r.value),
    count: rows.map((r) => r.n),
    mean: rows.map((r) => r.mean),
    skewed: rows.flatMap((r, i) => (r.isSkewed ? [i] : [])),
  };
}
