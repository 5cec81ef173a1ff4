import type { Rng } from "../../../kernel/rng.ts";
import { asRecord, near, wrong } from "../answers.ts";
import { HostFunction, WrongAnswer, type Finding, type Lab, type LabCase } from "../lab.ts";

interface Parameter {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  readonly scale: "linear" | "log";
  readonly whole: boolean;
}

type Configuration = Readonly<Record<string, number>>;

const budget = 160;
const space: readonly Parameter[] = [
  { name: "learningRate", low: 1e-4, high: 1, scale: "log", whole: false },
  { name: "regularisation", low: 1e-6, high: 10, scale: "log", whole: false },
  { name: "subsample", low: 0.2, high: 1, scale: "linear", whole: false },
  { name: "dropout", low: 0, high: 0.8, scale: "linear", whole: false },
  { name: "leaves", low: 8, high: 1024, scale: "log", whole: true },
];

export const hyperparameterSearch: Lab = {
  number: 41,
  version: 1,
  title: "A search for hyperparameters that learns as it goes",
  blockId: "weeks-37-41",
  minutes: 90,
  statement: `Random search is a fine start and a poor end: its hundredth trial knows nothing of the ninety-nine before. Write a search that does.

You get \`train\` (a function: it takes a configuration and returns its validation loss, or NaN when the training failed), \`space\` (a list of parameters, each with \`name\`,
\`low\`, \`high\`, \`scale\`: "linear" or "log", and \`whole\`: true for whole numbers) and \`budget\` (how often you may call \`train\`). A configuration is an object from
name to number, each within its bounds, whole where it must be. Return \`{best, loss}\`: the best configuration you tried and its loss.

You are graded by what you reach, not by how: the loss must be at most a **fifth** of what random search reaches with the same budget in its luckiest run of twenty.
The surface is smooth in the logarithm of log-scaled parameters, has one valley, and lies somewhere inside the bounds. Calls are counted on the other side.

Ways that work: sample near the best so far and shrink or grow the step with success (evolution); fit two densities, of good and of bad trials, and sample where
their ratio is high (TPE); walk along one parameter after another. Ways that do not: a grid (five parameters at three values are 243 trainings), and steps of equal
size on a scale that spans four decades.

Why it matters: every trial is a training run somebody pays for.`,
  entry: { typescript: "search", python: "search" },
  starter: {
    typescript: `interface Parameter { name: string; low: number; high: number; scale: "linear" | "log"; whole: boolean }
type Configuration = Record<string, number>;

export function search(train: (configuration: Configuration) => number, space: Parameter[], budget: number): { best: Configuration; loss: number } {
  throw new Error("write me");
}
`,
    python: `def search(train, space, budget):
    """train takes a dict and returns a float (nan: failed); space is a list of dicts. Returns a dict with best and loss."""
    raise NotImplementedError("write me")
`,
  },
  limits: { timeMs: 10_000 },
  cases: (rng) => [
    one(rng, "a round valley", {}),
    one(rng, "some parameters matter more", { weights: [3, 1, 0.5, 1, 2] }),
    one(rng, "trainings that fail", { isFragile: true }),
    one(rng, "parameters that interact", { coupling: 0.5 }),
  ],
};

interface Surface {
  readonly weights?: readonly number[];
  /** Trainings fail in the upper half of the learning rate's scale; the best is below. */
  readonly isFragile?: boolean;
  readonly coupling?: number;
}

/** Where a value lies between its bounds, on the parameter's own scale. */
function place({ low, high, scale }: Parameter, value: number): number {
  return scale === "log" ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

function valueAt({ low, high, scale, whole }: Parameter, share: number): number {
  const value = scale === "log" ? low * (high / low) ** share : low + (high - low) * share;
  return Math.min(high, Math.max(low, whole ? Math.round(value) : value));
}

function one(rng: Rng, name: string, { weights = [1, 1, 1, 1, 1], isFragile = false, coupling = 0 }: Surface): LabCase {
  const own = rng.fork(name);
  const centre = space.map((_, i) => 0.25 + (isFragile && i === 0 ? 0.2 : 0.5) * own.next());
  const lossOf = (configuration: Configuration): number => {
    const at = space.map((p) => place(p, configuration[p.name]!));
    if (isFragile && at[0]! > 0.49) return NaN;
    const d = at.map((x, i) => x - centre[i]!);
    return d.reduce((sum, x, i) => sum + weights[i]! * x * x + coupling * x * (d[i - 1] ?? 0), 0);
  };
  const target = luckiest(own, lossOf) / 5;
  const tried: { readonly configuration: Configuration; readonly loss: number }[] = [];
  const train = new HostFunction("train", (given) => {
    if (tried.length >= budget) throw new Error(`the budget of ${budget} trainings is spent`);
    const configuration = asConfiguration(given);
    const loss = lossOf(configuration);
    tried.push({ configuration, loss });
    return loss;
  });
  return { name, args: [train, space, budget], check: (answer) => check(tried, target, answer) };
}

/** What the best of twenty random searches reaches. */
function luckiest(rng: Rng, lossOf: (configuration: Configuration) => number): number {
  let least = Infinity;
  for (let i = 0; i < 20 * budget; i++) {
    const loss = lossOf(Object.fromEntries(space.map((p) => [p.name, valueAt(p, rng.next())])));
    if (loss < least) least = loss;
  }
  return least;
}

function asConfiguration(given: unknown): Configuration {
  const problem = problemOf(given);
  if (problem !== undefined) throw new Error(problem);
  return Object.fromEntries(space.map(({ name }) => [name, (given as Configuration)[name]!]));
}

function problemOf(given: unknown): string | undefined {
  if (typeof given !== "object" || given === null) return "a configuration is an object from name to number";
  for (const { name, low, high, whole } of space) {
    const value: unknown = Reflect.get(given, name);
    if (typeof value !== "number" || !(value >= low && value <= high)) return `${name} must be a number from ${low} to ${high}, not ${String(value)}`;
    if (whole && !Number.isInteger(value)) return `${name} must be a whole number, not ${value}`;
  }
  return undefined;
}

function check(tried: readonly { readonly configuration: Configuration; readonly loss: number }[], target: number, answer: unknown): Finding | undefined {
  const got = asRecord(answer, ["best", "loss"], "the answer");
  const problem = problemOf(got["best"]);
  if (problem !== undefined) throw new WrongAnswer(wrong(`best is not a configuration: ${problem}.`, "a configuration within the bounds", got["best"]));
  const best = got["best"] as Configuration;
  const own = tried.filter(({ configuration }) => space.every(({ name }) => configuration[name] === best[name]));
  if (own.length === 0) return wrong("best was never tried.", "one of the configurations given to train", best);
  const least = Math.min(...tried.map(({ loss }) => (Number.isNaN(loss) ? Infinity : loss)));
  const finding = near(got["loss"], least, 1e-12, "loss, which is that of the best trial,") ?? near(own[0]!.loss, least, 1e-12, "the loss of best");
  if (finding !== undefined) return finding;
  if (least <= target) return undefined;
  return wrong(`After ${tried.length} trainings the loss is still too large.`, `at most ${target}`, least, {
    tolerance: "a fifth of the luckiest random search of twenty",
    difference: least / target,
  });
}
