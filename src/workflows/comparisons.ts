import type { ModelDefinition } from "../project/definition.ts";
import type { Registry } from "../registry/port.ts";
import { compareChallengers, type ChallengerComparison } from "./compare-challengers.ts";
import { runJob } from "./jobs/run-job.ts";

export interface ComparisonsOptions {
  readonly registry: Pick<Registry, "listEvents" | "getDeployment">;
  readonly logFolder: string;
  /** Milliseconds that never go backwards. */
  readonly timerMs: () => number;
}

/** The deployed versions of a model compared; undefined while nothing is deployed. */
export type Comparisons = (model: ModelDefinition) => Promise<ModelComparisons | undefined>;

export interface ModelComparisons {
  readonly champion: number;
  readonly comparisons: readonly ChallengerComparison[];
}

/** Questions that are looked at: with their labels in memory about 70 MB and two seconds of a worker thread. */
export const comparedAtMost = 200_000;
/** Who looks again sooner is shown the same. */
const keptMs = 20_000;

/** Comparisons for people who look: of the latest questions, one at a time, in worker threads; whoever asks meanwhile shares the answer. */
export function createComparisons({ registry, logFolder, timerMs }: ComparisonsOptions): Comparisons {
  const made = new Map<string, { readonly revision: number; readonly atMs: number; readonly result: Promise<ModelComparisons> }>();
  let last: Promise<unknown> = Promise.resolve();
  return async (model) => {
    const deployment = await registry.getDeployment(model.name);
    if (deployment === undefined) return undefined;
    const { champion, revision } = deployment;
    const before = made.get(model.name);
    if (before?.revision === revision && timerMs() - before.atMs < keptMs) return before.result;
    const run = (input: Parameters<typeof runJob<"compare">>[1]): ReturnType<typeof runJob<"compare">> => runJob("compare", input, () => undefined);
    const result = last.then(async () => ({
      champion,
      comparisons: await compareChallengers(registry, logFolder, model, deployment, { run, atMost: comparedAtMost }),
    }));
    last = result.catch(() => undefined);
    made.set(model.name, { revision, atMs: timerMs(), result });
    try {
      return await result;
    } catch (error) {
      made.delete(model.name);
      throw error;
    }
  };
}
