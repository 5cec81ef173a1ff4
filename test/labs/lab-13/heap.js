// A heap of the k kept so far, the worst of them on top.
export function topK(n, k, compare) {
  if (k === 0) return [];
  const worse = (a, b) => {
    const c = compare(a, b);
    return c === 0 ? a > b : c < 0;
  };
  const heap = [];
  const down = (size) => {
    for (let i = 0; ;) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      if (left >= size) return;
      const child = right < size && worse(heap[right], heap[left]) ? right : left;
      if (!worse(heap[child], heap[i])) return;
      [heap[i], heap[child]] = [heap[child], heap[i]];
      i = child;
    }
  };
  for (let item = 0; item < n; item++) {
    if (heap.length < k) {
      heap.push(item);
      for (let i = heap.length - 1; i > 0;) {
        const parent = (i - 1) >> 1;
        if (!worse(heap[i], heap[parent])) break;
        [heap[i], heap[parent]] = [heap[parent], heap[i]];
        i = parent;
      }
    } else if (compare(item, heap[0]) > 0) {
      heap[0] = item;
      down(k);
    }
  }
  for (let size = heap.length - 1; size > 0; size--) {
    [heap[0], heap[size]] = [heap[size], heap[0]];
    down(size);
  }
  return heap;
}
