import type { CategoryDictionary } from "../features/vector.ts";
import type { Clock, Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { AppliedOffsets, PredictionRecord } from "../feedback/prediction.ts";
import type { MaybePromise } from "../storage/kv/port.ts";
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
  /** undefined: the caller brought the features. */
  readonly fields: Readonly<RequestFields> | undefined;
  /** The answering version's vector: window and request features are not read a second time, only categories are coded anew. */
  readonly vector: Float64Array;
  readonly applied: AppliedOffsets | undefined;
}

/** How long scoring may hold up the turn of the event loop it runs in. */
const sliceMs = 1;

/** Rows of a version that scores elsewhere which are under way at once. */
const maxUnderWay = 256;

/**
 * Shadow versions score after the answer is out, between turns of the event loop, each from a bounded queue of its own: whatever they do or
 * however long they take, no answer and no other shadow waits for them. What does not fit is left out, oldest first, and counted as dropped.
 */
export class ShadowQueue {
  readonly #options: ShadowQueueOptions;
  readonly #backlogs = new Map<LoadedVersion, Backlog>();

  constructor(options: ShadowQueueOptions) {
    this.#options = options;
  }

  add(question: ShadowQuestion): void {
    const { version } = question;
    let backlog = this.#backlogs.get(version);
    if (backlog === undefined) this.#backlogs.set(version, (backlog = new Backlog(this.#options, () => this.#backlogs.delete(version))));
    backlog.add(question);
  }

  /** Resolves once everything asked so far is scored and logged, or counted as failed. */
  async idle(): Promise<void> {
    while (this.#backlogs.size > 0) await Promise.all(Array.from(this.#backlogs.values(), (backlog) => backlog.drained));
  }
}

export interface ShadowQueueOptions {
  readonly feedback: Pick<FeedbackFace, "logPredictions">;
  readonly clock: Clock;
  readonly timerMs: () => number;
  readonly maxBacklog: number;
}

/** What one version is still to be asked. */
class Backlog {
  readonly #options: ShadowQueueOptions;
  readonly #onEmpty: () => void;
  #questions: ShadowQuestion[] = [];
  #drained: Promise<void> | undefined;

  constructor(options: ShadowQueueOptions, onEmpty: () => void) {
    this.#options = options;
    this.#onEmpty = onEmpty;
  }

  get drained(): Promise<void> | undefined {
    return this.#drained;
  }

  add(question: ShadowQuestion): void {
    this.#questions.push(question);
    if (this.#questions.length > 2 * this.#options.maxBacklog) this.#dropOldest();
    this.#drained ??= this.#drain();
  }

  async #drain(): Promise<void> {
    while (this.#questions.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#questions.length > this.#options.maxBacklog) this.#dropOldest();
      await this.#scoreSlice();
    }
    this.#drained = undefined;
    this.#onEmpty();
  }

  async #scoreSlice(): Promise<void> {
    const { feedback, timerMs } = this.#options;
    const { stats } = this.#questions[0]!.model;
    const asked: Promise<PredictionRecord | undefined>[] = [];
    const records: PredictionRecord[] = [];
    const startMs = timerMs();
    let next = 0;
    do {
      const question = this.#questions[next++]!;
      const failed = (): undefined => {
        stats.count(question.version.version, "shadow", "failed");
      };
      try {
        const scored = this.#scoreOne(question);
        if (scored instanceof Promise) asked.push(scored.catch(failed));
        else records.push(scored);
      } catch {
        failed();
      }
    } while (next < this.#questions.length && asked.length < maxUnderWay && timerMs() < startMs + sliceMs);
    this.#questions = this.#questions.slice(next);
    for (const record of await Promise.all(asked)) if (record !== undefined) records.push(record);
    if (records.length === 0) return;
    const outcome = await feedback.logPredictions(records).then(
      () => "ok" as const,
      () => "failed" as const,
    );
    for (const { version } of records) stats.count(version, "shadow", outcome);
  }

  #scoreOne(question: ShadowQuestion): MaybePromise<PredictionRecord> {
    const { version, categories, askedUs, fields, vector } = question;
    const startMs = this.#options.timerMs();
    const own = version.vector.recode(askedUs, fields, vector, categories);
    const score = version.predictor.predictRow(own, 0);
    return typeof score === "number" ? this.#recordOf(question, own, score, startMs) : score.then((late) => this.#recordOf(question, own, late, startMs));
  }

  #recordOf({ model, version, id, askedUs, fields, applied }: ShadowQuestion, vector: Float64Array, score: number, startMs: number): PredictionRecord {
    if (Number.isNaN(score)) throw new KarkhanaError("INTERNAL", { problem: `${model.definition.name} version ${version.version} scored NaN` });
    const endMs = this.#options.timerMs();
    const latencyUs = (endMs - startMs) * 1000;
    model.stats.latency.shadow.record(latencyUs, endMs);
    return {
      id,
      model: model.definition.name,
      version: version.version,
      role: "shadow",
      askedUs,
      servedUs: this.#options.clock.nowUs(),
      score,
      vector,
      serviceHash: model.definition.service.hash,
      fields: fields ?? {},
      latencyUs,
      ...(applied === undefined ? undefined : { applied }),
    };
  }

  #dropOldest(): void {
    const excess = this.#questions.length - this.#options.maxBacklog;
    for (const { model, version } of this.#questions.splice(0, excess)) model.stats.count(version.version, "shadow", "dropped");
  }
}
