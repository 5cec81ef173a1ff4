// A knock-out tournament: the best of all, then k - 1 times the matches on its way are played again.
export function topK(n, k, compare) {
  if (n === 0 || k === 0) return [];
  let size = 1;
  while (size < n) size *= 2;
  const winner = Array.from({ length: 2 * size }, (_, i) => (i >= size && i - size < n ? i - size : -1));
  const play = (a, b) => (a === -1 ? b : b === -1 ? a : compare(a, b) >= 0 ? a : b);
  for (let i = size - 1; i > 0; i--) winner[i] = play(winner[2 * i], winner[2 * i + 1]);
  const best = [];
  while (best.length < Math.min(n, k)) {
    best.push(winner[1]);
    if (best.length === k) break;
    let i = size + winner[1];
    winner[i] = -1;
    for (i >>= 1; i > 0; i >>= 1) winner[i] = play(winner[2 * i], winner[2 * i + 1]);
  }
  return best;
}
