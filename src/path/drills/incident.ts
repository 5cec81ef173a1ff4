import { seededRng, type Rng } from "../../kernel/rng.ts";
import { smoothProportions } from "../../math/proportions.ts";
import { psi, psiFloor } from "../../math/psi.ts";
import { numericEdges } from "../../monitoring/slot-bins.ts";
import type { Signal } from "./sheet.ts";
import { normal, type DrillTraffic } from "./traffic.ts";

/*
 * Four weeks of watched traffic with incidents put in. Rows are drawn from one stable stretch, so that whatever moves was moved here:
 *
 *   data drift        rows are drawn more often the larger one feature is: related features and scores move, and P(outcome | row) does not
 *   concept drift     rows held to be safe turn out badly: inputs and scores stay, losses and calibration do not
 *   feature pipeline  one served feature is null, stuck or in another unit from a deploy on, and the score no longer follows the row
 *   infrastructure    answers are late, missing, defaults, or an old version's; answered requests are as good as before
 *
 * Signals are measured by the platform's own statistics: frozen decile bins, PSI with its sampling floor, log loss, calibration.
 */

export const causes = ["data-drift", "concept-drift", "feature-pipeline", "infrastructure"] as const;
export type Cause = (typeof causes)[number];

export const numWindows = 28;
const referenceRows = 5000;
const windowRows = 500;
const firstDayOfWeek = 1;

export interface Injection {
  readonly cause: Cause;
  /** First window it touches, from 1. */
  readonly onset: number;
}

export interface Incident {
  readonly signals: readonly Signal[];
  readonly log: readonly { readonly window: number; readonly text: string }[];
  readonly told: readonly string[];
}

interface Draw {
  readonly row: readonly number[];
  readonly served: readonly number[];
  readonly score: number;
  readonly label: 0 | 1;
}

