// A sorted list of the k kept so far; each newcomer looks at the last and then finds its place by halving.
export function topK(n, k, compare) {
  if (k === 0) return [];
  const kept = [];
  for (let item = 0; item < n; item++) {
    if (kept.length === k) {
      if (compare(kept[k - 1], item) >= 0) continue;
      kept.pop();
    }
    let [low, high] = [0, kept.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(kept[middle], item) >= 0) low = middle + 1;
      else high = middle;
    }
    kept.splice(low, 0, item);
  }
  return kept;
}
