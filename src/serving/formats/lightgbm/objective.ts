import { KarkhanaError } from "../../../kernel/error.ts";
import { invalidModel } from "../../../learn/model-reader.ts";

/** How raw scores become a prediction. */
export type LightGbmTransform =
  | { readonly kind: "identity" | "square" | "exp" | "softplus" | "softmax" }
  /** 1 / (1 + exp(-steepness * score)), each score by itself */
  | { readonly kind: "sigmoid"; readonly steepness: number };

export interface LightGbmObjective {
  readonly name: string;
  readonly transform: LightGbmTransform;
}

const identity = { kind: "identity" } as const;
const exponential = { kind: "exp" } as const;

/**
 * The header's `objective=` line: a name, then `key:value` and bare words. A model of a custom objective has no such line, and its
 * predictions are its raw scores. @throws MODEL_NOT_REPRODUCIBLE for a name this program does not know
 */
export function readObjective(line: string | undefined, numGroups: number): LightGbmObjective {
  if (line === undefined || line.trim() === "") return { name: "custom", transform: identity };
  const [name, ...words] = line.trim().split(/\s+/) as [string, ...string[]];
  const steepness = (): LightGbmTransform => {
    const word = words.find((w) => w.startsWith("sigmoid:"));
    const value = word === undefined ? 1 : Number(word.slice("sigmoid:".length));
    if (!(value > 0 && Number.isFinite(value))) throw invalidModel("objective", `sigmoid is ${value}`);
    return { kind: "sigmoid", steepness: value };
  };
  switch (name) {
    case "regression":
    case "regression_l1":
    case "huber":
    case "fair":
    case "quantile":
    case "mape":
      return { name, transform: words.includes("sqrt") ? { kind: "square" } : identity };
    case "poisson":
    case "gamma":
    case "tweedie":
      return { name, transform: exponential };
    case "binary":
    case "multiclassova":
      return { name, transform: steepness() };
    case "multiclass":
      if (numGroups < 2) throw invalidModel("objective", `multiclass with ${numGroups} tree an iteration`);
      return { name, transform: { kind: "softmax" } };
    case "cross_entropy":
      return { name, transform: { kind: "sigmoid", steepness: 1 } };
    case "cross_entropy_lambda":
      return { name, transform: { kind: "softplus" } };
    case "lambdarank":
    case "rank_xendcg":
    case "custom":
      return { name, transform: identity };
    default:
      throw new KarkhanaError("MODEL_NOT_REPRODUCIBLE", {
        format: "lightgbm",
        feature: `objective ${name.slice(0, 60)}`,
        problem: "its transform is not known",
      });
  }
}

/** Turns `numGroups` scores at `values[at ..]` into predictions, in place. */
export function transformScores(transform: LightGbmTransform, values: Float64Array, at: number, numGroups: number): void {
  if (transform.kind === "identity") return;
  if (transform.kind === "softmax") return softmax(values, at, numGroups);
  for (let i = at; i < at + numGroups; i++) {
    const score = values[i]!;
    if (transform.kind === "sigmoid") values[i] = 1 / (1 + Math.exp(-transform.steepness * score));
    else if (transform.kind === "exp") values[i] = Math.exp(score);
    else if (transform.kind === "softplus") values[i] = Math.log1p(Math.exp(score));
    else values[i] = Math.sign(score) * score * score;
  }
}

function softmax(values: Float64Array, at: number, count: number): void {
  let max = values[at]!;
  for (let i = at + 1; i < at + count; i++) if (values[i]! > max) max = values[i]!;
  let sum = 0;
  for (let i = at; i < at + count; i++) {
    values[i] = Math.exp(values[i]! - max);
    sum += values[i]!;
  }
  for (let i = at; i < at + count; i++) values[i]! /= sum;
}
