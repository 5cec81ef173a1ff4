import { expect, it } from "vitest";
import { codeOf } from "../../kernel/error.ts";
import { resolveGbdtParams } from "./check-params.ts";
import { defaultGbdtParams, type GbdtParams } from "./params.ts";

it("what is not given takes its default; undefined counts as not given", () => {
  const given: Record<string, unknown> = { numLeaves: 7, learningRate: undefined };
  expect(resolveGbdtParams(given)).toEqual({ ...defaultGbdtParams, numLeaves: 7 });
});

it.each<[Partial<GbdtParams>, string]>([
  [{ numIterations: 0 }, "numIterations"],
  [{ learningRate: 0 }, "learningRate"],
  [{ learningRate: Number.NaN }, "learningRate"],
  [{ numLeaves: 1 }, "numLeaves"],
  [{ numLeaves: 31.5 }, "numLeaves"],
  [{ maxDepth: 0 }, "maxDepth"],
  [{ maxDepth: -2 }, "maxDepth"],
  [{ minDataInLeaf: -1 }, "minDataInLeaf"],
  [{ minSumHessianInLeaf: -1 }, "minSumHessianInLeaf"],
  [{ lambdaL2: Infinity }, "lambdaL2"],
  [{ minGainToSplit: -0.1 }, "minGainToSplit"],
  [{ maxBin: 256 }, "maxBin"],
  [{ maxBin: 1 }, "maxBin"],
  [{ featureFraction: 0 }, "featureFraction"],
  [{ baggingFraction: 1.1 }, "baggingFraction"],
  [{ baggingFreq: -1 }, "baggingFreq"],
  [{ earlyStoppingRounds: 0.5 }, "earlyStoppingRounds"],
  [{ catSmooth: -1 }, "catSmooth"],
  [{ catL2: -1 }, "catL2"],
  [{ maxCatThreshold: 0 }, "maxCatThreshold"],
  [{ seed: -1 }, "seed"],
])("%j is refused by name", (given, name) => {
  const refusal = refusalOf(given);
  expect(codeOf(refusal)).toBe("INVALID_ARGUMENT");
  expect(refusal).toHaveProperty("details.field", `params.${name}`);
});

it("text in place of a number and an unknown name are refused by name", () => {
  const text: Record<string, unknown> = { numLeaves: "31" };
  const unknown: Record<string, unknown> = { num_leaves: 31 };
  expect(refusalOf(text)).toHaveProperty("details.field", "params.numLeaves");
  expect(refusalOf(unknown)).toHaveProperty("details.field", "params.num_leaves");
});

function refusalOf(given: Partial<GbdtParams>): unknown {
  try {
    return resolveGbdtParams(given);
  } catch (error) {
    return error;
  }
}
