import type { Migration } from "../storage/sql/port.ts";
import type { RunState, StepRecord } from "./port.ts";

export interface PipelineTables {
  pipeline_runs: RunTable;
  pipeline_steps: StepTable;
  pipeline_cache: CacheTable;
}

interface RunTable {
  run_id: string;
  workflow: string;
  state: RunState;
  /** JSON. */
  input: string;
  output: string | null;
  /** JSON of an error record. */
  error: string | null;
  /** JSON of who runs it (owner.ts). */
  owner: string;
  started_us: number;
  ended_us: number | null;
}

interface StepTable {
  run_id: string;
  step_id: string;
  state: StepRecord["state"];
  attempt: number;
  cached: number;
  cache_key: string | null;
  /** JSON; present when it succeeded. */
  output: string | null;
  /** JSON list of blob references the output depends on. */
  blobs: string;
  error: string | null;
  started_us: number;
  ended_us: number | null;
}

/** Output of a cacheable step by the hash of everything it depends on. */
interface CacheTable {
  cache_key: string;
  output: string;
  blobs: string;
  created_us: number;
}

export const pipelineMigrations: readonly Migration[] = [
  {
    id: "pipelines-0001-runs-steps-cache",
    up: async ({ schema }) => {
      await schema
        .createTable("pipeline_runs")
        .addColumn("run_id", "text", (c) => c.primaryKey())
        .addColumn("workflow", "text", (c) => c.notNull())
        .addColumn("state", "text", (c) => c.notNull())
        .addColumn("input", "text", (c) => c.notNull())
        .addColumn("output", "text")
        .addColumn("error", "text")
        .addColumn("owner", "text", (c) => c.notNull())
        .addColumn("started_us", "bigint", (c) => c.notNull())
        .addColumn("ended_us", "bigint")
        .execute();
      await schema.createIndex("pipeline_runs_started").on("pipeline_runs").column("started_us").execute();
      await schema
        .createTable("pipeline_steps")
        .addColumn("run_id", "text", (c) => c.notNull().references("pipeline_runs.run_id"))
        .addColumn("step_id", "text", (c) => c.notNull())
        .addColumn("state", "text", (c) => c.notNull())
        .addColumn("attempt", "bigint", (c) => c.notNull())
        .addColumn("cached", "bigint", (c) => c.notNull())
        .addColumn("cache_key", "text")
        .addColumn("output", "text")
        .addColumn("blobs", "text", (c) => c.notNull())
        .addColumn("error", "text")
        .addColumn("started_us", "bigint", (c) => c.notNull())
        .addColumn("ended_us", "bigint")
        .addPrimaryKeyConstraint("pipeline_steps_key", ["run_id", "step_id"])
        .execute();
      await schema
        .createTable("pipeline_cache")
        .addColumn("cache_key", "text", (c) => c.primaryKey())
        .addColumn("output", "text", (c) => c.notNull())
        .addColumn("blobs", "text", (c) => c.notNull())
        .addColumn("created_us", "bigint", (c) => c.notNull())
        .execute();
    },
  },
];
