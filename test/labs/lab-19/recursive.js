// The rounds as a recursion; finished ones are carried beside the open ones and cut together.
export function beamSearch(width, maxLength, end, alpha, score) {
  const key = (tokens) => tokens.map((token) => String.fromCharCode(65 + token)).join("");
  const order = (a, b) => b.total - a.total || (a.key < b.key ? -1 : 1);
  const go = (open, finished, round) => {
    if (round === maxLength || open.length === 0) return [...open, ...finished];
    const grown = open.flatMap(({ tokens, total }) =>
      Array.from(score(tokens), (p, token) => ({ tokens: tokens.concat(token), total: total + p })).filter((h) => h.total !== -Infinity),
    );
    const all = [...grown.map((h) => ({ ...h, key: key(h.tokens) })), ...finished].sort(order).slice(0, width);
    const isDone = ({ tokens }) => tokens.at(-1) === end;
    return go(
      all.filter((h) => !isDone(h)),
      all.filter(isDone),
      round + 1,
    );
  };
  const beam = go([{ tokens: [], total: 0, key: "" }], [], 0).map((h) => ({ ...h, normed: h.total / h.tokens.length ** alpha }));
  const [{ tokens, total }] = beam.sort((a, b) => b.normed - a.normed || (a.key < b.key ? -1 : 1));
  return { tokens, total };
}
