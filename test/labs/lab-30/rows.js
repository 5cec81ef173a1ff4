export function step(x, labels, net, rate) {
  const n = x.length;
  const add = (row, w, b) => b.map((bias, j) => row.reduce((sum, value, i) => sum + value * w[i][j], bias));
  const z1 = x.map((row) => add(row, net.w1, net.b1));
  const a1 = z1.map((row) => row.map((z) => Math.max(0, z)));
  const z2 = a1.map((row) => add(row, net.w2, net.b2));
  const p = z2.map((row) => {
    const top = Math.max(...row);
    const weights = row.map((z) => Math.exp(z - top));
    const sum = weights.reduce((a, b) => a + b);
    return weights.map((w) => w / sum);
  });
  const loss =
    z2.reduce((sum, row, i) => {
      const top = Math.max(...row);
      return sum + top + Math.log(row.reduce((s, z) => s + Math.exp(z - top), 0)) - row[labels[i]];
    }, 0) / n;
  const dz2 = p.map((row, i) => row.map((share, k) => (share - (k === labels[i] ? 1 : 0)) / n));
  const outer = (left, right) => left[0].map((_, i) => right[0].map((_, j) => left.reduce((sum, row, r) => sum + row[i] * right[r][j], 0)));
  const sums = (m) => m[0].map((_, j) => m.reduce((sum, row) => sum + row[j], 0));
  const dw2 = outer(a1, dz2);
  const db2 = sums(dz2);
  const w2 = net.w2;
  const dz1 = dz2.map((row, i) => w2.map((weights, j) => (z1[i][j] > 0 ? weights.reduce((sum, w, k) => sum + w * row[k], 0) : 0)));
  const dw1 = outer(x, dz1);
  const db1 = sums(dz1);
  const less = (m, g) => m.map((row, i) => row.map((value, j) => value - rate * g[i][j]));
  const stepped = { w1: less(net.w1, dw1), b1: net.b1.map((b, j) => b - rate * db1[j]), w2: less(net.w2, dw2), b2: net.b2.map((b, j) => b - rate * db2[j]) };
  return { z1, a1, z2, p, loss, dz2, dw2, db2, dz1, dw1, db1, stepped };
}
