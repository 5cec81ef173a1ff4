import { setTimeout } from "node:timers/promises";
import type { Clock } from "../kernel/clock.ts";
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { canonicalJson } from "../kernel/hashing.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { WorkflowExecution, type Wait } from "./execution.ts";
import type { Json, PipelineRun, Pipelines, Workflow } from "./port.ts";
import { asRecorded } from "./recorded.ts";
import { PipelineStore, type Claim } from "./store.ts";

export interface PipelineParts {
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** The pause before a step is tried again; tests pass one that does not wait. */
  readonly wait?: Wait;
}

export function createPipelines(parts: PipelineParts): Pipelines {
  return new DurablePipelines(parts);
}

const waitForReal: Wait = (milliseconds, signal) => setTimeout(milliseconds, undefined, { signal }).catch(() => undefined);

interface ActiveRun {
  readonly workflow: string;
  readonly input: string;
  readonly execution: WorkflowExecution;
  /** Resolves once the run is this process's own (false: it had already succeeded). */
  readonly claimed: Promise<boolean>;
  readonly output: Promise<Json>;
}

class DurablePipelines implements Pipelines {
  readonly #store: PipelineStore;
  readonly #parts: PipelineParts;
  readonly #workflows = new Map<string, Workflow<Json, Json>>();
  /** Runs of this process, by id: whoever starts one again gets the same promise. */
  readonly #active = new Map<string, ActiveRun>();
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
    const active = this.#activate(workflow as unknown as Workflow<Json, Json>, input, runId);
    if (active.workflow !== workflow.name || active.input !== canonicalJson(input)) {
      return Promise.reject(new KarkhanaError("PIPELINE_INPUT_CHANGED", { runId, workflow: active.workflow }));
    }
    return active.output as Promise<O>;
  }

  async recover(): Promise<string[]> {
    const recovered: string[] = [];
    for (const { runId, workflow: name, input } of await this.#store.orphans()) {
      const workflow = this.#workflows.get(name);
      if (workflow === undefined || this.#active.has(runId)) continue;
      const active = this.#activate(workflow, input, runId);
      // How it ends is recorded on the run, for whoever asks.
      active.output.catch(() => undefined);
      try {
        if (await active.claimed) recovered.push(runId);
      } catch (error) {
        // Another recoverer was quicker.
        if (codeOf(error) !== "PIPELINE_RUN_OWNED") throw error;
      }
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

  async lastRun(workflow: string, idsFrom: string): Promise<PipelineRun | undefined> {
    const runId = await this.#store.lastRunId(workflow, idsFrom);
    return runId === undefined ? undefined : this.getRun(runId);
  }

  async cancel(runId: string): Promise<void> {
    if (!(await this.#store.cancel(runId))) await this.getRun(runId);
    this.#active.get(runId)?.execution.abort();
  }

  #activate(workflow: Workflow<Json, Json>, input: Json, runId: string): ActiveRun {
    const running = this.#active.get(runId);
    if (running !== undefined) return running;
    const { database, blobs, clock, wait = waitForReal } = this.#parts;
    const execution = new WorkflowExecution({ runId, store: this.#store, database, blobs, clock, wait, flights: this.#flights });
    const claim = this.#store.claim(runId, workflow.name, input);
    const claimed = claim.then(({ kind }) => kind === "mine");
    // Whoever only wants the output hears of a refused claim from there.
    claimed.catch(() => undefined);
    const output = this.#run(workflow, input, runId, execution, claim).finally(() => this.#active.delete(runId));
    const active = { workflow: workflow.name, input: canonicalJson(input), execution, claimed, output };
    this.#active.set(runId, active);
    return active;
  }

  async #run(workflow: Workflow<Json, Json>, input: Json, runId: string, execution: WorkflowExecution, claiming: Promise<Claim>): Promise<Json> {
    const claim = await claiming;
    if (claim.kind === "finished") return claim.output;
    try {
      const output = asRecorded(await workflow.run(execution, input), `Output of run ${runId}`);
      await execution.stop();
      await this.#store.finish(runId, output);
      return output;
    } catch (error) {
      await execution.stop();
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
