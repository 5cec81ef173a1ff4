// The exact graph of near neighbours plus a ring, so that everything is reachable, searched best first from spread starts.
export function search(points, queries, k, distances) {
  const n = points.length;
  const [degree, ef, spread] = [12, 45, Math.min(n, Math.ceil(Math.sqrt(n)))];
  const d = points[0].length;
  const flat = Float64Array.from(points.flat());
  const links = points.map((_, i) => [(i + 1) % n, (i + n - 1) % n].filter((j) => j !== i));
  const best = points.map(() => []);
  const offer = (list, distance, id) => {
    if (list.length === degree && distance >= list[degree - 1][0]) return;
    let at = list.length;
    while (at > 0 && list[at - 1][0] > distance) at--;
    list.splice(at, 0, [distance, id]);
    if (list.length > degree) list.pop();
  };
  for (let i = 0; i < n; i++)
    for (let j = 0; j < i; j++) {
      let sum = 0;
      for (let c = 0; c < d; c++) {
        const difference = flat[i * d + c] - flat[j * d + c];
        sum += difference * difference;
      }
      offer(best[i], sum, j);
      offer(best[j], sum, i);
    }
  best.forEach((list, i) => list.forEach(([, j]) => links[i].push(j) && links[j].push(i)));
  const starts = Array.from({ length: spread }, (_, i) => Math.floor((i * n) / spread));
  return Array.from({ length: queries }, (_, query) => {
    const seen = new Set();
    const found = [];
    const look = (ids) => {
      const fresh = [...new Set(ids)].filter((id) => !seen.has(id));
      fresh.forEach((id) => seen.add(id));
      const values = distances(query, fresh);
      fresh.forEach((id, i) => found.push({ id, distance: values[i], open: true }));
      found.sort((a, b) => a.distance - b.distance);
    };
    look(starts);
    for (;;) {
      const next = found.slice(0, ef).find(({ open }) => open);
      if (next === undefined) break;
      next.open = false;
      look(links[next.id]);
    }
    return found.slice(0, k).map(({ id }) => id);
  });
}
