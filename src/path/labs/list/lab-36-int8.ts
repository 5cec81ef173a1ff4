import type { Rng } from "../../../kernel/rng.ts";
import { asMatrix, asRecord, asVector, near, vectorNear, wrong } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";
import { between, gaussian, gaussianMatrix, gaussians } from "../oracle/random.ts";

const limit = 1e-9;

export const int8: Lab = {
  number: 36,
  version: 1,
  title: "A layer in INT8: scales, codes, zero point, and the integer sum",
  blockId: "weeks-27-31",
  minutes: 50,
  statement: `Half of the speed-up of a quantised model is integer arithmetic; all of its trouble is in how numbers become integers.

You get \`weights\` (m lists of n numbers, one list an output) and \`x\` (n numbers, the input). Return

* \`scales\`: m numbers. Each row of weights has its own scale, the largest absolute weight divided by 127. A row of zeros has scale 1;
* \`codes\`: m lists of n whole numbers, the weight divided by its scale, rounded to the nearest whole number, between -127 and 127. Exactly half way
  goes to the **even** neighbour;
* \`inputScale\`, \`zeroPoint\`, \`inputCodes\`: the input in 0 to 255. Let lo be the smallest input or 0, whichever is less, and hi the largest or 0,
  whichever is more. The scale is (hi - lo)/255 (1 if that is 0), the zero point is -lo divided by the scale, rounded as above, and a code is x divided by
  the scale, rounded, plus the zero point, clamped to 0 to 255. So the number 0 is exact: its code is the zero point;
* \`output\`: m numbers, computed from the **codes**: scale of the row x input scale x the sum of weight code x (input code - zero point).

Scales and outputs must agree to ${limit}. A code may be either neighbour only where the quotient is within ${limit} of half way by rounding of the division.

Why it matters: one outlier in one row, with a scale shared by all rows, turns the other rows into zeros; and padding that is not exactly zero leaks into
every sum.`,
  entry: { typescript: "quantisedLayer", python: "quantised_layer" },
  starter: {
    typescript: `export function quantisedLayer(weights: number[][], x: number[]) {
  // scales, codes, inputScale, zeroPoint, inputCodes, output
  throw new Error("write me");
}
`,
    python: `def quantised_layer(weights, x):
    """Returns a dict with scales, codes, inputScale, zeroPoint, inputCodes, output."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => {
    const rows = (name: string, m: number, n: number): number[][] => gaussianMatrix(rng.fork(name), m, n);
    const signs = (name: string, n: number): number[] => gaussians(rng.fork(name), n);
    return [
      one("a small layer", rows("small", 4, 8), signs("x", 8)),
      one("a wide layer", rows("wide", 8, 64), signs("wide x", 64)),
      one("one row a thousand times larger", scaled(rows("outlier", 5, 12), 2, 1000), signs("ox", 12)),
      one("a row of zeros", [...rows("zero", 2, 6), [0, 0, 0, 0, 0, 0]], signs("zx", 6)),
      one(
        "an input of one sign",
        rows("relu", 4, 10),
        signs("relu x", 10).map((v) => 5 + Math.abs(v)),
      ),
      one(
        "a negative input",
        rows("negative", 4, 10),
        signs("negative x", 10).map((v) => -3 - Math.abs(v)),
      ),
      one("an input of zeros", rows("zeros", 3, 5), [0, 0, 0, 0, 0]),
      one("exactly half way", halfWay(rng.fork("ties")), [0, 255, 2.5, 3.5, 100.5]),
      one("one number", [[between(rng.fork("w"), 0.1, 3)]], [between(rng.fork("v"), 0.1, 3)]),
      one("an outlier in the input", rows("far", 4, 16), [...signs("far x", 15), 400 + Math.abs(gaussian(rng.fork("f")))]),
    ];
  },
};

function scaled(rows: number[][], row: number, factor: number): number[][] {
  return rows.map((values, i) => (i === row ? values.map((v) => v * factor) : values));
}

/** Scale 1, so that half way is exactly half way. */
function halfWay(rng: Rng): number[][] {
  const half = (): number => rng.int(120) - 60 + 0.5;
  return [
    [127, 0.5, 1.5, 2.5, -0.5],
    [-127, -1.5, -2.5, half(), half()],
  ];
}

function one(name: string, weights: readonly number[][], x: readonly number[]): LabCase {
  return { name, args: [weights, x], check: (answer) => check(weights, x, answer) };
}

function check(weights: readonly number[][], x: readonly number[], answer: unknown): Finding | undefined {
  const got = asRecord(answer, ["scales", "codes", "inputScale", "zeroPoint", "inputCodes", "output"], "the answer");
  const scales = weights.map((row) => Math.max(...row.map(Math.abs)) / 127 || 1);
  const codes = asMatrix(got["codes"], weights.length, x.length, "codes");
  const inputCodes = asVector(got["inputCodes"], x.length, "inputCodes");
  const [lo, hi] = [Math.min(0, ...x), Math.max(0, ...x)];
  const inputScale = (hi - lo) / 255 || 1;
  const zeroPoint = asVector([got["zeroPoint"]], 1, "zeroPoint")[0]!;
  const output = codes.map((row, i) => scales[i]! * inputScale * row.reduce((sum, code, j) => sum + code * (inputCodes[j]! - zeroPoint), 0));
  return (
    vectorNear(got["scales"], scales, limit, "scales") ??
    near(got["inputScale"], inputScale, limit, "inputScale") ??
    rounded(zeroPoint, -lo / inputScale, 0, 255, "zeroPoint") ??
    first(weights, (row, i) => first(row, (w, j) => rounded(codes[i]![j]!, w / scales[i]!, -127, 127, `codes[${i}][${j}]`))) ??
    first(x, (v, j) => rounded(inputCodes[j]! - zeroPoint, v / inputScale, -zeroPoint, 255 - zeroPoint, `inputCodes[${j}] less the zero point`)) ??
    vectorNear(got["output"], output, limit, "output")
  );
}

/** The nearest whole number within the bounds; half way to the even one, unless the division itself is in doubt. */
function rounded(code: number, quotient: number, low: number, high: number, what: string): Finding | undefined {
  const down = Math.floor(quotient);
  const past = quotient - down;
  const nearest = past < 0.5 ? down : past > 0.5 ? down + 1 : down % 2 === 0 ? down : down + 1;
  const isDoubtful = past !== 0.5 && Math.abs(past - 0.5) < limit;
  const clamp = (v: number): number => Math.min(high, Math.max(low, v));
  if (code === clamp(nearest) || (isDoubtful && (code === clamp(down) || code === clamp(down + 1)))) return undefined;
  return wrong(`${what} is not the nearest whole number to ${quotient}.`, clamp(nearest) + 0, code);
}

function first<T>(items: readonly T[], find: (item: T, index: number) => Finding | undefined): Finding | undefined {
  for (const [index, item] of items.entries()) {
    const finding = find(item, index);
    if (finding !== undefined) return finding;
  }
  return undefined;
}
