import { sql, type Generated } from "kysely";
import { defaultWorkspace } from "../kernel/workspace.ts";
import type { Migration, SqlTransaction } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import type { LoggedModelStatus } from "./logged-model.ts";
import type { RunStatus } from "./port.ts";

export type LifecycleStage = "active" | "deleted";

/** After MLflow's model, so that its wire maps onto these rows: integer experiment ids from 0, 32-hex run ids, metric history beside latest values. */
export interface TrackingTables {
  tracking_experiments: ExperimentTable;
  tracking_runs: RunTable;
  tracking_params: ParamTable;
  tracking_tags: TagTable;
  tracking_metrics: MetricTable;
  tracking_latest_metrics: LatestMetricTable;
  tracking_experiment_tags: ExperimentTagTable;
  tracking_datasets: DatasetTable;
  tracking_dataset_tags: DatasetTagTable;
  tracking_logged_models: LoggedModelTable;
  tracking_logged_model_params: LoggedModelTextTable;
  tracking_logged_model_tags: LoggedModelTextTable;
  tracking_logged_model_metrics: LoggedModelMetricTable;
  tracking_run_models: RunModelTable;
  tracking_signing_key: { id: number; key_hex: string };
  tracking_purges: PurgeTable;
  tracking_workspaces: WorkspaceTable;
}

interface WorkspaceTable {
  workspace: string;
  description: string | null;
  /** null: the server's own. */
  artifact_root: string | null;
  created_us: number;
}

/** Each record says itself which workspace it is of, so that finding it by its id and confining it to a workspace is one look. */
interface InWorkspace {
  workspace: Generated<string>;
  /** What its blob folder begins with: fixed when it is made, wherever it is moved later. */
  home: Generated<string>;
}

interface ExperimentTable extends InWorkspace {
  experiment_id: number;
  name: string;
  created_us: number;
  stage: Generated<LifecycleStage>;
  /** null: never changed since it was made. */
  updated_us: Generated<number | null>;
  /** null: artifacts lie in the blob store, by experiment and run. */
  artifact_location: Generated<string | null>;
}

interface ExperimentTagTable {
  experiment_id: number;
  key: string;
  value: string;
}

interface RunTable extends InWorkspace {
  run_id: string;
  experiment_id: number;
  request_id: string | null;
  name: string;
  status: RunStatus;
  start_us: number;
  end_us: number | null;
  stage: Generated<LifecycleStage>;
  user_id: Generated<string>;
  /** null: artifacts lie in the blob store, by experiment and run. */
  artifact_uri: Generated<string | null>;
}

interface LatestMetricTable extends MetricTable {
  /** The run's, so that an index orders the runs of one experiment by a metric. */
  experiment_id: number;
}

interface ParamTable {
  run_id: string;
  key: string;
  value: string;
}

interface TagTable {
  run_id: string;
  key: string;
  value: string;
}

/** A run and a dataset it read; the same dataset of two runs is two rows. */
interface DatasetTable {
  run_id: string;
  name: string;
  digest: string;
  source_type: string;
  source: string;
  schema: string | null;
  profile: string | null;
  /** In the order in which the run named them; 0 of all from before there was one. */
  place: Generated<number>;
}

interface DatasetTagTable {
  run_id: string;
  name: string;
  digest: string;
  key: string;
  value: string;
}

/** What was deleted for good: its rows are gone; its files go before `is_done` is 1. The rows stay, so that no experiment's id comes twice. */
interface PurgeTable {
  folder: string;
  experiment_id: number;
  is_done: number;
}

interface LoggedModelTable extends InWorkspace {
  model_id: string;
  experiment_id: number;
  name: string;
  created_us: number;
  updated_us: number;
  stage: LifecycleStage;
  status: LoggedModelStatus;
  model_type: string | null;
  source_run_id: string | null;
  /** null: its files lie in the blob store, by experiment and model. */
  artifact_uri: string | null;
}

interface LoggedModelTextTable {
  model_id: string;
  key: string;
  value: string;
}

/** A metric that a run measured of a model, perhaps on a dataset; no dataset is the empty name and digest, so that the key holds no null. */
interface LoggedModelMetricTable extends MetricTable {
  model_id: string;
  dataset_name: string;
  dataset_digest: string;
}

/** A model that a run read or made. */
interface RunModelTable {
  run_id: string;
  model_id: string;
  direction: "input" | "output";
  step: number;
}

/** SQLite keeps no NaN, so NaN is `is_nan` = 1 with value 0, as in MLflow; the infinities are themselves (MLflow clamps them). */
interface MetricTable {
  run_id: string;
  key: string;
  step: number;
  timestamp_ms: number;
  value: number;
  is_nan: number;
}

