// Isotonic regression as the slopes of the greatest convex function below the running sums; Platt on centred scores, one variable at a time inside.
export function calibrate(scores, labels, bins) {
  const n = scores.length;
  const ones = labels.filter(Boolean).length;
  const target = [1 / (n - ones + 2), (ones + 1) / (ones + 2)];
  const mean = scores.reduce((a, b) => a + b, 0) / n;
  const centred = scores.map((s) => s - mean);
  const sigmoid = (z) => 1 / (1 + Math.exp(-z));
  const root = (f, low, high) => {
    for (let i = 0; i < 40; i++) {
      const middle = (low + high) / 2;
      if (f(middle) > 0) high = middle;
      else low = middle;
    }
    return (low + high) / 2;
  };
  // For a given slope the best intercept is where the residuals sum to 0; the best slope is where they are orthogonal to the scores.
  const intercept = (a) => root((b) => centred.reduce((sum, s, i) => sum + sigmoid(a * s + b) - target[labels[i]], 0), -60 - Math.abs(a), 60 + Math.abs(a));
  const slope = root(
    (a) => {
      const b = intercept(a);
      return centred.reduce((sum, s, i) => sum + s * (sigmoid(a * s + b) - target[labels[i]]), 0);
    },
    -2000,
    2000,
  );
  const platt = { a: slope, b: intercept(slope) - slope * mean };

  const groups = new Map();
  scores.forEach((s, i) => {
    const g = groups.get(s) ?? [0, 0];
    groups.set(s, [g[0] + 1, g[1] + labels[i]]);
  });
  const values = [...groups.keys()].sort((a, b) => a - b);
  const points = [[0, 0]];
  for (const v of values) {
    const [x, y] = points[points.length - 1];
    points.push([x + groups.get(v)[0], y + groups.get(v)[1]]);
  }
  const hull = [];
  for (const p of points) {
    while (hull.length > 1) {
      const [a, b] = [hull[hull.length - 2], hull[hull.length - 1]];
      if ((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) > 0) break;
      hull.pop();
    }
    hull.push(p);
  }
  const slopeAt = (x) => {
    const k = hull.findIndex((p) => p[0] >= x);
    return (hull[k][1] - hull[k - 1][1]) / (hull[k][0] - hull[k - 1][0]);
  };
  const fitted = new Map(values.map((v, i) => [v, slopeAt(points[i + 1][0])]));

  let ece = 0;
  for (let bin = 0; bin < bins; bin++) {
    const rows = scores.flatMap((s, i) => ((s >= bin / bins && s < (bin + 1) / bins) || (bin === bins - 1 && s === 1) ? [i] : []));
    ece += Math.abs(rows.reduce((sum, i) => sum + scores[i] - labels[i], 0)) / n;
  }
  return { platt, isotonic: scores.map((s) => fitted.get(s)), ece };
}
