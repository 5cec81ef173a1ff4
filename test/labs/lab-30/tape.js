// Reverse mode on a tape of scalar operations: the chain rule is never written out by hand.
export function step(x, labels, net, rate) {
  const tape = [];
  const node = (value, parents = []) => {
    const made = { value, parents, grad: 0 };
    tape.push(made);
    return made;
  };
  const leaf = (value) => (Array.isArray(value) ? value.map(leaf) : node(value));
  const sumOfProducts = (pairs, bias) =>
    node(
      pairs.reduce((s, [a, b]) => s + a.value * b.value, bias.value),
      [
        ...pairs.flatMap(([a, b]) => [
          [a, b.value],
          [b, a.value],
        ]),
        [bias, 1],
      ],
    );
  const layer = (rows, w, b) =>
    rows.map((row) =>
      b.map((bias, j) =>
        sumOfProducts(
          row.map((a, i) => [a, w[i][j]]),
          bias,
        ),
      ),
    );
  const [w1, b1, w2, b2] = [net.w1, net.b1, net.w2, net.b2].map(leaf);
  const z1 = layer(leaf(x), w1, b1);
  const a1 = z1.map((row) => row.map((z) => node(Math.max(z.value, 0), [[z, z.value > 0 ? 1 : 0]])));
  const z2 = layer(a1, w2, b2);
  const p = [];
  const losses = z2.map((row, r) => {
    const top = Math.max(...row.map((z) => z.value));
    const sum = row.reduce((s, z) => s + Math.exp(z.value - top), 0);
    p.push(row.map((z) => Math.exp(z.value - top) / sum));
    return node(
      Math.log(sum) + top - row[labels[r]].value,
      row.map((z, k) => [z, p[r][k] - (k === labels[r] ? 1 : 0)]),
    );
  });
  const loss = node(
    losses.reduce((s, l) => s + l.value, 0) / x.length,
    losses.map((l) => [l, 1 / x.length]),
  );
  loss.grad = 1;
  for (const { grad, parents } of tape.reverse()) for (const [parent, local] of parents) parent.grad += grad * local;
  const read = (value, what) => (Array.isArray(value) ? value.map((item) => read(item, what)) : what(value));
  const [values, grads, next] = [(v) => v.value, (v) => v.grad, (v) => v.value - rate * v.grad].map((what) => (value) => read(value, what));
  return {
    z1: values(z1),
    a1: values(a1),
    z2: values(z2),
    p,
    loss: loss.value,
    dz2: grads(z2),
    dz1: grads(z1),
    dw1: grads(w1),
    db1: grads(b1),
    dw2: grads(w2),
    db2: grads(b2),
    stepped: { w1: next(w1), b1: next(b1), w2: next(w2), b2: next(b2) },
  };
}
