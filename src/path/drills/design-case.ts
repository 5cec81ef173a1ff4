import type { Rng } from "../../kernel/rng.ts";

/** A number of the chain. `value` gets the parameters and every earlier number: the person's own where they gave one. */
export interface DesignStep {
  readonly id: string;
  /** Index into the eight sections. */
  readonly section: number;
  readonly prompt: string;
  readonly unit: string;
  /** The arithmetic in words, shown with the grade. */
  readonly chain: string;
  readonly value: (p: Params, got: Params) => number;
}

export type Params = Readonly<Record<string, number>>;

export interface DesignCase {
  readonly id: string;
  readonly title: string;
  readonly story: (p: Params) => string;
  readonly params: (rng: Rng) => Params;
  /** Names and units of the parameters as the sheet tells them. */
  readonly told: readonly (readonly [key: string, name: string, unit: string])[];
  readonly steps: readonly DesignStep[];
}

/** The order in which a design round wants it. */
export const designSections = [
  ["requirements", "What must be true for this to be a success, and what is out of scope? Start from the load."],
  ["problem formulation", "Which quantity is predicted, for what decision, with which label and which baseline?"],
  ["data pipeline", "Which events are kept, for how long, and what refuses a bad file?"],
  ["features", "Which features, computed where, how fresh, and how is skew seen?"],
  ["model", "Which family, why not the next simpler one, how large?"],
  ["training pipeline", "How often, on what, how long does it take, what gates a promotion?"],
  ["serving", "Where does the deadline go, how many replicas, what happens when one fails?"],
  ["evaluation and monitoring", "Offline, shadow, A/B, monitors, the way back."],
] as const;

export const pick = (rng: Rng, values: readonly number[]): number => values[rng.int(values.length)]!;
export const step = (section: number, id: string, prompt: string, unit: string, chain: string, value: DesignStep["value"]): DesignStep => ({
  id,
  section,
  prompt,
  unit,
  chain,
  value,
});
export const GB = 1e9;

/** Load of any of the cases: mean, peak, cores, replicas, failure. */
export const load = (what: string): readonly DesignStep[] => [
  step(0, "mean-qps", `Mean ${what} a second`, "/s", "a day's requests / 86,400", (p) => (p["users"]! * p["perUser"]!) / 86_400),
  step(0, "peak-qps", `Peak ${what} a second`, "/s", "mean x peak factor", (p, g) => g["mean-qps"]! * p["peak"]!),
  step(
    6,
    "busy-cores",
    "Cores busy at the peak, all of them together",
    "cores",
    "peak requests a second x CPU ms of one / 1,000",
    (p, g) => (g["peak-qps"]! * p["cpuMs"]!) / 1000,
  ),
  step(
    6,
    "replicas",
    "Replicas needed at the peak, with the target utilisation, plus one zone lost (of three)",
    "replicas",
    "busy cores / (cores a replica x utilisation), rounded up, x 3/2, rounded up",
    (p, g) => Math.ceil((Math.ceil(g["busy-cores"]! / (p["replicaCores"]! * p["utilisation"]!)) * 3) / 2),
  ),
  step(
    6,
    "cost",
    "Cost of those replicas a month of 730 hours",
    "dollars",
    "replicas x cores x price of a core-hour x 730",
    (p, g) => g["replicas"]! * p["replicaCores"]! * p["corePrice"]! * 730,
  ),
];

export const loadParams = (rng: Rng): Record<string, number> => ({
  peak: pick(rng, [2.5, 3, 3.5, 4]),
  replicaCores: pick(rng, [4, 8]),
  utilisation: pick(rng, [0.5, 0.6, 0.7]),
  corePrice: pick(rng, [0.03, 0.035, 0.04]),
});
export const loadTold: DesignCase["told"] = [
  ["peak", "Peak against mean", "times"],
  ["replicaCores", "Cores of a replica", "cores"],
  ["utilisation", "Target utilisation at the peak", "share"],
  ["corePrice", "Price of a core-hour", "dollars"],
];
/** Bytes of the log of answers. */
export const logSteps = (days: string): readonly DesignStep[] => [
  step(
    2,
    "log-day",
    "Prediction log a day, before compression",
    "GB",
    "requests a day x bytes of one record / 1e9",
    (p) => (p["users"]! * p["perUser"]! * p["recordBytes"]!) / GB,
  ),
  step(
    2,
    "log-kept",
    `The log kept for ${days}, three copies, compressed`,
    "GB",
    "a day x days kept x 3 / compression",
    (p, g) => (g["log-day"]! * p["keptDays"]! * 3) / p["compression"]!,
  ),
];
