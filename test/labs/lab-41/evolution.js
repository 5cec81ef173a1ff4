// One parent, one child; the step grows with success and shrinks with failure (the one-fifth rule).
function generator(seed) {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), s | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const toValue = ({ low, high, scale, whole }, u) => {
  const v = scale === "log" ? Math.exp(Math.log(low) + u * Math.log(high / low)) : low + u * (high - low);
  return Math.min(high, Math.max(low, whole ? Math.round(v) : v));
};

export function search(train, space, budget) {
  const random = generator(12345);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const configure = (point) => Object.fromEntries(space.map((p, i) => [p.name, toValue(p, point[i])]));
  let best = null;
  let loss = Infinity;
  let point = space.map(() => 0.5);
  let step = 0.3;
  for (let trial = 0; trial < budget; trial++) {
    const child = trial === 0 ? point : point.map((x) => Math.min(1, Math.max(0, x + step * normal())));
    const configuration = configure(child);
    const value = train(configuration);
    if (value < loss) {
      [best, loss, point] = [configuration, value, child];
      step = Math.min(0.25, step * 1.5);
    } else if (loss < Infinity) step *= 0.89;
  }
  return { best, loss };
}
