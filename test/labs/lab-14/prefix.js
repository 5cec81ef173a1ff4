// Offline: differences at the moments where something changes give count and sum; a sparse set of values by rank gives the maximum.
export function windows(events, asks, width) {
  const changes = [];
  events.forEach(({ at, known, value }) => {
    const [from, to] = [Math.max(known, at + 1), at + width + 1];
    if (from < to) changes.push([from, 1, value], [to, -1, value]);
  });
  changes.sort((a, b) => a[0] - b[0]);
  const values = [...new Set(events.map(({ value }) => value))].sort((a, b) => a - b);
  const rank = new Map(values.map((value, i) => [value, i + 1]));
  const here = new Int32Array(values.length + 1);
  const tree = new Int32Array(values.length + 1);
  const add = (i, by) => {
    for (; i < tree.length; i += i & -i) tree[i] += by;
  };
  const steps = 2 ** Math.floor(Math.log2(Math.max(values.length, 1)));
  const kth = (k) => {
    let at = 0;
    for (let step = steps; step > 0; step >>= 1)
      if (at + step < tree.length && tree[at + step] < k) {
        at += step;
        k -= tree[at];
      }
    return at + 1;
  };
  let [next, count, sum] = [0, 0, 0];
  return asks.map((t) => {
    for (; next < changes.length && changes[next][0] <= t; next++) {
      const [, by, value] = changes[next];
      count += by;
      sum += by * value;
      here[rank.get(value)] += by;
      add(rank.get(value), by);
    }
    return count === 0 ? { count: 0, sum: null, max: null } : { count, sum, max: values[kth(count) - 1] };
  });
}
