// One example at a time, gradients added up.
export function step(x, labels, net, rate) {
  const [d, h, c, n] = [net.w1.length, net.b1.length, net.b2.length, x.length];
  const table = (rows, columns) => Array.from({ length: rows }, () => new Float64Array(columns));
  const out = { z1: table(n, h), a1: table(n, h), z2: table(n, c), p: table(n, c), loss: 0, dz2: table(n, c), dz1: table(n, h) };
  const grad = { w1: table(d, h), b1: new Float64Array(h), w2: table(h, c), b2: new Float64Array(c) };
  for (let r = 0; r < n; r++) {
    for (let j = 0; j < h; j++) {
      let z = net.b1[j];
      for (let i = 0; i < d; i++) z += x[r][i] * net.w1[i][j];
      out.z1[r][j] = z;
      out.a1[r][j] = z > 0 ? z : 0;
    }
    let top = -Infinity;
    for (let k = 0; k < c; k++) {
      let z = net.b2[k];
      for (let j = 0; j < h; j++) z += out.a1[r][j] * net.w2[j][k];
      out.z2[r][k] = z;
      top = Math.max(top, z);
    }
    let sum = 0;
    for (let k = 0; k < c; k++) sum += Math.exp(out.z2[r][k] - top);
    out.loss += (Math.log(sum) + top - out.z2[r][labels[r]]) / n;
    for (let k = 0; k < c; k++) {
      out.p[r][k] = Math.exp(out.z2[r][k] - top) / sum;
      const g = (out.p[r][k] - Number(k === labels[r])) / n;
      out.dz2[r][k] = g;
      grad.b2[k] += g;
      for (let j = 0; j < h; j++) {
        grad.w2[j][k] += out.a1[r][j] * g;
        if (out.z1[r][j] > 0) out.dz1[r][j] += g * net.w2[j][k];
      }
    }
    for (let j = 0; j < h; j++) {
      grad.b1[j] += out.dz1[r][j];
      for (let i = 0; i < d; i++) grad.w1[i][j] += x[r][i] * out.dz1[r][j];
    }
  }
  const walk = (value, g) => (typeof value === "number" ? value - rate * g : value.map((item, i) => walk(item, g[i])));
  const stepped = { w1: walk(net.w1, grad.w1), b1: walk(net.b1, grad.b1), w2: walk(net.w2, grad.w2), b2: walk(net.b2, grad.b2) };
  return { ...out, dw1: grad.w1, db1: grad.b1, dw2: grad.w2, db2: grad.b2, stepped };
}
