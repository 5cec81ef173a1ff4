import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll } from "vitest";
import { ManualClock } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { openFileBlobs } from "../storage/blobs/files.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import { migrate } from "../storage/sql/migrate.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { openSqlite } from "../storage/sql/sqlite.ts";
import { createPipelines } from "./pipelines.ts";
import type { Json, Pipelines, StepContext, Workflow, WorkflowContext } from "./port.ts";
import { pipelineMigrations } from "./tables.ts";

export interface PipelineWorld {
  readonly scratch: string;
  readonly clock: ManualClock;
  /** Pauses that were asked for, none of which was waited. */
  readonly pauses: number[];
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  /** Pipelines on the world's one database: an owner of its own, as another process would be. */
  newPipelines(): Pipelines;
}

/** A database and blobs of this test file's own; usable from its first test on. */
export function pipelineWorld(): PipelineWorld {
  const scratch = mkdtempSync(path.join(tmpdir(), "karkhana-test-"));
  const clock = new ManualClock(1_000_000);
  const pauses: number[] = [];
  const open: { database?: SqlDatabase; blobs?: BlobStore } = {};
  beforeAll(async () => {
    open.database = await openSqlite(path.join(scratch, "meta.db"));
    await migrate(open.database, pipelineMigrations);
    await open.database.db.schema.createTable("effects").addColumn("name", "text").execute();
    open.blobs = await openFileBlobs(path.join(scratch, "blobs"));
  });
  afterAll(async () => {
    await open.database?.close();
    rmSync(scratch, { recursive: true, force: true });
  });
  return {
    scratch,
    clock,
    pauses,
    get database(): SqlDatabase {
      return open.database!;
    },
    get blobs(): BlobStore {
      return open.blobs!;
    },
    newPipelines: () =>
      createPipelines({
        database: open.database!,
        blobs: open.blobs!,
        clock,
        wait: async (milliseconds) => {
          pauses.push(milliseconds);
        },
      }),
  };
}

let names = 0;

export function fresh(): string {
  return `name-${names++}`;
}

export function workflow(run: (context: WorkflowContext, input: Json) => Promise<Json>): Workflow<Json, Json> {
  return { name: fresh(), run };
}

/** A step's work that counts how often it ran. */
export function counted<T extends Json>(output: (step: StepContext) => T | Promise<T>): { readonly work: (step: StepContext) => Promise<T>; times: number } {
  const counter = {
    times: 0,
    work: async (step: StepContext): Promise<T> => {
      counter.times++;
      return output(step);
    },
  };
  return counter;
}

/** A failure worth trying again. */
export function busy(): KarkhanaError {
  return new KarkhanaError("STORAGE_BUSY", { store: "test", waitedMs: 1 });
}
