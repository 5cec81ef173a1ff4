// Malkov and Yashunin's layers: greedy above, a candidate list on each layer where links are made.
export function search(all, queries, k, askDistances) {
  // copies of a point would take all its links: each place is indexed once
  const places = new Map();
  all.forEach((point, id) => places.set(point.join(), [...(places.get(point.join()) ?? []), id]));
  const copies = [...places.values()];
  const points = copies.map(([id]) => all[id]);
  const distances = (query, ids) =>
    askDistances(
      query,
      ids.map((id) => copies[id][0]),
    );
  const n = points.length;
  const [m, efBuild, ef] = [12, 60, 64];
  let state = 1;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const between = (a, b) => {
    let sum = 0;
    for (let i = 0; i < points[a].length; i++) sum += (points[a][i] - points[b][i]) ** 2;
    return sum;
  };
  const push = (list, item) => {
    let [low, high] = [0, list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle][0] <= item[0]) low = middle + 1;
      else high = middle;
    }
    list.splice(low, 0, item);
  };
  const explore = (start, links, width, many) => {
    const seen = new Set(start);
    const first = many(start);
    const found = [];
    start.forEach((id, i) => push(found, [first[i], id]));
    const open = found.slice();
    while (open.length > 0) {
      const [distance, id] = open.shift();
      if (found.length >= width && distance > found[Math.min(width, found.length) - 1][0]) break;
      const fresh = links[id].filter((other) => !seen.has(other));
      fresh.forEach((other) => seen.add(other));
      const values = many(fresh);
      fresh.forEach((other, i) => {
        if (found.length < width || values[i] < found[found.length - 1][0]) {
          push(found, [values[i], other]);
          if (found.length > width) found.pop();
          push(open, [values[i], other]);
        }
      });
    }
    return found;
  };
  const layers = [];
  let entry = 0;
  const choose = (found, most) => {
    // only what is nearer to the new point than to those kept: copies of a point must not take all its links
    const kept = [];
    for (const [distance, id] of found) {
      if (kept.length === most) break;
      if (kept.every((other) => between(other, id) > distance)) kept.push(id);
    }
    return kept;
  };
  for (let id = 0; id < n; id++) {
    const level = Math.floor(-Math.log(1 - random()) / Math.log(m));
    const top = layers.length - 1;
    while (layers.length <= level) layers.push([]);
    const many = (ids) => ids.map((other) => between(id, other));
    let start = [entry];
    for (let layer = layers.length - 1; layer >= 0; layer--) {
      const links = layers[layer];
      if (layer > top) {
        links[id] = [];
        continue;
      }
      if (layer > level) {
        start = [explore(start, links, 1, many)[0][1]];
        continue;
      }
      if (id === 0) {
        links[id] = [];
        continue;
      }
      const found = explore(start, links, efBuild, many);
      links[id] = choose(found, m);
      const most = layer === 0 ? 2 * m : m;
      for (const other of links[id]) {
        links[other].push(id);
        if (links[other].length > most) {
          const ranked = links[other].map((far) => [between(other, far), far]).sort((a, b) => a[0] - b[0]);
          links[other] = choose(ranked, most);
        }
      }
      start = found.map(([, other]) => other);
    }
    if (level > top) entry = id;
  }
  return Array.from({ length: queries }, (_, query) => {
    const many = (ids) => distances(query, ids);
    let start = [entry];
    for (let layer = layers.length - 1; layer > 0; layer--) start = [explore(start, layers[layer], 1, many)[0][1]];
    const found = explore(start, layers[0], Math.max(ef, k), many);
    return found.flatMap(([, id]) => copies[id]).slice(0, k);
  });
}
