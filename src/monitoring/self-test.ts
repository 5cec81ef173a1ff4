import { KarkhanaError } from "../kernel/error.ts";
import type { Rng } from "../kernel/rng.ts";
import { parseDuration } from "../kernel/time.ts";
import type { PredictionRecord } from "../feedback/prediction.ts";
import type { MonitorPolicy } from "../project/definition.ts";
import { defaultLimits } from "./limits.ts";
import type { AlertKind } from "./alert.ts";
import { createMonitor, type MonitorEvent } from "./monitor.ts";
import type { ReferenceProfile } from "./profile.ts";
import { slotPsi } from "./slot-psi.ts";

export interface MonitorSelfTestInput {
  readonly profile: ReferenceProfile;
  readonly policy: MonitorPolicy;
  /** columns[s] has shape [n], in the order of the profile's slots; null is NaN. Rows the version was not trained on. */
  readonly columns: readonly Float64Array[];
  /** shape [n], calibrated scores of these rows */
  readonly scores: Float64Array;
  /** shape [n], 0 or 1 */
  readonly labels: Uint8Array;
  /** Slots by importance, the most important first; those that cannot be shifted are passed over. Default: the profile's order. */
  readonly topSlots?: readonly string[];
  /** Rows drawn per window; default 1,000. */
  readonly windowRows?: number;
  readonly rng: Rng;
}

/** One rehearsal: what was done to the sample, what the monitor had to say, and what it said. */
export interface MonitorRehearsal {
  readonly name: "healthy" | "nulls" | "shifted" | "labels-shuffled";
  readonly slot?: string;
  readonly passed: boolean;
  readonly expected: AlertKind | "silence";
  readonly raised: readonly { readonly kind: AlertKind; readonly summary: string }[];
}

export interface MonitorSelfTest {
  readonly passed: boolean;
  readonly summary: string;
  readonly rehearsals: readonly MonitorRehearsal[];
}

const defaultRows = 1000;

type Tamper = (row: Float64Array) => void;

/**
 * Rehearses the monitors of a version before it goes live: silent on windows drawn (with replacement) from the holdout, and loud within
 * `consecutive` windows when a fault is planted: nulls in half of the top slot, the top slot moved beyond its reference, outcomes that have
 * nothing to do with the scores. The evidence behind the proof "monitors".
 * @throws KarkhanaError INVALID_ARGUMENT, SHAPE_MISMATCH
 */
export function rehearseMonitors(input: MonitorSelfTestInput): MonitorSelfTest {
  checkSample(input);
  const { profile } = input;
  const rows = input.windowRows ?? defaultRows;
  const names = input.topSlots ?? profile.slots.map((slot) => slot.name);
  const indexes = names.map((name) => profile.slots.findIndex((slot) => slot.name === name)).filter((i) => i >= 0);
  const nullSlot = indexes.find((i) => canLoseValues(profile, i));
  const shiftSlot = indexes.find((i) => shiftValue(profile, i, rows) !== undefined);
  const rehearsals: MonitorRehearsal[] = [run(input, "healthy", "silence")];
  if (nullSlot !== undefined) rehearsals.push(run(input, "nulls", "pipeline", nullSlot, nullsInHalf(nullSlot, input.rng.fork("nulls"))));
  const shifted = shiftSlot === undefined ? undefined : shiftValue(profile, shiftSlot, rows);
  if (shiftSlot !== undefined && shifted !== undefined) rehearsals.push(run(input, "shifted", "drift", shiftSlot, (row) => (row[shiftSlot] = shifted)));
  rehearsals.push(run(input, "labels-shuffled", "quality"));
  const failed = rehearsals.filter((rehearsal) => !rehearsal.passed);
  const isWhole = nullSlot !== undefined && shiftSlot !== undefined;
  const summary =
    failed.length > 0
      ? `failed: ${failed.map((r) => `${r.name} expected ${r.expected}, got ${r.raised.map((alert) => alert.kind).join(", ") || "silence"}`).join("; ")}`
      : isWhole
        ? `silent on ${numWindows(input.policy)} windows of the holdout; raised on ${rehearsals
            .slice(1)
            .map((r) => (r.slot === undefined ? r.name : `${r.name} (${r.slot})`))
            .join(", ")}`
        : "failed: no slot could be given a fault";
  return { passed: failed.length === 0 && isWhole, summary, rehearsals };
}

