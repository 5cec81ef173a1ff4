import type { FeatureViewDefinition } from "../features/definition.ts";
import type { Clock } from "../kernel/clock.ts";
import type { OnlineStoreLocation } from "./jobs/online-store.ts";
import { runJob } from "./jobs/run-job.ts";

export interface ReplacedVectorsContext {
  readonly projectFile: string;
  readonly onlineStore: OnlineStoreLocation;
  /** The clock that questions are asked by. */
  readonly eventClock: Clock;
}

const everyMs = 600_000;

/** Looks every ten minutes, in a worker thread, whether enough vectors were replaced, and removes those that nobody can ask for any more. */
export function keepVectors(
  views: readonly FeatureViewDefinition[],
  { projectFile, onlineStore, eventClock }: ReplacedVectorsContext,
  onFailure: (error: unknown) => void,
): { readonly close: () => Promise<void> } {
  if (!views.some(({ features }) => Object.values(features).some(({ embedding }) => embedding !== undefined))) return { close: async () => {} };
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  const round = async (): Promise<void> => {
    try {
      await runJob("releaseVectors", { projectFile, onlineStore, nowUs: eventClock.nowUs() }, () => undefined, stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) onFailure(error);
    } finally {
      running = undefined;
    }
  };
  const timer = setInterval(() => {
    running ??= round();
  }, everyMs).unref();
  return {
    close: async () => {
      clearInterval(timer);
      stop.abort();
      await running;
    },
  };
}
