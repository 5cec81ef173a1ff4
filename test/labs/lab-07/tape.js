// Reverse mode: values forward, gradients back, added where a value is used more than once.
export function differentiate(nodes, inputs) {
  const v = [];
  for (const { op, index, a, b, exponent } of nodes) {
    const x = v[a];
    const y = v[b];
    v.push(
      {
        input: () => inputs[index],
        add: () => x + y,
        sub: () => x - y,
        mul: () => x * y,
        div: () => x / y,
        exp: () => Math.exp(x),
        log: () => Math.log(x),
        tanh: () => Math.tanh(x),
        relu: () => (x > 0 ? x : 0),
        pow: () => x ** exponent,
      }[op](),
    );
  }
  const g = v.map(() => 0);
  g[g.length - 1] = 1;
  const gradient = inputs.map(() => 0);
  for (let i = nodes.length - 1; i >= 0; i--) {
    const { op, index, a, b, exponent } = nodes[i];
    const up = g[i];
    if (op === "input") gradient[index] += up;
    if (op === "add") [g[a], g[b]] = a === b ? [g[a] + 2 * up, g[a] + 2 * up] : [g[a] + up, g[b] + up];
    if (op === "sub") {
      g[a] += up;
      g[b] -= up;
    }
    if (op === "mul") {
      g[a] += up * v[b];
      g[b] += up * v[a];
    }
    if (op === "div") {
      g[a] += up / v[b];
      g[b] -= (up * v[a]) / (v[b] * v[b]);
    }
    if (op === "exp") g[a] += up * v[i];
    if (op === "log") g[a] += up / v[a];
    if (op === "tanh") g[a] += up * (1 - v[i] * v[i]);
    if (op === "relu") g[a] += v[a] > 0 ? up : 0;
    if (op === "pow") g[a] += exponent === 0 ? 0 : up * exponent * v[a] ** (exponent - 1);
  }
  return { value: v[v.length - 1], gradient };
}
