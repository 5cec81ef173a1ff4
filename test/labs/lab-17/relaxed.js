// The same as a longest path in a graph of (place, state), edge by edge.
export function viterbi(start, transition, emission, observed) {
  const nodes = [{ score: 0, before: null, state: -1 }];
  let layer = nodes;
  observed.forEach((symbol, t) => {
    const next = start.map((_, state) => ({ score: -Infinity, before: null, state }));
    for (const node of layer)
      for (const target of next) {
        const edge = (t === 0 ? start[target.state] : transition[node.state][target.state]) + emission[target.state][symbol];
        if (node.score + edge > target.score) {
          target.score = node.score + edge;
          target.before = node;
        }
      }
    layer = next;
  });
  const last = layer.reduce((a, b) => (b.score > a.score ? b : a));
  if (last.score === -Infinity) return { path: null, score: -Infinity };
  const path = [];
  for (let node = last; node.before !== null; node = node.before) path.unshift(node.state);
  return { path, score: last.score };
}
