export function beamSearch(width, maxLength, end, alpha, score) {
  const before = (a, b) => {
    for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
    return a.length - b.length;
  };
  const done = (h) => h.tokens[h.tokens.length - 1] === end;
  let beam = [{ tokens: [], total: 0 }];
  for (let round = 0; round < maxLength; round++) {
    if (beam.every(done)) break;
    const candidates = [];
    for (const h of beam) {
      if (done(h)) candidates.push(h);
      else score(h.tokens).forEach((p, token) => p > -Infinity && candidates.push({ tokens: [...h.tokens, token], total: h.total + p }));
    }
    candidates.sort((a, b) => b.total - a.total || before(a.tokens, b.tokens));
    beam = candidates.slice(0, width);
  }
  const value = (h) => h.total / Math.pow(h.tokens.length, alpha);
  beam.sort((a, b) => value(b) - value(a) || before(a.tokens, b.tokens));
  return beam[0];
}
