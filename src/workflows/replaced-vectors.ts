import type { FeatureViewDefinition } from "../features/definition.ts";
import type { Clock } from "../kernel/clock.ts";
import type { OnlineStoreLocation } from "./jobs/online-store.ts";
import { runJob } from "./jobs/run-job.ts";
import { repeatedly, type Repeated } from "./repeatedly.ts";

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
): Repeated {
  if (!views.some(({ features }) => Object.values(features).some(({ embedding }) => embedding !== undefined))) return { close: async () => {} };
  const round = async (signal: AbortSignal): Promise<void> => {
    await runJob("releaseVectors", { projectFile, onlineStore, nowUs: eventClock.nowUs() }, () => undefined, signal);
  };
  return repeatedly(everyMs, round, onFailure);
}
