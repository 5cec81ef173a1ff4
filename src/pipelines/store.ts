import type { Kysely, Selectable, Transaction } from "kysely";
import type { Clock } from "../kernel/clock.ts";
import { KarkhanaError, toErrorRecord, type ErrorRecord } from "../kernel/error.ts";
import { canonicalJson } from "../kernel/hashing.ts";
import type { SqlDatabase, SqlTransaction } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { makeOwner, ownerIsDead, ownerPid } from "./owner.ts";
import type { BlobReference, Json, PipelineRun, StepRecord } from "./port.ts";
import type { PipelineTables } from "./tables.ts";

export interface StoredStep {
  readonly state: StepRecord["state"];
  readonly attempt: number;
  readonly output: Json;
  readonly blobs: readonly BlobReference[];
}

export interface CachedOutput {
  readonly output: Json;
  readonly blobs: readonly BlobReference[];
}

export type Claim = { readonly kind: "finished"; readonly output: Json } | { readonly kind: "mine" };

/**
 * Tables of the pipelines. Life of a run (each arrow one method below, each one transaction):
 *
 *   (none) --claim--> running --finish--> succeeded  (the end: claim gives its output)
 *                     running --fail----> failed     --claim--> running (goes on from the failed step)
 *                     running --cancel--> cancelled  --claim--> running (goes on from the first unfinished step)
 *                     running, owner dead            --claim--> running (the same; recover() does this)
 *                     running, owner alive           --claim--> refused with PIPELINE_RUN_OWNED
 *
 * Life of a step: (none) --begin--> running --end--> succeeded; running --failStep--> failed --begin--> running (next attempt).
 * A transacted or cached step goes to succeeded at once. Only the owner of a running run writes its steps.
 */
export class PipelineStore {
  readonly #database: SqlDatabase;
  readonly #db: Kysely<PipelineTables>;
  readonly #clock: Clock;
  readonly #owner: string = makeOwner();

  constructor(database: SqlDatabase, clock: Clock) {
    this.#database = database;
    this.#db = tables<PipelineTables>(database.db);
    this.#clock = clock;
  }

  /** Makes a run this process's own, in one transaction, so that of two claimants one wins. @throws PIPELINE_RUN_OWNED, PIPELINE_INPUT_CHANGED */
  claim(runId: string, workflow: string, input: Json): Promise<Claim> {
    return this.#database.transaction(async (handle) => {
      const trx = tables<PipelineTables>(handle);
      const owner = this.#owner;
      const text = canonicalJson(input);
      const row = await trx.selectFrom("pipeline_runs").selectAll().where("run_id", "=", runId).executeTakeFirst();
      if (row === undefined) {
        await trx
          .insertInto("pipeline_runs")
          .values({ run_id: runId, workflow, state: "running", input: text, output: null, error: null, owner, started_us: this.#clock.nowUs(), ended_us: null })
          .execute();
        return { kind: "mine" };
      }
      if (row.workflow !== workflow || row.input !== text) throw new KarkhanaError("PIPELINE_INPUT_CHANGED", { runId, workflow: row.workflow });
      if (row.state === "succeeded") return { kind: "finished", output: parse(row.output) };
      if (row.state === "running" && row.owner !== owner && !ownerIsDead(row.owner))
        throw new KarkhanaError("PIPELINE_RUN_OWNED", { runId, pid: ownerPid(row.owner) });
      await trx.updateTable("pipeline_runs").set({ state: "running", owner, error: null, ended_us: null }).where("run_id", "=", runId).execute();
      return { kind: "mine" };
    });
  }