export function makeIncident(traffic: DrillTraffic, injections: readonly Injection[], seed: string): Incident {
  const rng = seededRng(seed, "incident");
  const numRows = traffic.rows.length;
  const columns = traffic.names.map((_, f) => Float64Array.from(traffic.rows, (row) => row[f]!));
  const z = columns.map(standardised);
  const related = relatedness(z);
  const shifted = related.indexOf(Math.max(...related));
  const broken = rng.int(traffic.names.length);
  const fault = (["null", "stuck", "unit"] as const)[rng.int(3)]!;
  // Weekends move what nothing else follows, so that they stay a matter of one signal.
  const season = related.indexOf(Math.min(...related));
  const at = (cause: Cause): number => injections.find((i) => i.cause === cause)?.onset ?? Number.POSITIVE_INFINITY;

  const reference = Array.from({ length: referenceRows }, () => rng.int(numRows));
  const bins = [...columns.map((column) => binsOf(column, reference)), binsOf(Float64Array.from(traffic.scores), reference)];
  const referenceLoss = meanOf(reference.map((i) => logLoss(traffic.scores[i]!, traffic.labels[i]!)));
  const lossSpread = Math.sqrt(meanOf(reference.map((i) => (logLoss(traffic.scores[i]!, traffic.labels[i]!) - referenceLoss) ** 2)));

  const median = traffic.scores.toSorted((a, b) => a - b)[Math.floor(numRows / 2)]!;
  const smallWindow = 3 + rng.int(6);
  const mixWindow = 4 + rng.int(20);
  const names = [
    ...traffic.names.map((name) => `psi:${name}`),
    "psi:score",
    "nulls",
    "skew",
    "log-loss",
    "calibration",
    "p95",
    "timeouts",
    "fallbacks",
    "old-version",
    "volume",
  ];
  const values = new Map<string, (number | null)[]>(names.map((name) => [name, []]));
  const limits = new Map<string, (number | null)[]>(names.map((name) => [name, []]));
  const measure = (name: string, value: number | null, limit: number | null): void => {
    values.get(name)!.push(value);
    limits.get(name)!.push(limit);
  };

  for (let w = 1; w <= numWindows; w++) {
    const isWeekend = (w + firstDayOfWeek - 1) % 7 === 6 || (w + firstDayOfWeek - 1) % 7 === 0;
    const n =
      w === smallWindow ? 60 : w === mixWindow ? Math.round(windowRows * 1.6) : Math.round(windowRows * (isWeekend ? 0.8 : 1) * (0.95 + 0.1 * rng.next()));
    const draws = Array.from({ length: n }, (): Draw => {
      const i = drawRow(rng, numRows, (row) => {
        const drift = w >= at("data-drift") ? Math.exp(0.75 * z[shifted]![row]!) : 1;
        return drift * (isWeekend ? Math.exp(0.45 * z[season]![row]!) : 1);
      });
      const row = traffic.rows[i]!;
      const isBroken = w >= at("feature-pipeline");
      const served = isBroken ? row.map((value, f) => (f === broken ? faulty(fault, value, columns[f]!) : value)) : row;
      const score = isBroken && rng.next() < 0.5 ? traffic.scores[rng.int(numRows)]! : traffic.scores[i]!;
      // Rows the model held to be safe turn out badly; the row and its score are as ever.
      const turned = w >= at("concept-drift") && traffic.scores[i]! < median && rng.next() < 0.3;
      const label = turned ? 1 : traffic.labels[i]!;
      return { row, served, score, label };
    });
    for (const [f, name] of traffic.names.entries()) {
      const present = draws.flatMap(({ served }) => (Number.isNaN(served[f]!) ? [] : [served[f]!]));
      measure(`psi:${name}`, present.length < 20 ? null : psiOf(bins[f]!, present), limitOf(bins[f]!, Math.max(20, present.length)));
    }
    measure(
      "psi:score",
      psiOf(
        bins.at(-1)!,
        draws.map(({ score }) => score),
      ),
      limitOf(bins.at(-1)!, n),
    );
    measure("nulls", Math.max(...traffic.names.map((_, f) => draws.filter(({ served }) => Number.isNaN(served[f]!)).length / n)), 0.02);
    measure("skew", draws.filter(({ row, served }) => row.some((value, f) => !Object.is(value, served[f]!))).length / n, 0.001);
    // Outcomes arrive late: the last windows know few of theirs.
    const matured = draws.slice(0, Math.round(n * (w === numWindows ? 0.1 : w === numWindows - 1 ? 0.35 : 1)));
    measure("log-loss", meanOf(matured.map(({ score, label }) => logLoss(score, label))), referenceLoss + (3.5 * lossSpread) / Math.sqrt(matured.length));
    const rate = meanOf(matured.map(({ label }) => label));
    measure("calibration", Math.abs(meanOf(matured.map(({ score }) => score)) - rate), 0.02 + 2.7 * Math.sqrt((0.2 * 0.8) / matured.length));
    const isDown = w >= at("infrastructure");
    measure("p95", (isDown ? 19 : 4.2) * Math.exp(0.09 * normal(rng)), 8);
    measure("timeouts", isDown ? 0.03 + 0.02 * rng.next() : 0.0006 * rng.next(), 0.005);
    measure("fallbacks", isDown ? 0.05 + 0.03 * rng.next() : 0.002 * rng.next(), 0.01);
    measure("old-version", isDown ? 0.2 + 0.1 * rng.next() : 0, 0.01);
    measure("volume", n * 24, null);
  }

  const harmless = 5 + rng.int(20);
  const log = [
    { window: harmless, text: "Deploy: the console's settings page. Serving was not restarted." },
    { window: mixWindow, text: "A partner sent a campaign's traffic for one day." },
    { window: smallWindow, text: "Traffic was held back by a network maintenance; about one tenth came through." },
    ...(Number.isFinite(at("feature-pipeline"))
      ? [{ window: at("feature-pipeline"), text: "Deploy: a nightly job of the feature repository, with its tests." }]
      : []),
    ...(Number.isFinite(at("infrastructure")) ? [{ window: at("infrastructure"), text: "The node pool was rolled; all pods report ready." }] : []),
    ...(injections.length === 0 ? [{ window: 11 + rng.int(10), text: "Deploy: serving, patch release of a library." }] : []),
  ].sort((a, b) => a.window - b.window);
  const told = injections.map(({ cause, onset }) =>
    cause === "data-drift"
      ? `From day ${onset} on, questions with a large ${traffic.names[shifted]!} were asked more often. What follows from a row did not change.`
      : cause === "concept-drift"
        ? `From day ${onset} on, about three in ten of the rows the model held to be safe turned out badly. Inputs did not change.`
        : cause === "feature-pipeline"
          ? `From the deploy of day ${onset} on, ${traffic.names[broken]!} was served ${fault === "null" ? "as null" : fault === "stuck" ? "stuck at one value" : "in another unit"}; recomputed offline it was right.`
          : `From day ${onset} on, part of the serving pods ran an old version and answered late, with defaults or not at all.`,
  );
  const decoys = `Harmless: weekends differ every week; day ${smallWindow} had few rows and so a high floor; day ${mixWindow} only had more traffic; the console's deploy of day ${harmless} touched nothing; the last two days know few outcomes.`;
  return {
    signals: names.map((id) => ({ id, ...titleOf(id), values: values.get(id)!, limits: limits.get(id)! })),
    log,
    told: [...(told.length === 0 ? ["There was no incident."] : told), decoys],
  };
}

