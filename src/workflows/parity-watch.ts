import type { Clock } from "../kernel/clock.ts";
import type { Alert } from "../monitoring/alert.ts";
import type { ParityCheck, ParityStore, ParityTotals } from "../monitoring/parity-store.ts";
import type { FeedbackReader } from "../feedback/log.ts";
import type { JobProgress } from "./jobs/job.ts";
import { runJob } from "./jobs/run-job.ts";

export interface ParityWatchOptions {
  readonly store: ParityStore;
  readonly reader: Pick<FeedbackReader, "ends">;
  /** Milliseconds that never go backwards. */
  readonly timerMs: () => number;
  readonly clock: Clock;
  /** What the job needs beyond the stretch; undefined while there is nothing to compare with (no version, or a source not registered). */
  readonly inputOf: (model: string) => Promise<ParityWatchInput | undefined>;
  /** Told of an alert after it is stored, and of a check that could not be made. */
  readonly onAlert: (alert: Alert) => void;
  readonly onFailure: (model: string, error: unknown) => void;
  /** How long little traffic waits for its check; default a minute. */
  readonly quietMs?: number;
}

export interface ParityWatchInput {
  readonly projectFile: string;
  readonly relations: Readonly<Record<string, string>>;
  /** Pushed sources whose rows are versions, as they arrive. */
  readonly streams: Readonly<Record<string, string>>;
  readonly logFolder: string;
  readonly blobsFolder: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly threads: number;
  readonly memoryLimitMb: number;
  readonly tempFolder: string;
}

/**
 * Keeps proving that served vectors are what the offline SQL gives: a stretch of the prediction log at a time, a sample of each, in a worker
 * thread. Where it stands is stored with what it found, so it goes on there after a crash.
 */
export interface ParityWatch {
  /** Starts a check if enough was served since the last one, or some and long ago. Returns at once; cheap to call often. */
  poke(model: string): void;
  /** Checks everything served up to now. @returns the totals of all checks of the model @throws what the job threw */
  drain(model: string, progress: JobProgress, signal?: AbortSignal): Promise<ParityTotals>;
  /** Lets a running check end. */
  close(): Promise<void>;
}

/** A stretch up to this long is recomputed whole; of a longer one about `sample` vectors, which takes some seconds of one core. */
const whole = 15_000;
const sample = 7_500;
/** A check scans the sources: not more often than this, and not for less than this while traffic is heavy. */
const enough = 80_000;

export function createParityWatch(options: ParityWatchOptions): ParityWatch {
  const { store, reader, timerMs, clock, quietMs = 60_000 } = options;
  const lastMs = new Map<string, number>();
  const stop = new AbortController();
  // One check at a time, whatever the model: it takes a core.
  let last: Promise<unknown> = Promise.resolve();
  const looking = new Set<string>();
  /** It is tried again as long as there is traffic: the same failure in a row is told once. */
  const failures = new Map<string, string>();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };

  const check = async (model: string, progress: JobProgress, signal: AbortSignal): Promise<void> => {
    const fromOffset = await store.nextOffset(model);
    const { predictions: toOffset } = await reader.ends();
    if (toOffset <= fromOffset) return;
    const input = await options.inputOf(model);
    if (input === undefined) return;
    const { differences, ...found } = await runJob(
      "parity",
      { ...input, model, fromOffset, toOffset, sample: toOffset - fromOffset <= whole ? whole : sample },
      progress,
      signal,
    );
    const made: ParityCheck = { model, fromOffset, toOffset, checkedUs: clock.nowUs(), ...found };
    const alert = await store.commit(made, differences);
    if (alert !== undefined) options.onAlert(alert);
  };

  const isDue = async (model: string): Promise<boolean> => {
    const fresh = (await reader.ends()).predictions - (await store.nextOffset(model));
    return fresh >= enough || (fresh > 0 && timerMs() - (lastMs.get(model) ?? Number.NEGATIVE_INFINITY) >= quietMs);
  };

  return {
    poke: (model) => {
      if (!lastMs.has(model)) lastMs.set(model, timerMs());
      if (looking.has(model) || stop.signal.aborted) return;
      looking.add(model);
      inTurn(async () => {
        try {
          if (stop.signal.aborted || !(await isDue(model))) return;
          await check(model, () => undefined, stop.signal);
          lastMs.set(model, timerMs());
          failures.delete(model);
        } catch (error) {
          lastMs.set(model, timerMs());
          if (stop.signal.aborted || failures.get(model) === String(error)) return;
          failures.set(model, String(error));
          options.onFailure(model, error);
        } finally {
          looking.delete(model);
        }
      }).catch(() => undefined);
    },
    drain: (model, progress, signal) =>
      inTurn(async () => {
        await check(model, progress, signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]));
        lastMs.set(model, timerMs());
        return store.totals(model);
      }),
    close: async () => {
      stop.abort();
      await last;
    },
  };
}
