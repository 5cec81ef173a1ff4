/**
 * Runs one model's requests: a bounded line, so many runs at once as the model can take, rows of waiting requests put together.
 *
 *   run ──line full──> MODEL_QUEUE_FULL
 *    └─> waits ──time is over──> DEADLINE_PASSED, never run
 *          └─ a run is free, others of its kind join ──> run ──> each its own rows
 *                                                         └─ failed: in halves again, until a request that fails fails alone
 */
import { codeOf, KarkhanaError } from "../../kernel/error.ts";
import type { ServableModel, Tensor } from "../formats/model.ts";
import { WaitingLine, type Waiting } from "./line.ts";
import type { BatchingPolicy } from "./policy.ts";
import { joinInputs, kindOf, splitOutputs } from "./together.ts";

export interface BatchQuestion {
  /** Already checked: what reaches a batch is not refused there. */
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly string[];
  /** As the protocol has it: 1 first, 0 the default. */
  readonly priority: number;
  readonly tenant: string;
  readonly deadlineMs: number;
}

export interface BatchAnswer {
  readonly outputs: readonly Tensor[];
  readonly queueMs: number;
  readonly computeMs: number;
}

export interface SchedulerOptions {
  readonly predict: ServableModel["predict"];
  readonly policy: BatchingPolicy;
  readonly timerMs: () => number;
  /** Calls back after so many milliseconds; 0: as soon as what has already come was heard. @returns what takes it back */
  readonly after?: (ms: number, then: () => void) => () => void;
  /** Told of each run that succeeded. */
  readonly onRun: (rows: number, requests: number, tookMs: number) => void;
}

interface Request extends Waiting {
  readonly question: BatchQuestion;
  readonly resolve: (answer: BatchAnswer) => void;
  readonly reject: (error: unknown) => void;
  /** When it left the line. */
  takenMs: number;
}

export class BatchScheduler {
  readonly #options: SchedulerOptions;
  readonly #after: NonNullable<SchedulerOptions["after"]>;
  readonly #line: WaitingLine<Request>;
  #running = 0;
  #isAsked = false;
  #alarmMs = Infinity;
  #silence: (() => void) | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#after = options.after ?? afterMs;
    this.#line = new WaitingLine(options.policy);
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.#line.size;
  }

  /** @throws INFER_REFUSED for more rows than a run takes, MODEL_QUEUE_FULL, SHARE_EXCEEDED, DEADLINE_PASSED, and what the model throws */
  run(question: BatchQuestion): Promise<BatchAnswer> {
    return new Promise((resolve, reject) => {
      const { policy, timerMs } = this.#options;
      const { rows, key } = kindOf(question.inputs);
      if (policy.maxBatchSize > 1 && rows > policy.maxBatchSize)
        throw new KarkhanaError("INFER_REFUSED", {
          problem: `${rows} rows are more than the ${policy.maxBatchSize} the model takes at once: send them in parts`,
        });
      const nowMs = timerMs();
      const { level, deadlineMs } = this.#line.deadlineOf(question.priority, nowMs, question.deadlineMs);
      const together = policy.maxBatchSize > 1 ? key : undefined;
      this.#line.push({ question, rows, key: together, tenant: question.tenant, level, enqueuedMs: nowMs, deadlineMs, takenMs: nowMs, resolve, reject });
      this.#watch(deadlineMs);
      if (this.#isAsked) return;
      this.#isAsked = true;
      this.#after(0, () => {
        this.#isAsked = false;
        this.#serve();
      });
    });
  }

  #serve(): void {
    const { policy, timerMs } = this.#options;
    const nowMs = timerMs();
    for (const request of this.#line.takeExpired(nowMs)) refuseLate(request, nowMs);
    let wakeMs = this.#line.nextDeadlineMs();
    while (this.#running < policy.runs) {
      const { batch, readyMs } = this.#line.takeReady(nowMs);
      if (batch === undefined) {
        wakeMs = Math.min(wakeMs, readyMs);
        break;
      }
      for (const request of batch) request.takenMs = nowMs;
      this.#running++;
      void this.#take(batch);
    }
    this.#watch(wakeMs);
  }

  async #take(batch: readonly Request[]): Promise<void> {
    await this.#run(batch);
    this.#running--;
    this.#serve();
  }

  /** One alarm for all: for the next deadline in the line, or the end of a batch's wait. */
  #watch(atMs: number): void {
    if (this.#line.size === 0) {
      this.#silence?.();
      this.#alarmMs = Infinity;
      return;
    }
    if (!(atMs < this.#alarmMs)) return;
    this.#silence?.();
    this.#alarmMs = atMs;
    this.#silence = this.#after(Math.max(1, atMs - this.#options.timerMs()), () => {
      this.#alarmMs = Infinity;
      this.#serve();
    });
  }

  /** Never rejects. */
  async #run(batch: readonly Request[]): Promise<void> {
    const { predict, timerMs, onRun } = this.#options;
    const startMs = timerMs();
    try {
      const inputs = joinInputs(batch.map(({ question }) => question.inputs));
      const wanted = [...new Set(batch.flatMap(({ question }) => question.outputs))];
      const rows = batch.map((request) => request.rows);
      const outputs = await predict(inputs, wanted);
      const parts = splitOutputs(outputs, rows);
      const doneMs = timerMs();
      onRun(
        rows.reduce((sum, n) => sum + n, 0),
        batch.length,
        doneMs - startMs,
      );
      for (const [i, { question, resolve, enqueuedMs, takenMs }] of batch.entries()) {
        const own = question.outputs.map((name) => parts[i]!.find((tensor) => tensor.name === name)!);
        resolve({ outputs: own, queueMs: takenMs - enqueuedMs, computeMs: doneMs - takenMs });
      }
    } catch (error) {
      if (batch.length === 1 || !isOfRows(error)) {
        for (const { reject } of batch) reject(error);
        return;
      }
      const half = Math.ceil(batch.length / 2);
      await this.#runAgain(batch.slice(0, half));
      await this.#runAgain(batch.slice(half));
    }
  }

  async #runAgain(batch: readonly Request[]): Promise<void> {
    const nowMs = this.#options.timerMs();
    const alive = batch.filter((request) => nowMs < request.deadlineMs);
    for (const request of batch) if (nowMs >= request.deadlineMs) refuseLate(request, nowMs);
    if (alive.length > 0) await this.#run(alive);
  }
}

function refuseLate({ reject, enqueuedMs }: Request, nowMs: number): void {
  reject(new KarkhanaError("DEADLINE_PASSED", { waitedMs: Math.round(nowMs - enqueuedMs) }));
}

/** Whether one request's rows may be the cause; where a server is away, asking again for each would only take longer. */
function isOfRows(error: unknown): boolean {
  const code = codeOf(error);
  return code !== "REMOTE_UNREACHABLE" && code !== "MODEL_QUEUE_FULL" && code !== "RUNTIME_ABSENT";
}

function afterMs(ms: number, then: () => void): () => void {
  if (ms <= 0) {
    const soon = setImmediate(then);
    return () => clearImmediate(soon);
  }
  // Node counts whole milliseconds and may be early by a fraction of one.
  const timer = setTimeout(then, Math.ceil(Math.min(ms, 2 ** 31 - 1)));
  timer.unref();
  return () => clearTimeout(timer);
}
