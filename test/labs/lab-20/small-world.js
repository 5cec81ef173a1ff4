// One layer, points put in one after the other: early links stay and become the long ones.
export function search(points, queries, k, distances) {
  const n = points.length;
  const [m, efBuild, ef] = [12, 40, 48];
  const links = points.map(() => []);
  const walk = (starts, size, width, many) => {
    const seen = new Uint8Array(size);
    let list = [];
    const add = (ids) => {
      const fresh = [];
      for (const id of ids)
        if (seen[id] === 0) {
          seen[id] = 1;
          fresh.push(id);
        }
      const values = many(fresh);
      const worst = list.length < width ? Infinity : list[list.length - 1].distance;
      const better = [];
      for (let i = 0; i < fresh.length; i++) if (values[i] < worst) better.push({ id: fresh[i], distance: values[i], done: false });
      if (better.length > 0) list = [...list, ...better].sort((a, b) => a.distance - b.distance).slice(0, width);
    };
    add(starts);
    for (let next; (next = list.find(({ done }) => !done)) !== undefined;) {
      next.done = true;
      add(links[next.id]);
    }
    return list.map(({ id }) => id);
  };
  const startsOf = (size) => Array.from({ length: Math.min(size, 12) }, (_, i) => Math.floor((i * size) / Math.min(size, 12)));
  for (let id = 1; id < n; id++) {
    const point = points[id];
    const many = (ids) => ids.map((other) => points[other].reduce((sum, x, i) => sum + (x - point[i]) ** 2, 0));
    const found = walk(startsOf(id), n, efBuild, many).slice(0, m);
    for (const other of found) {
      links[id].push(other);
      links[other].push(id);
    }
  }
  return Array.from({ length: queries }, (_, query) => walk(startsOf(n), n, Math.max(ef, k), (ids) => distances(query, ids)).slice(0, k));
}
