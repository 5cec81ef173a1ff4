import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { ExpiryQueue } from "./expiry.ts";
import type { LabelRecord, PredictionRecord } from "./prediction.ts";

/** A prediction whose outcome is known. */
export interface MaturedPrediction {
  readonly prediction: PredictionRecord;
  readonly label: 0 | 1;
  readonly knownUs: Micros;
  /** Set on a correction: the label this prediction was given out with before. Take that back before counting this one. */
  readonly replaces?: 0 | 1;
}

export interface JoinCounts {
  /** Predictions taken in, without repeats. */
  readonly predictions: number;
  /** The same (model, id, version, role) again: the first one stands. */
  readonly repeatedPredictions: number;
  /** Arrived when their horizon was over already: left out. */
  readonly latePredictions: number;
  /** Labels that counted first for their id. */
  readonly labels: number;
  /** The same value again, or one known before the label that stands. */
  readonly repeatedLabels: number;
  /** Another value, not known earlier: replaced the label that stood. */
  readonly corrections: number;
  /** No prediction came within the horizon, or the prediction was forgotten already. */
  readonly labelsWithoutPrediction: number;
  /** Predictions given out with a label; a correction is not counted again. */
  readonly matured: number;
  /** Predictions given out as unlabelled. */
  readonly unlabelled: number;
  /** Questions held now. */
  readonly open: number;
}

interface Question {
  readonly predictions: PredictionRecord[];
  label: Outcome | undefined;
}

interface Outcome {
  value: 0 | 1;
  knownUs: Micros;
}

type Counter = Exclude<keyof JoinCounts, "open">;

/**
 * Predictions and labels brought together by (model, id) as they stream in, in either order. Pure: no clock, no I/O; the caller says how far
 * time has come. Feeding the same logs again gives out nothing new; only corrections of equal known time are gone through once more, and end
 * where they stood.
 *
 * Memory: the questions asked within one horizon (the labelled ones too, for corrections). A question leaves when its `askedUs` is a horizon
 * behind the watermark (up to a 64th more, see `ExpiryQueue`); if it has no label then, its predictions are handed over as unlabelled.
 */
export class FeedbackJoin {
  readonly #questions = new Map<string, Question>();
  readonly #asked: ExpiryQueue;
  /** Labels whose question has not been seen. */
  readonly #waiting = new Map<string, Outcome>();
  readonly #known: ExpiryQueue;
  readonly #counts: Record<Counter, number> = {
    predictions: 0,
    repeatedPredictions: 0,
    latePredictions: 0,
    labels: 0,
    repeatedLabels: 0,
    corrections: 0,
    labelsWithoutPrediction: 0,
    matured: 0,
    unlabelled: 0,
  };

  /** @param horizonUs how long after a question its label is waited for */
  constructor(horizonUs: Micros) {
    if (!(horizonUs > 0)) throw new KarkhanaError("INVALID_ARGUMENT", { field: "horizonUs", problem: "expected a duration above 0", value: horizonUs });
    this.#asked = new ExpiryQueue(horizonUs);
    this.#known = new ExpiryQueue(horizonUs);
  }

  /** Whether this very answer, (model, id, version, role), was taken in before and is still held: a repeat, not a new one. */
  holds(prediction: PredictionRecord): boolean {
    return holdsAnswer(this.#questions.get(keyOf(prediction)), prediction);
  }

  addPrediction(prediction: PredictionRecord): MaturedPrediction[] {
    const key = keyOf(prediction);
    let question = this.#questions.get(key);
    if (question === undefined) {
      if (this.#asked.isPast(prediction.askedUs)) return this.#count("latePredictions");
      question = { predictions: [], label: this.#waiting.get(key) };
      this.#waiting.delete(key);
      this.#questions.set(key, question);
      this.#asked.add(key, prediction.askedUs);
    } else if (holdsAnswer(question, prediction)) {
      return this.#count("repeatedPredictions");
    }
    question.predictions.push(prediction);
    this.#count("predictions");
    if (question.label === undefined) return [];
    this.#count("matured");
    return [{ prediction, label: question.label.value, knownUs: question.label.knownUs }];
  }

  addLabel(label: LabelRecord): MaturedPrediction[] {
    const key = keyOf(label);
    const question = this.#questions.get(key);
    const standing = question?.label ?? this.#waiting.get(key);
    if (standing !== undefined) {
      if (standing.value === label.label || label.knownUs < standing.knownUs) return this.#count("repeatedLabels");
      const replaces = standing.value;
      standing.value = label.label;
      standing.knownUs = label.knownUs;
      this.#count("corrections");
      return (question?.predictions ?? []).map((prediction) => ({ prediction, label: label.label, knownUs: label.knownUs, replaces }));
    }
    const outcome: Outcome = { value: label.label, knownUs: label.knownUs };
    if (question === undefined) {
      if (this.#known.isPast(label.knownUs)) return this.#count("labelsWithoutPrediction");
      this.#waiting.set(key, outcome);
      this.#known.add(key, label.knownUs);
      return this.#count("labels");
    }
    question.label = outcome;
    this.#count("labels");
    this.#counts.matured += question.predictions.length;
    return question.predictions.map((prediction) => ({ prediction, label: outcome.value, knownUs: outcome.knownUs }));
  }

  /**
   * Says that time has come to `watermarkUs` (it never goes back) and forgets what is a horizon older.
   * @returns predictions that got no label, oldest first
   */
  advanceTo(watermarkUs: Micros): PredictionRecord[] {
    const unlabelled: PredictionRecord[] = [];
    for (const key of this.#asked.advanceTo(watermarkUs)) {
      const question = this.#questions.get(key);
      this.#questions.delete(key);
      if (question !== undefined && question.label === undefined) unlabelled.push(...question.predictions);
    }
    for (const key of this.#known.advanceTo(watermarkUs)) {
      // Gone from here already if its question came meanwhile.
      if (this.#waiting.delete(key)) this.#count("labelsWithoutPrediction");
    }
    this.#counts.unlabelled += unlabelled.length;
    return unlabelled;
  }

  counts(): JoinCounts {
    return { ...this.#counts, open: this.#questions.size };
  }

  #count(counter: Counter): [] {
    this.#counts[counter] += 1;
    return [];
  }
}

function holdsAnswer(question: Question | undefined, { version, role }: PredictionRecord): boolean {
  return question?.predictions.some((p) => p.version === version && p.role === role) ?? false;
}

/** NUL cannot be in a model's name, so no two pairs share a key. */
function keyOf(record: { readonly model: string; readonly id: string }): string {
  return `${record.model}\0${record.id}`;
}
