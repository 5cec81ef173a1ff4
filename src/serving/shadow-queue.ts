import type { CategoryDictionary } from "../features/vector.ts";
import type { Clock, Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { PredictionRecord } from "../feedback/prediction.ts";
import type { FeedbackFace } from "./faces.ts";
import type { RequestFields } from "./request-fields.ts";
import type { LoadedVersion, ServedModel } from "./served-model.ts";

/** What a shadow version is asked: the question as it was answered, with the vector that answered it. */
export interface ShadowQuestion {
  readonly model: ServedModel;
  readonly version: LoadedVersion;
  /** By which the answering version codes. */
  readonly categories: CategoryDictionary;
  readonly id: string;
  readonly askedUs: Micros;
  readonly fields: Readonly<RequestFields>;
  /** The answering version's vector: window and request features are not read a second time, only categories are coded anew. */
  readonly vector: Float64Array;
}

/** How long scoring may hold up the turn of the event loop it runs in. */
const sliceMs = 1;

/**
 * Shadow versions score after the answer is out, between turns of the event loop, from a bounded queue: whatever they do or however
 * long they take, no answer waits for them. What does not fit is left out, oldest first, and counted as dropped.
 */
export class ShadowQueue {
  readonly #feedback: Pick<FeedbackFace, "logPredictions">;
  readonly #clock: Clock;
  readonly #timerMs: () => number;
  readonly #maxBacklog: number;
  #questions: ShadowQuestion[] = [];
  #draining: Promise<void> | undefined;

  constructor(options: {
    readonly feedback: Pick<FeedbackFace, "logPredictions">;
    readonly clock: Clock;
    readonly timerMs: () => number;
    readonly maxBacklog: number;
  }) {
    this.#feedback = options.feedback;
    this.#clock = options.clock;
    this.#timerMs = options.timerMs;
    this.#maxBacklog = options.maxBacklog;
  }

  add(question: ShadowQuestion): void {
    this.#questions.push(question);
    if (this.#questions.length > 2 * this.#maxBacklog) this.#dropOldest();
    this.#draining ??= this.#drain();
  }

  /** Resolves once everything asked so far is scored and logged, or counted as failed. */
  async idle(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#questions.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#questions.length > this.#maxBacklog) this.#dropOldest();
      await this.#scoreSlice();
    }
    this.#draining = undefined;
  }

  async #scoreSlice(): Promise<void> {
    const records: PredictionRecord[] = [];
    const scored: ShadowQuestion[] = [];
    const endMs = this.#timerMs() + sliceMs;
    let next = 0;
    do {
      const question = this.#questions[next++]!;
      try {
        records.push(this.#scoreOne(question));
        scored.push(question);
      } catch {
        question.model.stats.count(question.version.version, "shadow", "failed");
      }
    } while (next < this.#questions.length && this.#timerMs() < endMs);
    this.#questions = this.#questions.slice(next);
    if (records.length === 0) return;
    const outcome = await this.#feedback.logPredictions(records).then(
      () => "ok" as const,
      () => "failed" as const,
    );
    for (const { model, version } of scored) model.stats.count(version.version, "shadow", outcome);
  }

  #scoreOne({ model, version, categories, id, askedUs, fields, vector }: ShadowQuestion): PredictionRecord {
    const startMs = this.#timerMs();
    const own = version.vector.recode(askedUs, fields, vector, categories);
    const score = version.predictor.predictRow(own, 0);
    if (Number.isNaN(score)) throw new KarkhanaError("INTERNAL", { problem: `${model.definition.name} version ${version.version} scored NaN` });
    const endMs = this.#timerMs();
    const latencyUs = (endMs - startMs) * 1000;
    model.stats.latency.shadow.record(latencyUs, endMs);
    return {
      id,
      model: model.definition.name,
      version: version.version,
      role: "shadow",
      askedUs,
      servedUs: this.#clock.nowUs(),
      score,
      vector: own,
      serviceHash: model.definition.service.hash,
      fields,
      latencyUs,
    };
  }

  #dropOldest(): void {
    const excess = this.#questions.length - this.#maxBacklog;
    for (const { model, version } of this.#questions.splice(0, excess)) model.stats.count(version.version, "shadow", "dropped");
  }
}
