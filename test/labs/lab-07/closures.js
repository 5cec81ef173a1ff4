// Each node remembers how to pass its gradient on; they are called from the last to the first.
export function differentiate(nodes, inputs) {
  const gradient = inputs.map(() => 0);
  const made = [];
  for (const node of nodes) {
    const self = { v: 0, g: 0, back: () => undefined };
    const [p, q] = [made[node.a], made[node.b]];
    switch (node.op) {
      case "input":
        self.v = inputs[node.index];
        self.back = () => (gradient[node.index] += self.g);
        break;
      case "add":
      case "sub": {
        const sign = node.op === "add" ? 1 : -1;
        self.v = p.v + sign * q.v;
        self.back = () => {
          p.g += self.g;
          q.g += sign * self.g;
        };
        break;
      }
      case "mul":
        self.v = p.v * q.v;
        self.back = () => {
          p.g += q.v * self.g;
          q.g += p.v * self.g;
        };
        break;
      case "div":
        self.v = p.v / q.v;
        self.back = () => {
          p.g += self.g / q.v;
          q.g -= (self.g * self.v) / q.v;
        };
        break;
      case "pow":
        self.v = p.v ** node.exponent;
        self.back = () => (p.g += node.exponent === 0 ? 0 : self.g * node.exponent * p.v ** (node.exponent - 1));
        break;
      default: {
        const slope = { exp: () => self.v, log: () => 1 / p.v, tanh: () => 1 / Math.cosh(p.v) ** 2, relu: () => (self.v > 0 ? 1 : 0) }[node.op];
        self.v = node.op === "relu" ? Math.max(p.v, 0) : Math[node.op](p.v);
        self.back = () => (p.g += self.g * slope());
      }
    }
    made.push(self);
  }
  const last = made.at(-1);
  last.g = 1;
  for (const node of made.reverse()) node.back();
  return { value: last.v, gradient };
}
