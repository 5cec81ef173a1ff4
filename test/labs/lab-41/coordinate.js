// One parameter after another: a parabola through three points of its scale gives the next point, then the span shrinks.
export function search(train, space, budget) {
  const at = (p, u) => {
    const v = p.scale === "log" ? p.low * Math.pow(p.high / p.low, u) : p.low + u * (p.high - p.low);
    return Math.max(p.low, Math.min(p.high, p.whole ? Math.round(v) : v));
  };
  const account = { left: budget };
  let best = null;
  let loss = Infinity;
  const centre = space.map(() => 0.5);
  const measure = (point) => {
    if (account.left === 0) return Infinity;
    account.left--;
    const configuration = Object.fromEntries(space.map((p, i) => [p.name, at(p, point[i])]));
    const value = train(configuration);
    if (!(value >= loss) && !Number.isNaN(value)) [best, loss] = [configuration, value];
    return Number.isNaN(value) ? 1e6 : value;
  };
  let here = measure(centre);
  let span = 0.2;
  while (account.left > 0) {
    for (let i = 0; i < space.length && account.left > 0; i++) {
      const moved = (u) => centre.map((x, j) => (j === i ? Math.max(0, Math.min(1, u)) : x));
      const a = measure(moved(centre[i] - span));
      const b = measure(moved(centre[i] + span));
      const curve = a + b - 2 * here;
      const target = curve > 0 && a < 1e5 && b < 1e5 ? centre[i] + (span * (a - b)) / (2 * curve) : a < b ? centre[i] - span : centre[i] + span;
      const value = measure(moved(Math.max(centre[i] - 2 * span, Math.min(centre[i] + 2 * span, target))));
      for (const [u, v] of [
        [target, value],
        [centre[i] - span, a],
        [centre[i] + span, b],
      ])
        if (v < here) {
          here = v;
          centre[i] = Math.max(0, Math.min(1, Math.max(centre[i] - 2 * span, Math.min(centre[i] + 2 * span, u))));
        }
    }
    span *= 0.6;
  }
  return { best, loss };
}
