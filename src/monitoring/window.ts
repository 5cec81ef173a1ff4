import type { Micros } from "../kernel/clock.ts";
import type { MaturedPrediction } from "../feedback/join.ts";
import type { PredictionRecord, PredictionRole } from "../feedback/prediction.ts";
import { LatencyHistogram } from "../math/latency-histogram.ts";
import type { ReferenceProfile } from "./profile.ts";
import { ScoreHistogram } from "./score-histogram.ts";
import { vectorBinner, type VectorBinner } from "./slot-bins.ts";

/** What one window is about: answers of one version in one role, asked in [startUs, startUs + length). */
export interface WindowKey {
  readonly version: number;
  readonly role: PredictionRole;
  readonly startUs: Micros;
}

/** A version's profile made ready for counting; shared by all of its windows. Cells of the score follow those of the slots. */
export interface PreparedProfile {
  readonly profile: ReferenceProfile;
  readonly binner: VectorBinner;
  readonly scoreBinner: VectorBinner;
}

export function prepareProfile(profile: ReferenceProfile): PreparedProfile {
  return { profile, binner: vectorBinner(profile.slots), scoreBinner: vectorBinner([profile.score]) };
}

/** Inputs and answers of one window, in memory that depends on the number of slots only. */
export class InputWindow {
  readonly key: WindowKey;
  readonly prepared: PreparedProfile | undefined;
  readonly latency: LatencyHistogram = new LatencyHistogram();
  /** shape [cells of all slots], as `binner.offsets` says */
  readonly cells: Uint32Array;
  /** shape [cells of the score] */
  readonly scoreCells: Uint32Array;
  /** Offset of the earliest log record counted here: reading from it again rebuilds this window. */
  readonly firstOffset: number;
  predictions = 0;
  /** Predictions whose vector does not have the profile's length, counted but not binned. */
  misshapen = 0;

  constructor(key: WindowKey, prepared: PreparedProfile | undefined, firstOffset: number) {
    this.key = key;
    this.prepared = prepared;
    this.firstOffset = firstOffset;
    this.cells = new Uint32Array(prepared === undefined ? 0 : prepared.binner.offsets[prepared.binner.numSlots]!);
    this.scoreCells = new Uint32Array(prepared === undefined ? 0 : prepared.scoreBinner.offsets[1]!);
  }

  add(record: PredictionRecord): void {
    this.predictions++;
    this.latency.add(record.latencyUs);
    const { prepared } = this;
    if (prepared === undefined) return;
    const cell = prepared.scoreBinner.cellOf(0, record.score);
    this.scoreCells[cell] = this.scoreCells[cell]! + 1;
    if (record.vector.length === prepared.binner.numSlots) prepared.binner.count(record.vector, this.cells);
    else this.misshapen++;
  }
}

/** Outcomes of one window. Stays open longer than its inputs: until the labels have had time to arrive. */
export class OutcomeWindow {
  readonly key: WindowKey;
  readonly histogram: ScoreHistogram = new ScoreHistogram();
  /** Offset of the earliest prediction; with `firstLabelOffset`, what must be read again to rebuild this window. */
  readonly firstOffset: number;
  firstLabelOffset: number | undefined;
  predictions = 0;

  constructor(key: WindowKey, firstOffset: number) {
    this.key = key;
    this.firstOffset = firstOffset;
  }

  addOutcome(matured: MaturedPrediction, labelOffset: number): void {
    if (this.firstLabelOffset === undefined || labelOffset < this.firstLabelOffset) this.firstLabelOffset = labelOffset;
    const { score } = matured.prediction;
    // One answer that is no number must not make every figure of the window one; the score's null cell shows it.
    if (Number.isNaN(score)) return;
    if (matured.replaces !== undefined) this.histogram.remove(score, matured.replaces);
    this.histogram.add(score, matured.label);
  }
}
