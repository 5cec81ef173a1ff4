// Three sorted lists and binary search: among the entered, a chain of those that may still be the largest, in order of when they leave.
export function windows(events, asks, width) {
  const active = [];
  for (const { at, known, value } of events) if (Math.max(known, at + 1) <= at + width) active.push({ start: Math.max(known, at + 1), end: at + width, value });
  active.sort((a, b) => a.start - b.start);
  const ends = Int32Array.from(active, ({ end }) => end);
  const byEnd = [...active].sort((a, b) => a.end - b.end);
  ends.sort();
  const out = [];
  let chain = []; // ends ascending, values descending
  let [entered, left, sum] = [0, 0, 0];
  for (const t of asks) {
    for (; entered < active.length && active[entered].start <= t; entered++) {
      const row = active[entered];
      sum += row.value;
      let [low, high] = [0, chain.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (chain[middle].end < row.end) low = middle + 1;
        else high = middle;
      }
      if (low < chain.length && chain[low].value >= row.value) continue; // one that stays longer is larger
      let first = low;
      while (first > 0 && chain[first - 1].value <= row.value) first--;
      const same = low < chain.length && chain[low].end === row.end ? 1 : 0;
      chain.splice(first, low - first + same, row);
    }
    for (; left < byEnd.length && byEnd[left].end < t; left++) sum -= byEnd[left].value;
    let dead = 0;
    while (dead < chain.length && chain[dead].end < t) dead++;
    if (dead > 0) chain = chain.slice(dead);
    const count = entered - left;
    out.push({ count, sum: count > 0 ? sum : null, max: count > 0 ? chain[0].value : null });
  }
  return out;
}
