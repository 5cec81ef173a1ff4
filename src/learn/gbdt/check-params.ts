import { KarkhanaError } from "../../kernel/error.ts";
import { defaultGbdtParams, type GbdtParams } from "./params.ts";

interface Range {
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
  /** `min` itself is refused. */
  readonly above?: true;
}

const ranges: Readonly<Record<keyof GbdtParams, Range>> = {
  numIterations: { min: 1, max: 100_000, whole: true },
  learningRate: { min: 0, max: 10, whole: false, above: true },
  numLeaves: { min: 2, max: 65_536, whole: true },
  maxDepth: { min: -1, max: 1024, whole: true },
  minDataInLeaf: { min: 0, max: 2 ** 31 - 1, whole: true },
  minSumHessianInLeaf: { min: 0, max: Number.MAX_VALUE, whole: false },
  lambdaL2: { min: 0, max: Number.MAX_VALUE, whole: false },
  minGainToSplit: { min: 0, max: Number.MAX_VALUE, whole: false },
  maxBin: { min: 2, max: 255, whole: true },
  featureFraction: { min: 0, max: 1, whole: false, above: true },
  baggingFraction: { min: 0, max: 1, whole: false, above: true },
  baggingFreq: { min: 0, max: 100_000, whole: true },
  earlyStoppingRounds: { min: 0, max: 100_000, whole: true },
  catSmooth: { min: 0, max: Number.MAX_VALUE, whole: false },
  catL2: { min: 0, max: Number.MAX_VALUE, whole: false },
  maxCatThreshold: { min: 1, max: 255, whole: true },
  seed: { min: 0, max: 2 ** 53 - 1, whole: true },
};

/**
 * The given parameters over the defaults, each in its range.
 * @throws INVALID_ARGUMENT naming the parameter: unknown, not a number, not whole, or out of range
 */
export function resolveGbdtParams(given: Partial<GbdtParams>): GbdtParams {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(ranges, name)) throw new KarkhanaError("INVALID_ARGUMENT", { field: `params.${name}`, problem: "no such parameter", value: name });
  }
  const params: GbdtParams = { ...defaultGbdtParams, ...definedOf(given) };
  for (const [name, range] of Object.entries(ranges)) checkRange(name, Object.entries(params).find(([key]) => key === name)?.[1], range);
  if (params.maxDepth === 0) checkRange("maxDepth", 0, { min: 1, max: 1024, whole: true });
  return params;
}

function definedOf(given: Partial<GbdtParams>): Partial<GbdtParams> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function checkRange(name: string, value: unknown, { min, max, whole, above }: Range): void {
  const inRange = typeof value === "number" && value <= max && (above === true ? value > min : value >= min) && (!whole || Number.isInteger(value));
  if (inRange) return;
  const kind = whole ? "a whole number" : "a number";
  const from = above === true ? `above ${min}` : `from ${min}`;
  throw new KarkhanaError("INVALID_ARGUMENT", { field: `params.${name}`, problem: `expected ${kind} ${from}${max < 2 ** 31 ? ` to ${max}` : ""}`, value });
}
