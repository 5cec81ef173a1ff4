/** XGBoost's objectives as they act on predictions, in float32 as XGBoost computes them. @see XGBoost src/objective/, v3.2 */
import { KarkhanaError } from "../../../kernel/error.ts";

export type XgboostTransform = "identity" | "sigmoid" | "exp" | "softmax" | "argmax" | "hinge";

export interface XgboostObjective {
  readonly name: string;
  readonly transform: XgboostTransform;
}

const transforms: ReadonlyMap<string, XgboostTransform> = new Map([
  ["reg:squarederror", "identity"],
  ["reg:linear", "identity"],
  ["reg:squaredlogerror", "identity"],
  ["reg:pseudohubererror", "identity"],
  ["reg:absoluteerror", "identity"],
  ["reg:quantileerror", "identity"],
  ["reg:logistic", "sigmoid"],
  ["binary:logistic", "sigmoid"],
  ["binary:logitraw", "identity"],
  ["binary:hinge", "hinge"],
  ["count:poisson", "exp"],
  ["reg:gamma", "exp"],
  ["reg:tweedie", "exp"],
  ["survival:cox", "exp"],
  ["survival:aft", "exp"],
  ["multi:softprob", "softmax"],
  ["multi:softmax", "argmax"],
  ["rank:pairwise", "identity"],
  ["rank:ndcg", "identity"],
  ["rank:map", "identity"],
]);

/** @throws MODEL_NOT_REPRODUCIBLE for a name this program does not know */
export function readXgboostObjective(name: string): XgboostObjective {
  const transform = transforms.get(name);
  if (transform === undefined)
    throw new KarkhanaError("MODEL_NOT_REPRODUCIBLE", { format: "xgboost", feature: `objective ${name.slice(0, 60)}`, problem: "its transform is not known" });
  return { name, transform };
}

const { fround } = Math;
const smallest = fround(1e-6);

/**
 * The margin a stored base score stands for. The file holds it as a probability or a mean; C's `logf` turns it back, and C libraries
 * round that differently by one unit of the last place: we round the exact value.
 */
export function baseMargin(objective: XgboostObjective, baseScore: number): number {
  const score = fround(baseScore);
  if (objective.transform === "sigmoid") {
    const bounded = Math.min(Math.max(score, smallest), fround(1 - smallest));
    return fround(-Math.log(fround(fround(1 / bounded) - 1)));
  }
  return objective.transform === "exp" ? fround(Math.log(score)) : score;
}

function exp(x: number): number {
  return fround(Math.exp(x));
}

/** Predictions of one row. @param scores its margins at `scores[from ..]` @param out filled at `out[at ..]` with one value a group, or one for argmax */
export function transformMargins({ transform }: XgboostObjective, scores: Float64Array, from: number, numGroups: number, out: Float64Array, at: number): void {
  if (transform === "argmax") {
    let best = 0;
    for (let g = 1; g < numGroups; g++) if (scores[from + g]! > scores[from + best]!) best = g;
    out[at] = best;
    return;
  }
  if (transform === "softmax") return softmax(scores, from, numGroups, out, at);
  for (let g = 0; g < numGroups; g++) {
    const score = scores[from + g]!;
    if (transform === "sigmoid") out[at + g] = fround(1 / fround(fround(exp(Math.min(-score, fround(88.7))) + 1) + fround(1e-16)));
    else if (transform === "exp") out[at + g] = exp(score);
    else if (transform === "hinge") out[at + g] = score > 0 ? 1 : 0;
    else out[at + g] = score;
  }
}

function softmax(scores: Float64Array, from: number, numGroups: number, out: Float64Array, at: number): void {
  let max = scores[from]!;
  for (let g = 1; g < numGroups; g++) max = Math.max(scores[from + g]!, max);
  let sum = 0;
  for (let g = 0; g < numGroups; g++) {
    out[at + g] = exp(fround(scores[from + g]! - max));
    sum += out[at + g]!;
  }
  const divisor = fround(sum);
  for (let g = 0; g < numGroups; g++) out[at + g] = fround(out[at + g]! / divisor);
}