function titleOf(id: string): { title: string; unit: string } {
  if (id.startsWith("psi:")) return { title: id === "psi:score" ? "PSI of the score" : `PSI of ${id.slice(4)}`, unit: "nats" };
  const titles: Readonly<Record<string, readonly [string, string]>> = {
    nulls: ["Nulls, worst feature", "share"],
    skew: ["Served vectors unlike recomputed ones", "share"],
    "log-loss": ["Log loss on matured outcomes", "nats"],
    calibration: ["Calibration gap", "share"],
    p95: ["Latency p95", "ms"],
    timeouts: ["Timeouts", "share"],
    fallbacks: ["Answers by default", "share"],
    "old-version": ["Answers by an old version", "share"],
    volume: ["Requests", "a day"],
  };
  const [title, unit] = titles[id] ?? [id, ""];
  return { title, unit };
}

interface Bins {
  readonly edges: readonly number[];
  readonly shares: Float64Array;
}

function binsOf(column: Float64Array, rows: readonly number[]): Bins {
  const sample = Float64Array.from(rows, (i) => column[i]!);
  const edges = numericEdges(sample.toSorted());
  return { edges, shares: smoothProportions(countsOf(edges, sample)) };
}

function countsOf(edges: readonly number[], values: Iterable<number>): Float64Array {
  const counts = new Float64Array(edges.length + 1);
  for (const value of values) {
    const cell = edges.findIndex((edge) => value <= edge);
    counts[cell === -1 ? edges.length : cell]! += 1;
  }
  return counts;
}

function psiOf({ edges, shares }: Bins, values: readonly number[]): number {
  return psi(shares, smoothProportions(countsOf(edges, values), shares));
}

function limitOf({ shares }: Bins, m: number): number {
  return Math.max(0.1, psiFloor({ numBins: shares.length, n: referenceRows, m, quantile: 0.9995 }));
}

/** By rejection against the largest weight seen fit: weights above 8 count as 8. */
function drawRow(rng: Rng, numRows: number, weight: (row: number) => number): number {
  for (let i = 0; i < 200; i++) {
    const row = rng.int(numRows);
    if (rng.next() * 8 < weight(row)) return row;
  }
  return rng.int(numRows);
}

function faulty(fault: "null" | "stuck" | "unit", value: number, column: Float64Array): number {
  return fault === "null" ? Number.NaN : fault === "stuck" ? column[0]! : value * 60 + 7;
}

function logLoss(score: number, label: number): number {
  const p = Math.min(1 - 1e-6, Math.max(1e-6, score));
  return label === 1 ? -Math.log(p) : -Math.log(1 - p);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function standardised(column: Float64Array): Float64Array {
  const mean = meanOf([...column]);
  const deviation = Math.sqrt(meanOf([...column].map((value) => (value - mean) ** 2)));
  // Long tails would make a few rows be drawn all the time.
  return column.map((value) => Math.max(-2.5, Math.min(2.5, deviation > 0 ? (value - mean) / deviation : 0)));
}

/** How much each feature shares with the others: shifting the first shifts several. shape [features] */
function relatedness(z: readonly Float64Array[]): number[] {
  return z.map((a, i) => z.reduce((sum, b, j) => (i === j ? sum : sum + Math.abs(a.reduce((total, value, row) => total + value * b[row]!, 0) / a.length)), 0));
}
