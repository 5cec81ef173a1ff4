// From the end: what the rest of the way is worth from each state; then the path is read off forwards.
export function viterbi(start, transition, emission, observed) {
  const [length, states] = [observed.length, start.length];
  const rest = new Float64Array((length + 1) * states);
  for (let t = length - 2; t >= 0; t--)
    for (let i = 0; i < states; i++) {
      let top = -Infinity;
      for (let j = 0; j < states; j++) top = Math.max(top, transition[i][j] + emission[j][observed[t + 1]] + rest[(t + 1) * states + j]);
      rest[t * states + i] = top;
    }
  const path = [];
  let score = 0;
  for (let t = 0; t < length; t++) {
    const into = t === 0 ? start : transition[path[t - 1]];
    let [choice, top] = [-1, -Infinity];
    for (let j = 0; j < states; j++) {
      const value = into[j] + emission[j][observed[t]] + rest[t * states + j];
      if (value > top) [choice, top] = [j, value];
    }
    if (choice < 0) return { path: null, score: -Infinity };
    score += into[choice] + emission[choice][observed[t]];
    path.push(choice);
  }
  return { path, score };
}
