export function viterbi(start, transition, emission, observed) {
  if (observed.length === 0) return { path: [], score: 0 };
  let best = start.map((s, i) => s + emission[i][observed[0]]);
  const back = [];
  for (let t = 1; t < observed.length; t++) {
    const from = [];
    best = start.map((_, j) => {
      let top = 0;
      for (let i = 1; i < start.length; i++) if (best[i] + transition[i][j] > best[top] + transition[top][j]) top = i;
      from.push(top);
      return best[top] + transition[top][j] + emission[j][observed[t]];
    });
    back.push(from);
  }
  const score = Math.max(...best);
  if (score === -Infinity) return { path: null, score };
  const path = [best.indexOf(score)];
  for (let t = back.length - 1; t >= 0; t--) path.push(back[t][path[path.length - 1]]);
  return { path: path.reverse(), score };
}
