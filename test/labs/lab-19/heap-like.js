// Keeps the best `width` by insertion, hypotheses as linked nodes.
export function beamSearch(width, maxLength, end, alpha, score) {
  const unroll = (node) => (node.parent === null ? [] : [...unroll(node.parent), node.token]);
  const smaller = (a, b) => {
    const [left, right] = [unroll(a), unroll(b)];
    const at = left.findIndex((token, i) => token !== right[i]);
    return at < 0 ? left.length <= right.length : right[at] === undefined ? false : left[at] < right[at];
  };
  const better = (a, b) => a.total > b.total || (a.total === b.total && smaller(a, b));
  let beam = [{ parent: null, token: -1, total: 0, length: 0 }];
  for (let round = 0; round < maxLength && beam.some(({ token }) => token !== end); round++) {
    const kept = [];
    const offer = (node) => {
      let at = kept.length;
      while (at > 0 && better(node, kept[at - 1])) at--;
      kept.splice(at, 0, node);
      if (kept.length > width) kept.pop();
    };
    for (const node of beam) {
      if (node.token === end) {
        offer(node);
        continue;
      }
      const scores = score(unroll(node));
      for (let token = 0; token < scores.length; token++)
        if (Number.isFinite(scores[token])) offer({ parent: node, token, total: node.total + scores[token], length: node.length + 1 });
    }
    beam = kept;
  }
  const value = ({ total, length }) => total / length ** alpha;
  const best = beam.reduce((a, b) => (value(b) > value(a) || (value(b) === value(a) && smaller(b, a)) ? b : a));
  return { total: best.total, tokens: unroll(best) };
}
