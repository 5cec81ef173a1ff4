import { KarkhanaError } from "../kernel/error.ts";
import type { WorkflowContext } from "../pipelines/port.ts";
import type { Registry } from "../registry/port.ts";

export interface OwnRoad {
  readonly context: WorkflowContext;
  /** Of the deployment, after what this run changed last. */
  readonly revision: () => number;
}

/**
 * A workflow's context whose transactions happen only while nobody else changed the model's deployment: the revision is compared in the
 * transaction itself, and what it becomes is recorded with it, so that a run that goes on after a crash knows its own changes from others'.
 * Its `transact` throws WRITE_CONFLICT otherwise, and nothing is changed.
 */
export function onOwnRoad(context: WorkflowContext, registry: Pick<Registry, "getDeployment">, model: string, revision: number): OwnRoad {
  let ours = revision;
  return {
    revision: () => ours,
    context: {
      runId: context.runId,
      step: (id, options, work) => context.step(id, options, work),
      transact: async (id, work) => {
        const done = await context.transact(id, async (trx, step) => {
          if ((await registry.getDeployment(model, trx))?.revision !== ours) throw new KarkhanaError("WRITE_CONFLICT", { store: `the deployment of ${model}` });
          const result = await work(trx, step);
          return { result, revision: (await registry.getDeployment(model, trx))?.revision ?? 0 };
        });
        ours = done.revision;
        return done.result;
      },
    },
  };
}