export const trackingMigrations: readonly Migration[] = [
  {
    id: "tracking-0001-experiments-runs-metrics",
    up: async (trx) => {
      const { schema } = trx;
      await schema
        .createTable("tracking_experiments")
        .addColumn("experiment_id", "bigint", (c) => c.primaryKey())
        .addColumn("name", "text", (c) => c.notNull().unique())
        .addColumn("created_us", "bigint", (c) => c.notNull())
        .execute();
      await schema
        .createTable("tracking_runs")
        .addColumn("run_id", "text", (c) => c.primaryKey())
        .addColumn("experiment_id", "bigint", (c) => c.notNull().references("tracking_experiments.experiment_id"))
        .addColumn("request_id", "text", (c) => c.unique())
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("status", "text", (c) => c.notNull())
        .addColumn("start_us", "bigint", (c) => c.notNull())
        .addColumn("end_us", "bigint")
        .execute();
      // The order of `listRuns`; the id makes it total, so a page's last row is a place to go on from.
      await schema.createIndex("tracking_runs_newest").on("tracking_runs").columns(["experiment_id", "start_us", "run_id"]).execute();
      for (const table of ["tracking_params", "tracking_tags"]) {
        await schema
          .createTable(table)
          .addColumn("run_id", "text", (c) => c.notNull().references("tracking_runs.run_id"))
          .addColumn("key", "text", (c) => c.notNull())
          .addColumn("value", "text", (c) => c.notNull())
          .addPrimaryKeyConstraint(`${table}_key`, ["run_id", "key"])
          .execute();
      }
      // MLflow's experiment 0 is there from the start; a migration has no clock, so it has no birthday.
      await tables<TrackingTables>(trx).insertInto("tracking_experiments").values({ experiment_id: 0, name: "Default", created_us: 0 }).execute();
      // The history's key is the whole row: a repeated metric adds nothing, and the key's order is the order of a history.
      for (const [table, key] of [
        ["tracking_metrics", ["run_id", "key", "timestamp_ms", "step", "value", "is_nan"]],
        ["tracking_latest_metrics", ["run_id", "key"]],
      ] as const) {
        await schema
          .createTable(table)
          .addColumn("run_id", "text", (c) => c.notNull().references("tracking_runs.run_id"))
          .addColumn("key", "text", (c) => c.notNull())
          .addColumn("step", "bigint", (c) => c.notNull())
          .addColumn("timestamp_ms", "bigint", (c) => c.notNull())
          .addColumn("value", "double precision", (c) => c.notNull())
          .addColumn("is_nan", "bigint", (c) => c.notNull())
          .addPrimaryKeyConstraint(`${table}_key`, [...key])
          .execute();
      }
    },
  },
  {
    id: "tracking-0002-lifecycle",
    up: async (trx) => {
      const { schema } = trx;
      // SQLite adds one column a statement.
      await schema
        .alterTable("tracking_experiments")
        .addColumn("stage", "text", (c) => c.notNull().defaultTo("active"))
        .execute();
      await schema.alterTable("tracking_experiments").addColumn("updated_us", "bigint").execute();
      await schema.alterTable("tracking_experiments").addColumn("artifact_location", "text").execute();
      await schema
        .alterTable("tracking_runs")
        .addColumn("stage", "text", (c) => c.notNull().defaultTo("active"))
        .execute();
      await schema
        .alterTable("tracking_runs")
        .addColumn("user_id", "text", (c) => c.notNull().defaultTo(""))
        .execute();
      await schema.alterTable("tracking_runs").addColumn("artifact_uri", "text").execute();
      await schema
        .createTable("tracking_experiment_tags")
        .addColumn("experiment_id", "bigint", (c) => c.notNull().references("tracking_experiments.experiment_id"))
        .addColumn("key", "text", (c) => c.notNull())
        .addColumn("value", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("tracking_experiment_tags_key", ["experiment_id", "key"])
        .execute();
    },
  },
  {
    id: "tracking-0003-datasets",
    up: async ({ schema }) => {
      await schema
        .createTable("tracking_datasets")
        .addColumn("run_id", "text", (c) => c.notNull().references("tracking_runs.run_id"))
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("digest", "text", (c) => c.notNull())
        .addColumn("source_type", "text", (c) => c.notNull())
        .addColumn("source", "text", (c) => c.notNull())
        .addColumn("schema", "text")
        .addColumn("profile", "text")
        .addPrimaryKeyConstraint("tracking_datasets_key", ["run_id", "name", "digest"])
        .execute();
      await schema
        .createTable("tracking_dataset_tags")
        .addColumn("run_id", "text", (c) => c.notNull())
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("digest", "text", (c) => c.notNull())
        .addColumn("key", "text", (c) => c.notNull())
        .addColumn("value", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("tracking_dataset_tags_key", ["run_id", "name", "digest", "key"])
        .addForeignKeyConstraint("tracking_dataset_tags_of", ["run_id", "name", "digest"], "tracking_datasets", ["run_id", "name", "digest"])
        .execute();
    },
  },
  {
    id: "tracking-0004-logged-models",
    up: async ({ schema }) => {
      await schema
        .createTable("tracking_logged_models")
        .addColumn("model_id", "text", (c) => c.primaryKey())
        .addColumn("experiment_id", "bigint", (c) => c.notNull().references("tracking_experiments.experiment_id"))
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("created_us", "bigint", (c) => c.notNull())
        .addColumn("updated_us", "bigint", (c) => c.notNull())
        .addColumn("stage", "text", (c) => c.notNull())
        .addColumn("status", "text", (c) => c.notNull())
        .addColumn("model_type", "text")
        .addColumn("source_run_id", "text")
        .addColumn("artifact_uri", "text")
        .execute();
      await schema.createIndex("tracking_logged_models_newest").on("tracking_logged_models").columns(["experiment_id", "created_us", "model_id"]).execute();
      for (const table of ["tracking_logged_model_params", "tracking_logged_model_tags"]) {
        await schema
          .createTable(table)
          .addColumn("model_id", "text", (c) => c.notNull().references("tracking_logged_models.model_id"))
          .addColumn("key", "text", (c) => c.notNull())
          .addColumn("value", "text", (c) => c.notNull())
          .addPrimaryKeyConstraint(`${table}_key`, ["model_id", "key"])
          .execute();
      }
      // As of a run's metrics, the key is the whole row: a repeated one adds nothing.
      await schema
        .createTable("tracking_logged_model_metrics")
        .addColumn("model_id", "text", (c) => c.notNull().references("tracking_logged_models.model_id"))
        .addColumn("run_id", "text", (c) => c.notNull().references("tracking_runs.run_id"))
        .addColumn("key", "text", (c) => c.notNull())
        .addColumn("step", "bigint", (c) => c.notNull())
        .addColumn("timestamp_ms", "bigint", (c) => c.notNull())
        .addColumn("value", "double precision", (c) => c.notNull())
        .addColumn("is_nan", "bigint", (c) => c.notNull())
        .addColumn("dataset_name", "text", (c) => c.notNull())
        .addColumn("dataset_digest", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("tracking_logged_model_metrics_key", [
          "model_id",
          "key",
          "timestamp_ms",
          "step",
          "run_id",
          "value",
          "is_nan",
          "dataset_name",
          "dataset_digest",
        ])
        .execute();
      await schema.createIndex("tracking_logged_model_metrics_of_run").on("tracking_logged_model_metrics").column("run_id").execute();
      await schema
        .createTable("tracking_run_models")
        .addColumn("run_id", "text", (c) => c.notNull().references("tracking_runs.run_id"))
        .addColumn("model_id", "text", (c) => c.notNull().references("tracking_logged_models.model_id"))
        .addColumn("direction", "text", (c) => c.notNull())
        .addColumn("step", "bigint", (c) => c.notNull())
        .addPrimaryKeyConstraint("tracking_run_models_key", ["run_id", "direction", "model_id", "step"])
        .execute();
      await schema.createIndex("tracking_run_models_of_model").on("tracking_run_models").column("model_id").execute();
    },
  },
  {
    id: "tracking-0005-signing-and-purges",
    up: async ({ schema }) => {
      await schema
        .createTable("tracking_signing_key")
        .addColumn("id", "bigint", (c) => c.primaryKey())
        .addColumn("key_hex", "text", (c) => c.notNull())
        .execute();
      await schema
        .createTable("tracking_purges")
        .addColumn("folder", "text", (c) => c.primaryKey())
        .addColumn("experiment_id", "bigint", (c) => c.notNull())
        .addColumn("is_done", "bigint", (c) => c.notNull())
        .execute();
    },
  },
  {
    id: "tracking-0006-latest-metrics-by-value",
    up: async (trx) => {
      await trx.schema.alterTable("tracking_latest_metrics").addColumn("experiment_id", "bigint").execute();
      await sql`update tracking_latest_metrics set experiment_id = (select r.experiment_id from tracking_runs as r where r.run_id = tracking_latest_metrics.run_id)`.execute(
        trx,
      );
      await trx.schema
        .createIndex("tracking_latest_metrics_by_value")
        .on("tracking_latest_metrics")
        .columns(["experiment_id", "key", "is_nan", "value", "run_id"])
        .execute();
    },
  },
  {
    id: "tracking-0007-workspaces",
    up: async (trx, dialect) => {
      const { schema } = trx;
      await schema
        .createTable("tracking_workspaces")
        .addColumn("workspace", "text", (c) => c.primaryKey())
        .addColumn("description", "text")
        .addColumn("artifact_root", "text")
        .addColumn("created_us", "bigint", (c) => c.notNull())
        .execute();
      const first = { workspace: defaultWorkspace, description: null, artifact_root: null, created_us: 0 };
      await tables<TrackingTables>(trx).insertInto("tracking_workspaces").values(first).execute();
      for (const table of ["tracking_runs", "tracking_logged_models", ...(dialect === "postgres" ? ["tracking_experiments"] : [])])
        for (const [column, value] of [
          ["workspace", defaultWorkspace],
          ["home", ""],
        ] as const)
          await schema
            .alterTable(table)
            .addColumn(column, "text", (c) => c.notNull().defaultTo(value))
            .execute();
      if (dialect === "postgres") {
        await schema.alterTable("tracking_experiments").dropConstraint("tracking_experiments_name_key").execute();
        await schema.alterTable("tracking_experiments").addUniqueConstraint("tracking_experiments_name", ["workspace", "name"]).execute();
        return;
      }
      await rebuildExperiments(trx);
    },
  },
  {
    id: "tracking-0008-metrics-by-their-key",
    up: async (trx, dialect) => {
      // PostgreSQL keeps a table and its key apart. SQLite need not: the key holds nearly all of a metric, which was thus written twice.
      if (dialect === "postgres") return;
      await rekey(trx, "tracking_metrics", "primary key (run_id, key, timestamp_ms, step, value, is_nan)", "");
      await rekey(trx, "tracking_latest_metrics", "experiment_id bigint, primary key (run_id, key)", ", experiment_id");
      await trx.schema
        .createIndex("tracking_latest_metrics_by_value")
        .on("tracking_latest_metrics")
        .columns(["experiment_id", "key", "is_nan", "value", "run_id"])
        .execute();
    },
  },
  {
    id: "tracking-0009-deleted-runs",
    // Runs that are not deleted have no part in it, and cost nothing.
    up: ({ schema }) =>
      schema.createIndex("tracking_runs_deleted").on("tracking_runs").column("experiment_id").where(sql.ref("stage"), "=", sql.lit("deleted")).execute(),
  },
  {
    id: "tracking-0010-datasets-in-order",
    up: async ({ schema }) => {
      await schema
        .alterTable("tracking_datasets")
        .addColumn("place", "bigint", (c) => c.notNull().defaultTo(0))
        .execute();
    },
  },
];

/** SQLite takes no constraint off a table. What points at the rows is checked when the transaction ends, when they are there again. */
async function rebuildExperiments(trx: SqlTransaction): Promise<void> {
  const { schema } = trx;
  const kept = sql.raw("experiment_id, name, created_us, stage, updated_us, artifact_location");
  await sql`pragma defer_foreign_keys = on`.execute(trx);
  await sql`create table tracking_experiments_before as select * from tracking_experiments`.execute(trx);
  await schema.dropTable("tracking_experiments").execute();
  await schema
    .createTable("tracking_experiments")
    .addColumn("experiment_id", "bigint", (c) => c.primaryKey())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("created_us", "bigint", (c) => c.notNull())
    .addColumn("stage", "text", (c) => c.notNull().defaultTo("active"))
    .addColumn("updated_us", "bigint")
    .addColumn("artifact_location", "text")
    .addColumn("workspace", "text", (c) => c.notNull().defaultTo(defaultWorkspace))
    .addColumn("home", "text", (c) => c.notNull().defaultTo(""))
    .addUniqueConstraint("tracking_experiments_name", ["workspace", "name"])
    .execute();
  await sql`insert into tracking_experiments (${kept}) select ${kept} from tracking_experiments_before`.execute(trx);
  await schema.dropTable("tracking_experiments_before").execute();
}

/** The rows of a table of metrics into one that is its own key, in the order of the key. SQLite's alone. */
async function rekey(trx: SqlTransaction, table: string, end: string, more: string): Promise<void> {
  const columns = `run_id, key, step, timestamp_ms, value, is_nan${more}`;
  await sql`create table ${sql.table(`${table}_by_key`)} (
    run_id text not null references tracking_runs (run_id), key text not null, step bigint not null, timestamp_ms bigint not null,
    value double precision not null, is_nan bigint not null, ${sql.raw(end)}) without rowid`.execute(trx);
  await sql`insert into ${sql.table(`${table}_by_key`)} (${sql.raw(columns)}) select ${sql.raw(columns)} from ${sql.table(table)} order by run_id, key, timestamp_ms, step, value, is_nan`.execute(
    trx,
  );
  await sql`drop table ${sql.table(table)}`.execute(trx);
  await sql`alter table ${sql.table(`${table}_by_key`)} rename to ${sql.table(table)}`.execute(trx);
}
