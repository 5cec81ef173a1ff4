// Rows enter and leave by time; the maximum from a heap whose dead tops are thrown away.
export function windows(events, asks, width) {
  const rows = events.map(({ at, known, value }) => ({ from: Math.max(known, at + 1), to: at + width, value })).filter(({ from, to }) => from <= to);
  const enter = [...rows].sort((a, b) => a.from - b.from);
  const leave = [...rows].sort((a, b) => a.to - b.to);
  const heap = [];
  const push = (row) => {
    let i = heap.push(row) - 1;
    while (i > 0 && heap[(i - 1) >> 1].value < row.value) {
      heap[i] = heap[(i - 1) >> 1];
      i = (i - 1) >> 1;
    }
    heap[i] = row;
  };
  const pop = () => {
    const row = heap.pop();
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].value > heap[child].value) child++;
      if (heap[child].value <= row.value) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = row;
  };
  let [count, sum, next, gone] = [0, 0, 0, 0];
  return asks.map((t) => {
    while (next < enter.length && enter[next].from <= t) {
      push(enter[next]);
      count++;
      sum += enter[next++].value;
    }
    while (gone < leave.length && leave[gone].to < t) {
      count--;
      sum -= leave[gone++].value;
    }
    while (heap.length > 0 && heap[0].to < t) pop();
    return count === 0 ? { count: 0, sum: null, max: null } : { count, sum, max: heap[0].value };
  });
}
