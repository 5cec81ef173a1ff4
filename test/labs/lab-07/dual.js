// Forward mode: each value carries its derivatives with respect to all inputs.
export function differentiate(nodes, inputs) {
  const combine = (p, s, q, t) => p.map((value, i) => s * value + t * (q?.[i] ?? 0));
  const rules = {
    add: (x, y) => [x.v + y.v, 1, 1],
    sub: (x, y) => [x.v - y.v, 1, -1],
    mul: (x, y) => [x.v * y.v, y.v, x.v],
    div: (x, y) => [x.v / y.v, 1 / y.v, -x.v / y.v ** 2],
    exp: (x) => [Math.exp(x.v), Math.exp(x.v), 0],
    log: (x) => [Math.log(x.v), 1 / x.v, 0],
    tanh: (x) => [Math.tanh(x.v), 1 - Math.tanh(x.v) ** 2, 0],
    relu: (x) => [Math.max(0, x.v), Number(x.v > 0), 0],
    pow: (x, _, n) => [Math.pow(x.v, n), n === 0 ? 0 : n * Math.pow(x.v, n - 1), 0],
  };
  const duals = [];
  for (const node of nodes) {
    if (node.op === "input") duals.push({ v: inputs[node.index], d: inputs.map((_, i) => (i === node.index ? 1 : 0)) });
    else {
      const [x, y] = [duals[node.a], duals[node.b]];
      const [v, s, t] = rules[node.op](x, y, node.exponent);
      duals.push({ v, d: combine(x.d, s, y?.d, t) });
    }
  }
  const { v, d } = duals.at(-1);
  return { value: v, gradient: d };
}