function run(
  input: MonitorSelfTestInput,
  name: MonitorRehearsal["name"],
  expected: MonitorRehearsal["expected"],
  slot?: number,
  tamper?: Tamper,
): MonitorRehearsal {
  const { profile, policy, columns, scores, labels, rng } = input;
  const lengthUs = parseDuration(policy.window);
  const rows = input.windowRows ?? defaultRows;
  const draw = rng.fork(name);
  const monitor = createMonitor({ model: "rehearsal", policy, profile: () => profile, limits: { maturityUs: 0 } });
  const raised: { kind: AlertKind; summary: string }[] = [];
  let offset = 0;
  for (let w = 0; w < numWindows(policy); w++) {
    for (let i = 0; i < rows; i++) {
      const row = draw.int(scores.length);
      const vector = Float64Array.from(columns, (column) => column[row]!);
      tamper?.(vector);
      const askedUs = w * lengthUs + Math.floor((i / rows) * lengthUs);
      const prediction: PredictionRecord = {
        id: String(offset),
        model: "rehearsal",
        version: 1,
        role: "champion",
        askedUs,
        servedUs: askedUs,
        score: scores[row]!,
        vector,
        serviceHash: "",
        fields: {},
        latencyUs: 1,
      };
      monitor.observePrediction(prediction, offset);
      // Outcomes of other rows have the same rate and say nothing about these scores.
      const outcomeRow = name === "labels-shuffled" ? draw.int(labels.length) : row;
      const label = labels[outcomeRow] === 1 ? 1 : 0;
      monitor.observeMatured({ prediction, label, knownUs: askedUs }, offset);
      offset++;
    }
    for (const event of monitor.advance((w + 1) * lengthUs)) raised.push(...raisedBy(event));
  }
  const passed = expected === "silence" ? raised.length === 0 : raised.some((alert) => alert.kind === expected);
  return { name, ...(slot === undefined ? {} : { slot: profile.slots[slot]!.name }), passed, expected, raised };
}

function raisedBy(event: MonitorEvent): { kind: AlertKind; summary: string }[] {
  return event.kind === "alert-raised" ? [{ kind: event.alert.kind, summary: event.alert.summary }] : [];
}

/** Enough for an alert, and for silence to mean something. */
function numWindows(policy: MonitorPolicy): number {
  return Math.max(5, 2 * policy.consecutive);
}

/** Half of its values gone must stand out from what the reference has seen. */
function canLoseValues(profile: ReferenceProfile, slot: number): boolean {
  const { counts, windowNullShare } = profile.slots[slot]!;
  const share = counts.at(-1)! / counts.reduce((sum, n) => sum + n, 0);
  return Math.max(share, windowNullShare ?? 0) < 0.4;
}

function nullsInHalf(slot: number, rng: Rng): Tamper {
  return (row) => {
    if (rng.next() < 0.5) row[slot] = Number.NaN;
  };
}

/** A value in the reference's emptiest cell, if moving all rows there exceeds what season does to this slot by half. */
function shiftValue(profile: ReferenceProfile, slot: number, rows: number): number | undefined {
  const { type, edges, counts, categories, windowPsi } = profile.slots[slot]!;
  const cells = counts.slice(0, -1);
  const emptiest = cells.indexOf(Math.min(...cells));
  const moved = counts.map((_, cell) => (cell === emptiest ? rows : 0));
  if (slotPsi(counts, moved) < 1.5 * (windowPsi ?? 0)) return undefined;
  if (type === "categorical") return categories[emptiest] ?? Math.max(...categories, 0) + 1;
  const upper = edges[emptiest];
  if (upper !== undefined) return upper;
  const last = edges.at(-1);
  return last === undefined ? undefined : last + Math.max(1, Math.abs(last));
}

function checkSample(input: MonitorSelfTestInput): void {
  const { profile, columns, scores, labels } = input;
  if (columns.length !== profile.slots.length)
    throw new KarkhanaError("SHAPE_MISMATCH", { field: "columns", expected: [profile.slots.length], actual: [columns.length] });
  if (scores.length === 0) throw new KarkhanaError("INVALID_ARGUMENT", { field: "scores", problem: "expected at least one row", value: [] });
  for (const [field, length] of [
    ["labels", labels.length],
    ...columns.map((column, s) => [`columns.${profile.slots[s]!.name}`, column.length] as const),
  ] as const) {
    if (length !== scores.length) throw new KarkhanaError("SHAPE_MISMATCH", { field, expected: [scores.length], actual: [length] });
  }
  const rows = input.windowRows ?? defaultRows;
  if (!(Number.isInteger(rows) && rows >= defaultLimits.minPredictions))
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: "windowRows",
      problem: `expected a whole number of at least ${defaultLimits.minPredictions}`,
      value: rows,
    });
}
