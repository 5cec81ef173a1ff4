import type { Clock } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { WorkflowExecution, type Wait } from "./execution.ts";
import type { Json, PipelineRun, Pipelines, Workflow } from "./port.ts";
import { PipelineStore } from "./store.ts";

export interface PipelineParts {
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** Between attempts; tests pass one that does not wait. */
  readonly wait?: Wait;
}

export function createPipelines(parts: PipelineParts): Pipelines {
  return new DurablePipelines(parts);
}

const waitForReal: Wait = (milliseconds, signal) =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

class DurablePipelines implements Pipelines {
  readonly #store: PipelineStore;
  readonly #parts: PipelineParts;
  readonly #workflows = new Map<string, Workflow<Json, Json>>();
  /** Runs of this process, by id: whoever starts one again gets the same promise. */
  readonly #active = new Map<string, { readonly output: Promise<Json>; readonly execution: WorkflowExecution }>();
  /** Cacheable steps at work in this process, by key: the second one waits and then finds the first one's output. */
  readonly #flights = new Map<string, Promise<unknown>>();

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.#store = new PipelineStore(parts.database, parts.clock);
  }

  register<I extends Json, O extends Json>(workflow: Workflow<I, O>): void {
    this.#workflows.set(workflow.name, workflow as unknown as Workflow<Json, Json>);
  }

  start<I extends Json, O extends Json>(workflow: Workflow<I, O>, input: I, runId: string): Promise<O> {
    const running = this.#active.get(runId);
    if (running !== undefined) return running.output as Promise<O>;
    const execution = new WorkflowExecution({ runId, store: this.#store, database: this.#parts.database, blobs: this.#parts.blobs, clock: this.#parts.clock, wait: this.#parts.wait ?? waitForReal, flights: this.#flights });
    const output = this.#run(workflow as unknown as Workflow<Json, Json>, input, runId, execution).finally(() => this.#active.delete(runId));
    this.#active.set(runId, { output, execution });
    return output as Promise<O>;
  }

  async recover(): Promise<string[]> {
    const recovered: string[] = [];
    for (const { runId, workflow: name, input } of await this.#store.orphans()) {
      const workflow = this.#workflows.get(name);
      if (workflow === undefined || this.#active.has(runId)) continue;
      // Its failure is recorded on the run; another recoverer that was quicker is no failure.
      this.start(workflow, input, runId).catch(() => undefined);
      recovered.push(runId);
    }
    return recovered;
  }

  async getRun(runId: string): Promise<PipelineRun> {
    const [run] = await this.#store.readRuns({ runId, limit: 1 });
    if (run === undefined) throw new KarkhanaError("PIPELINE_RUN_NOT_FOUND", { runId });
    return this.#withProgress(run);
  }

  async listRuns(limit = 100): Promise<PipelineRun[]> {
    return (await this.#store.readRuns({ limit })).map((run) => this.#withProgress(run));
  }

  async cancel(runId: string): Promise<void> {
    if (!(await this.#store.cancel(runId))) await this.getRun(runId);
    this.#active.get(runId)?.execution.abort();
  }

  async #run(workflow: Workflow<Json, Json>, input: Json, runId: string, execution: WorkflowExecution): Promise<Json> {
    const claim = await this.#store.claim(runId, workflow.name, input);
    if (claim.kind === "finished") return claim.output;
    try {
      const output = JSON.parse(JSON.stringify(await workflow.run(execution, input))) as Json;
      await this.#store.finish(runId, output);
      return output;
    } catch (error) {
      await this.#store.fail(runId, error);
      throw error;
    }
  }

  #withProgress(run: PipelineRun): PipelineRun {
    const execution = this.#active.get(run.runId)?.execution;
    if (execution === undefined) return run;
    return {
      ...run,
      steps: run.steps.map((step) => {
        const progress = step.state === "running" ? execution.progressOf(step.stepId) : undefined;
        return progress === undefined ? step : { ...step, progress };
      }),
    };
  }
}