  /** @throws PIPELINE_CANCELLED if it was cancelled meanwhile */
  finish(runId: string, output: Json): Promise<void> {
    return this.#database.transaction(async (handle) => {
      await this.refuseUnlessMine(runId, handle);
      const set = { state: "succeeded" as const, output: JSON.stringify(output), ended_us: this.#clock.nowUs() };
      await tables<PipelineTables>(handle).updateTable("pipeline_runs").set(set).where("run_id", "=", runId).execute();
    });
  }

  async fail(runId: string, error: unknown): Promise<void> {
    await this.#db
      .updateTable("pipeline_runs")
      .set({ state: "failed", error: JSON.stringify(toErrorRecord(error)), ended_us: this.#clock.nowUs() })
      .where("run_id", "=", runId)
      .where("state", "=", "running")
      .where("owner", "=", this.#owner)
      .execute();
  }

  async cancel(runId: string): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable("pipeline_runs")
      .set({ state: "cancelled", ended_us: this.#clock.nowUs() })
      .where("run_id", "=", runId)
      .where("state", "=", "running")
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** @throws PIPELINE_CANCELLED, PIPELINE_RUN_OWNED: whoever runs it goes no further */
  async refuseUnlessMine(runId: string, handle?: SqlTransaction): Promise<void> {
    const db = handle === undefined ? this.#db : tables<PipelineTables>(handle);
    const row = await db.selectFrom("pipeline_runs").select(["state", "owner"]).where("run_id", "=", runId).executeTakeFirst();
    if (row?.state !== "running") throw new KarkhanaError("PIPELINE_CANCELLED", { runId });
    if (row.owner !== this.#owner) throw new KarkhanaError("PIPELINE_RUN_OWNED", { runId, pid: ownerPid(row.owner) });
  }

  /** Runs that a dead process left running. */
  async orphans(): Promise<{ readonly runId: string; readonly workflow: string; readonly input: Json }[]> {
    const rows = await this.#db.selectFrom("pipeline_runs").selectAll().where("state", "=", "running").orderBy("started_us").execute();
    return rows.filter((row) => ownerIsDead(row.owner)).map((row) => ({ runId: row.run_id, workflow: row.workflow, input: parse(row.input) }));
  }

  readStep(runId: string, stepId: string, handle?: SqlTransaction): Promise<StoredStep | undefined> {
    return readStep(handle === undefined ? this.#db : tables<PipelineTables>(handle), runId, stepId);
  }

  async beginStep(runId: string, stepId: string, attempt: number, cacheKey: string | undefined): Promise<void> {
    const row = {
      state: "running" as const,
      attempt,
      cached: 0,
      cache_key: cacheKey ?? null,
      output: null,
      blobs: "[]",
      error: null,
      started_us: this.#clock.nowUs(),
      ended_us: null,
    };
    await this.#db
      .insertInto("pipeline_steps")
      .values({ run_id: runId, step_id: stepId, ...row })
      .onConflict((c) => c.columns(["run_id", "step_id"]).doUpdateSet(row))
      .execute();
  }

  /** The step's record and its cache entry, together. */
  endStep(
    runId: string,
    stepId: string,
    result: { readonly output: Json; readonly blobs: readonly BlobReference[]; readonly cacheKey?: string },
  ): Promise<void> {
    return this.#database.transaction(async (handle) => {
      const trx = tables<PipelineTables>(handle);
      const kept = { output: JSON.stringify(result.output), blobs: JSON.stringify(result.blobs) };
      await trx
        .updateTable("pipeline_steps")
        .set({ state: "succeeded", ...kept, ended_us: this.#clock.nowUs() })
        .where("run_id", "=", runId)
        .where("step_id", "=", stepId)
        .execute();
      if (result.cacheKey === undefined) return;
      const entry = { ...kept, created_us: this.#clock.nowUs() };
      await trx
        .insertInto("pipeline_cache")
        .values({ cache_key: result.cacheKey, ...entry })
        .onConflict((c) => c.column("cache_key").doUpdateSet(entry))
        .execute();
    });
  }

  /** Records an attempt that failed; one that another execution has meanwhile finished stays so. */
  async failStep(runId: string, stepId: string, error: unknown, attempt: number, startedUs: number): Promise<void> {
    const row = { state: "failed" as const, attempt, error: JSON.stringify(toErrorRecord(error)), ended_us: this.#clock.nowUs() };
    await this.#db
      .insertInto("pipeline_steps")
      .values({ run_id: runId, step_id: stepId, ...row, cached: 0, cache_key: null, output: null, blobs: "[]", started_us: startedUs })
      .onConflict((c) => c.columns(["run_id", "step_id"]).doUpdateSet(row).where("pipeline_steps.state", "!=", "succeeded"))
      .execute();
  }

  /** A whole finished step at once: from the cache, or (with a transaction) together with its effect. */
  async recordStep(
    runId: string,
    stepId: string,
    result: CachedOutput & { readonly attempt: number; readonly cached: boolean; readonly cacheKey?: string; readonly startedUs: number },
    handle?: SqlTransaction,
  ): Promise<void> {
    const db = handle === undefined ? this.#db : tables<PipelineTables>(handle);
    const row = {
      state: "succeeded" as const,
      attempt: result.attempt,
      cached: result.cached ? 1 : 0,
      cache_key: result.cacheKey ?? null,
      output: JSON.stringify(result.output),
      blobs: JSON.stringify(result.blobs),
      error: null,
      started_us: result.startedUs,
      ended_us: this.#clock.nowUs(),
    };
    await db
      .insertInto("pipeline_steps")
      .values({ run_id: runId, step_id: stepId, ...row })
      .onConflict((c) => c.columns(["run_id", "step_id"]).doUpdateSet(row))
      .execute();
  }

  async readCache(cacheKey: string): Promise<CachedOutput | undefined> {
    const row = await this.#db.selectFrom("pipeline_cache").selectAll().where("cache_key", "=", cacheKey).executeTakeFirst();
    return row === undefined ? undefined : { output: parse(row.output), blobs: JSON.parse(row.blobs) as BlobReference[] };
  }

  async lastRunId(workflow: string, idsFrom: string): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom("pipeline_runs")
      .select("run_id")
      .where("workflow", "=", workflow)
      // Not LIKE: a name may hold its wildcards.
      .where((eb) => eb(eb.fn<string>("substr", ["run_id", eb.lit(1), eb.lit(idsFrom.length)]), "=", idsFrom))
      .orderBy("run_id", "desc")
      .limit(1)
      .executeTakeFirst();
    return row?.run_id;
  }

  async readRuns(filter: { readonly runId?: string; readonly limit: number }): Promise<PipelineRun[]> {
    let query = this.#db.selectFrom("pipeline_runs").selectAll().orderBy("started_us", "desc").orderBy("run_id").limit(filter.limit);
    if (filter.runId !== undefined) query = query.where("run_id", "=", filter.runId);
    const runs = await query.execute();
    if (runs.length === 0) return [];
    const steps = await this.#db
      .selectFrom("pipeline_steps")
      .selectAll()
      .where(
        "run_id",
        "in",
        runs.map((run) => run.run_id),
      )
      .orderBy("started_us")
      .orderBy("step_id")
      .execute();
    return runs.map((run) =>
      toRun(
        run,
        steps.filter((step) => step.run_id === run.run_id),
      ),
    );
  }
}

async function readStep(db: Kysely<PipelineTables> | Transaction<PipelineTables>, runId: string, stepId: string): Promise<StoredStep | undefined> {
  const row = await db.selectFrom("pipeline_steps").selectAll().where("run_id", "=", runId).where("step_id", "=", stepId).executeTakeFirst();
  return row === undefined ? undefined : { state: row.state, attempt: row.attempt, output: parse(row.output), blobs: JSON.parse(row.blobs) as BlobReference[] };
}

function toRun(row: Selectable<PipelineTables["pipeline_runs"]>, steps: readonly Selectable<PipelineTables["pipeline_steps"]>[]): PipelineRun {
  return {
    runId: row.run_id,
    workflow: row.workflow,
    state: row.state,
    input: parse(row.input),
    ...(row.output === null ? {} : { output: parse(row.output) }),
    ...(row.error === null ? {} : { error: shortError(row.error) }),
    startedUs: row.started_us,
    ...(row.ended_us === null ? {} : { endedUs: row.ended_us }),
    steps: steps.map((step) => ({
      stepId: step.step_id,
      state: step.state,
      attempt: step.attempt,
      cached: step.cached === 1,
      ...(step.cache_key === null ? {} : { cacheKey: step.cache_key }),
      startedUs: step.started_us,
      ...(step.ended_us === null ? {} : { endedUs: step.ended_us }),
      ...(step.error === null ? {} : { error: shortError(step.error) }),
      ...(step.output === null ? {} : { output: parse(step.output) }),
    })),
  };
}

function shortError(text: string): { code: string; message: string } {
  const { code, message } = JSON.parse(text) as ErrorRecord;
  return { code, message };
}

function parse(text: string | null): Json {
  return text === null ? null : (JSON.parse(text) as Json);
}
