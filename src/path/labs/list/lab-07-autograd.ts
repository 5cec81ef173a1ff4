import type { Rng } from "../../../kernel/rng.ts";
import { asRecord, near, vectorNear } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { between } from "../oracle/random.ts";

const limit = 1e-6;

type Node =
  | { readonly op: "input"; readonly index: number }
  | { readonly op: "add" | "sub" | "mul" | "div"; readonly a: number; readonly b: number }
  | { readonly op: "exp" | "log" | "tanh" | "relu"; readonly a: number }
  | { readonly op: "pow"; readonly a: number; readonly exponent: number };

export const autograd: Lab = {
  number: 7,
  version: 1,
  title: "Automatic differentiation, scalar by scalar",
  blockId: "weeks-4-7",
  minutes: 60,
  statement: `The engine inside every framework, without the tensors.

You get \`nodes\` and \`inputs\` (numbers). A node refers to earlier nodes by their place in the list:

| node | value |
| --- | --- |
| \`{ op: "input", index }\` | inputs[index] |
| \`{ op: "add" / "sub" / "mul" / "div", a, b }\` | of the values of nodes a and b |
| \`{ op: "exp" / "log" / "tanh" / "relu", a }\` | of the value of node a; relu is max(x, 0) |
| \`{ op: "pow", a, exponent }\` | value of node a to a constant power; the derivative for exponent 0 is 0 |

The result is the value of the **last** node. Return \`value\` and \`gradient\`, the derivative of the result with respect to each input, in their order (0 for an input that plays no part).

Both must agree to ${limit}, relative where larger than 1. A node may be used many times, an input may occur in many nodes, and a chain may be 5,000 nodes deep: recursion will not do.

Why it matters: gradients **add up** where a value is used twice. Setting in place of adding is the first bug of everyone who writes this, and it hides until a weight is shared.`,
  entry: { typescript: "differentiate", python: "differentiate" },
  starter: {
    typescript: `type Node =
  | { op: "input"; index: number }
  | { op: "add" | "sub" | "mul" | "div"; a: number; b: number }
  | { op: "exp" | "log" | "tanh" | "relu"; a: number }
  | { op: "pow"; a: number; exponent: number };

export function differentiate(nodes: Node[], inputs: number[]): { value: number; gradient: number[] } {
  throw new Error("write me");
}
`,
    python: `def differentiate(nodes, inputs):
    """nodes: dicts with op and index, a, b or exponent. Returns a dict with value and gradient."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => {
    const x = input(0);
    const y = input(1);
    const some = (name: string, n: number): number[] => Array.from({ length: n }, () => between(rng.fork(name), 0.5, 2)).map((v, i) => v + i * 0.3);
    return [
      one("a product and a sum", [x, y, two("mul", 0, 1), two("add", 2, 0)], some("a", 2)),
      one("difference and quotient", [x, y, two("div", 0, 1), two("sub", 1, 2)], some("b", 2)),
      one("a value used twice", [x, one1("exp", 0), two("mul", 1, 1), two("add", 2, 1)], some("c", 1)),
      one("the same input in two nodes", [x, x, y, two("mul", 0, 1), two("mul", 3, 2)], some("d", 2)),
      one("functions", [x, y, one1("tanh", 0), one1("log", 1), two("mul", 2, 3), one1("exp", 4)], some("e", 2)),
      one("on both sides of the hinge", [x, y, one1("relu", 0), one1("relu", 1), two("add", 2, 3), two("mul", 4, 4)], [1.5, -2]),
      one("powers", [x, power(0, 3), power(0, -1), power(0, 0.5), two("add", 1, 2), two("add", 4, 3)], some("f", 1)),
      one("to the power 0, at 0", [x, y, power(0, 0), two("mul", 2, 1)], [0, 3]),
      one("an input that plays no part", [x, y, input(2), two("mul", 0, 2)], some("g", 3)),
      one("nodes after which nothing follows", [x, y, two("mul", 0, 1), one1("exp", 2), two("add", 0, 1)], some("h", 2)),
      one("5,000 deep", [x, ...Array.from({ length: 5000 }, (_, i): Node => (i % 2 === 0 ? one1("tanh", i) : two("add", i, 0)))], [0.7]),
      random(rng.fork("random")),
    ];
  },
};

const input = (index: number): Node => ({ op: "input", index });
const two = (op: "add" | "sub" | "mul" | "div", a: number, b: number): Node => ({ op, a, b });
const one1 = (op: "exp" | "log" | "tanh" | "relu", a: number): Node => ({ op, a });
const power = (a: number, exponent: number): Node => ({ op: "pow", a, exponent });

/** Bounded by tanh, so that nothing explodes; far from the hinge's corner, so that every derivative exists. */
function random(rng: Rng): LabCase {
  const nodes: Node[] = [input(0), input(1), input(2)];
  while (nodes.length < 60) {
    const [a, b] = [rng.int(nodes.length), rng.int(nodes.length)];
    nodes.push(rng.next() < 0.4 ? one1("tanh", a) : two((["add", "sub", "mul"] as const)[rng.int(3)]!, a, b));
    if (Math.abs(values(nodes, [0.5, 1, 1.5]).at(-1)!) > 5) nodes.push(one1("tanh", nodes.length - 1));
  }
  const all = [0, 1, 2].reduce<Node[]>((list, i) => [...list, two("add", list.length - 1, i)], nodes);
  return one("a random graph", all, [0.5, 1, 1.5]);
}

function one(name: string, nodes: readonly Node[], inputs: readonly number[]): LabCase {
  return { name, args: [nodes, inputs], check: (answer) => check(nodes, inputs, answer) };
}

function values(nodes: readonly Node[], inputs: readonly number[]): number[] {
  const v: number[] = [];
  for (const node of nodes) {
    if (node.op === "input") v.push(inputs[node.index]!);
    else if ("b" in node) {
      const [a, b] = [v[node.a]!, v[node.b]!];
      v.push(node.op === "add" ? a + b : node.op === "sub" ? a - b : node.op === "mul" ? a * b : a / b);
    } else if (node.op === "pow") v.push(v[node.a]! ** node.exponent);
    else v.push(node.op === "relu" ? Math.max(v[node.a]!, 0) : Math[node.op](v[node.a]!));
  }
  return v;
}

function check(nodes: readonly Node[], inputs: readonly number[], answer: unknown): Finding | undefined {
  const got = asRecord(answer, ["value", "gradient"], "the answer");
  const v = values(nodes, inputs);
  const g = nodes.map((_, i) => (i === nodes.length - 1 ? 1 : 0));
  const gradient = inputs.map(() => 0);
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    if (node.op === "input") gradient[node.index]! += g[i]!;
    else if ("b" in node) {
      const [a, b] = [v[node.a]!, v[node.b]!];
      g[node.a]! += g[i]! * (node.op === "mul" ? b : node.op === "div" ? 1 / b : 1);
      g[node.b]! += g[i]! * (node.op === "mul" ? a : node.op === "div" ? -a / (b * b) : node.op === "sub" ? -1 : 1);
    } else {
      const x = v[node.a]!;
      const slope = { exp: () => v[i]!, log: () => 1 / x, tanh: () => 1 - v[i]! ** 2, relu: () => (x > 0 ? 1 : 0) };
      g[node.a]! += g[i]! * (node.op === "pow" ? (node.exponent === 0 ? 0 : node.exponent * x ** (node.exponent - 1)) : slope[node.op]());
    }
  }
  return near(got["value"], v.at(-1)!, limit, "value") ?? vectorNear(got["gradient"], gradient, limit, "gradient");
}
