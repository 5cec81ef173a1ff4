import type { Micros } from "../kernel/clock.ts";

/** Which place a version had when it answered. Shadow predictions are logged but never returned. */
export type PredictionRole = "champion" | "challenger" | "shadow";

/** Whose question it was, where another answered it. */
export interface AnsweredInstead {
  /** The champion before the last promotion, or a rule. A rule's answer is no version's prediction: nothing is watched or compared by it. */
  readonly by: "previous" | "rule";
  /** The version that was to answer, and its place. */
  readonly version: number;
  readonly role: PredictionRole;
}

/**
 * How far the logs of pushed rows were applied to the online store at the moment the features were read: of each source the offset of the
 * first record that was not. Together with the time of the question it says exactly which rows the vector was made of.
 */
export interface AppliedOffsets {
  readonly sources: readonly string[];
  /** One a source. */
  readonly offsets: readonly number[];
}

/** One answered question, as logged before the reply is sent. */
export interface PredictionRecord {
  /** Chosen by the caller, or made by the server; the same id sent again is the same question. */
  readonly id: string;
  readonly model: string;
  readonly version: number;
  readonly role: PredictionRole;
  /** Time the question is asked; the features are as of this time. */
  readonly askedUs: Micros;
  /** When this process answered, by its own clock. */
  readonly servedUs: Micros;
  readonly score: number;
  /** shape [numSlots] of the version's feature service; null is NaN. */
  readonly vector: Float64Array;
  /** Hash of the feature service the vector belongs to; it pins every view's version. */
  readonly serviceHash: string;
  /** The request's fields, as sent. */
  readonly fields: Readonly<Record<string, string | number | null>>;
  /** Server time in microseconds spent on this request: lookup, then compute. */
  readonly latencyUs: number;
  /** Absent where no view reads a pushed source, where the features were not read here, and in records of before this was kept. */
  readonly applied?: AppliedOffsets;
  /** Absent where the version answered that was to. Then `version` and `role` are of who answered; a rule answers in the name of who was to. */
  readonly instead?: AnsweredInstead;
}

/** Whether the record is a version's own prediction, so that its score says something of the version. */
export function isPrediction({ instead }: Pick<PredictionRecord, "instead">): boolean {
  return instead?.by !== "rule";
}

/** An outcome, when it arrived. The first label of an id counts; a later one with another value is a correction and replaces it. */
export interface LabelRecord {
  readonly id: string;
  readonly model: string;
  readonly label: 0 | 1;
  /** When the outcome became known. */
  readonly knownUs: Micros;
}
