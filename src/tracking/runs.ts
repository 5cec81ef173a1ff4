import { sql, type RawBuilder, type Selectable } from "kysely";
import { KarkhanaError } from "../kernel/error.ts";
import type { NewId } from "../kernel/ids.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { readDatasets, readDatasetSummaries, writeDatasets } from "./datasets.ts";
import { experimentKey } from "./experiments.ts";
import { bulkHistory, sampledHistory } from "./history-bulk.ts";
import type { GroupedWrites } from "./group-commit.ts";
import { requireFirstTags, requireName } from "./names.ts";
import { historyPage, readRuns, runOf, type TrackingQueries } from "./read.ts";
import type { Page, RunQuery, RunRecord, RunRecords } from "./records.ts";
import { readRunModels, writeRunModels } from "./run-models.ts";
import { runNameOf } from "./run-name.ts";
import { runScope } from "./search/fields.ts";
import type { Filter } from "./search/filter.ts";
import { conditionOf, rareComparisons, type RecordTables } from "./search/filter-sql.ts";
import { parseFilter } from "./search/filter-parser.ts";
import { parseOrders, type Order } from "./search/order-by.ts";
import { readBands, readPage, type Band } from "./search/page.ts";
import { sortKeysOf, textKey, type SortKey } from "./search/sort-keys.ts";
import { inStage } from "./search/stage.ts";
import type { TrackingTables } from "./tables.ts";
import { writeTags } from "./write.ts";
import { placeBelow } from "./place-below.ts";

type Row = Selectable<TrackingTables["tracking_runs"]>;

export const runTables: RecordTables = {
  key: "run_id",
  parts: { metric: "tracking_latest_metrics", param: "tracking_params", tag: "tracking_tags" },
  attributes: {
    run_id: sql`r.run_id`,
    run_name: sql`r.name`,
    status: sql`r.status`,
    user_id: sql`r.user_id`,
    artifact_uri: sql`coalesce(r.artifact_uri, 'mlflow-artifacts:/' || r.home || r.experiment_id || '/' || r.run_id || '/artifacts')`,
    start_time: sql`cast(r.start_us / 1000 as double precision)`,
    end_time: sql`cast(r.end_us / 1000 as double precision)`,
  },
};

/** The same for one search: addresses of artifacts as they are handed out, and which comparisons an index answers. */
export async function searchable(
  database: SqlDatabase,
  query: Pick<RunQuery, "experimentIds" | "filter">,
  artifactRoot: string,
): Promise<{ places: RecordTables; filter: Filter | undefined }> {
  const own = sql`coalesce(r.artifact_uri, ${sql.lit(`${artifactRoot}/`)} || r.home || r.experiment_id || '/' || r.run_id || '/artifacts')`;
  const filter = parseFilter(query.filter ?? "", runScope);
  const scope = sql<boolean>`f.experiment_id in (${sql.join(query.experimentIds.map(Number))})`;
  const rare = await rareComparisons(database, filter, scope, "tracking_latest_metrics");
  return { places: { ...runTables, attributes: { ...runTables.attributes, artifact_uri: own }, rare }, filter };
}

interface Parts {
  readonly database: SqlDatabase;
  readonly newId: NewId;
  /** What addresses of artifacts begin with where the experiment has no location of its own. */
  readonly artifactRoot: string;
  readonly workspace: string;
  readonly grouped: GroupedWrites;
}

export function createRunRecords({ database, newId, artifactRoot, workspace, grouped }: Parts): RunRecords {
  const db = tables<TrackingTables>(database.db);
  const rowOf = async (queries: TrackingQueries, runId: string): Promise<Row> => {
    const row = await queries.selectFrom("tracking_runs").selectAll().where("run_id", "=", runId).where("workspace", "=", workspace).executeTakeFirst();
    if (row === undefined) throw new KarkhanaError("RUN_NOT_FOUND", { runId });
    return row;
  };
  return {
    create: async ({ experimentId, name, userId, startUs, tags }) => {
      const key = experimentKey(experimentId);
      requireFirstTags(tags);
      if (name !== undefined) requireName("name", name);
      return grouped(async (trx) => {
        const experiment = await trx
          .selectFrom("tracking_experiments")
          .selectAll()
          .where("experiment_id", "=", key)
          .where("workspace", "=", workspace)
          .executeTakeFirst();
        if (experiment === undefined) throw new KarkhanaError("EXPERIMENT_NOT_FOUND", { experimentId });
        if (experiment.stage !== "active") throw new KarkhanaError("EXPERIMENT_DELETED", { experimentId });
        const runId = newId();
        const location = experiment.artifact_location;
        const row = await trx
          .insertInto("tracking_runs")
          .values({
            run_id: runId,
            experiment_id: key,
            request_id: null,
            name: name ?? runNameOf(runId),
            status: "RUNNING",
            start_us: startUs,
            end_us: null,
            user_id: userId,
            workspace,
            home: experiment.home,
            artifact_uri: location === null ? null : placeBelow(location, `${runId}/artifacts`),
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        await writeTags(trx, runId, tags);
        // As it would be read: nothing else is of it yet.
        const record = infoOf(row, artifactRoot);
        return { ...record, run: { ...record.run, tags: byKey(tags) } };
      });
    },
    get: async (runId) => (await recordsOf(db, [await rowOf(db, runId)], artifactRoot))[0]!,
    place: async (runId) => {
      const row = await rowOf(db, runId);
      const { experimentId, artifactPath } = runOf(row);
      return { experimentId, artifactPath, isDeleted: row.stage === "deleted" };
    },
    update: (runId, { status, endUs, name }) =>
      grouped(async (trx) => {
        if (name !== undefined) requireName("name", name);
        const row = await rowOf(trx, runId);
        if (row.stage !== "active") throw new KarkhanaError("RUN_DELETED", { runId });
        const change = {
          ...(status === undefined ? {} : { status }),
          ...(endUs === undefined ? {} : { end_us: endUs }),
          ...(name === undefined ? {} : { name }),
        };
        if (Object.keys(change).length > 0) await trx.updateTable("tracking_runs").set(change).where("run_id", "=", runId).execute();
        return infoOf({ ...row, ...change }, artifactRoot);
      }),
    setStage: async (runId, stage) => {
      const changed = await db.updateTable("tracking_runs").set({ stage }).where("run_id", "=", runId).where("workspace", "=", workspace).executeTakeFirst();
      if (changed.numUpdatedRows === 0n) throw new KarkhanaError("RUN_NOT_FOUND", { runId });
    },
    logDatasets: (runId, datasets) =>
      grouped(async (trx) => {
        if ((await rowOf(trx, runId)).stage !== "active") throw new KarkhanaError("RUN_DELETED", { runId });
        await writeDatasets(trx, runId, datasets);
      }),
    logModels: (runId, models) =>
      grouped(async (trx) => {
        if ((await rowOf(trx, runId)).stage !== "active") throw new KarkhanaError("RUN_DELETED", { runId });
        await writeRunModels(trx, { workspace, runId }, models);
      }),
    datasetSummaries: (experimentIds, limit) => readDatasetSummaries(db, { workspace, experimentKeys: experimentIds.map(experimentKey) }, limit),
    deleteTag: (runId, key) =>
      grouped(async (trx) => {
        if ((await rowOf(trx, runId)).stage !== "active") throw new KarkhanaError("RUN_DELETED", { runId });
        const gone = await trx.deleteFrom("tracking_tags").where("run_id", "=", runId).where("key", "=", key).executeTakeFirst();
        if (gone.numDeletedRows === 0n) throw new KarkhanaError("TAG_NOT_FOUND", { owner: `run with id ${runId}`, key });
      }),
    search: (query) => searchRuns({ database, artifactRoot, workspace }, query),
    count: (query) => countRuns({ database, artifactRoot, workspace }, query),
    metricHistory: async (runId, key, page) => {
      await rowOf(db, runId);
      return historyPage(db, runId, key, page);
    },
    bulkHistory: (runIds, key, limit) => bulkHistory(db, { workspace, runIds }, key, limit),
    sampledHistory: async (runIds, key, sample) => {
      const rows =
        runIds.length === 0
          ? []
          : await db.selectFrom("tracking_runs").select("run_id").where("run_id", "in", runIds).where("workspace", "=", workspace).execute();
      const there = new Set(rows.map((row) => row.run_id));
      const missing = runIds.find((runId) => !there.has(runId));
      if (missing !== undefined) throw new KarkhanaError("RUN_NOT_FOUND", { runId: missing });
      return sampledHistory(db, runIds, key, sample);
    },
  };
}

/** In the order in which they are read. */
function byKey(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

type Searched = Pick<Parts, "database" | "artifactRoot" | "workspace">;

async function countRuns({ database, artifactRoot, workspace }: Searched, query: Pick<RunQuery, "experimentIds" | "filter" | "view">): Promise<number> {
  if (query.experimentIds.length === 0) return 0;
  const { places, filter } = await searchable(database, query, artifactRoot);
  const conditions = conditionsOf({ ...query, workspace }, filter, places, database.dialect);
  const { rows } = await sql<{ count: number }>`select count(*) as count from tracking_runs as r where ${sql.join(conditions, sql` and `)}`.execute(
    database.db,
  );
  return rows[0]?.count ?? 0;
}

function conditionsOf(
  query: Pick<RunQuery, "experimentIds" | "view"> & { readonly workspace: string },
  filter: Filter | undefined,
  places: RecordTables,
  dialect: SqlDatabase["dialect"],
): RawBuilder<boolean>[] {
  return [
    sql`r.experiment_id in (${sql.join(query.experimentIds.map(Number))})`,
    sql`r.workspace = ${query.workspace}`,
    ...inStage(query.view),
    ...(filter === undefined ? [] : [conditionOf(filter, places, dialect)]),
  ];
}

async function searchRuns({ database, artifactRoot, workspace }: Searched, query: RunQuery): Promise<Page<RunRecord>> {
  const { dialect } = database;
  const orders = parseOrders(query.orderBy ?? [], runScope);
  if (query.experimentIds.length === 0) {
    parseFilter(query.filter ?? "", runScope);
    return { items: [] };
  }
  const { places, filter } = await searchable(database, query, artifactRoot);
  const conditions = conditionsOf({ ...query, workspace }, filter, places, dialect);
  const isOrdered = (key: string): boolean => orders.some(({ field }) => field.kind === "attribute" && field.key === key);
  const byId: SortKey = { expression: textKey(sql`r.run_id`, dialect), type: "text", descending: false };
  const newest: SortKey[] = isOrdered("start_time") ? [] : [{ expression: sql`r.start_us`, type: "number", descending: true }];
  const sortBy = (by: readonly Order[]): SortKey[] => [...by.flatMap((order) => sortKeysOf(order, runScope, places, dialect)), ...newest, byId];
  const { limit, token } = query;
  const [first, ...rest] = orders;
  const { rows, nextToken } =
    first?.field.kind === "metric"
      ? await readBands<TrackingTables, "tracking_runs">(database.db, {
          table: "tracking_runs",
          bands: metricBands(first, sortBy(rest), conditions, query.experimentIds),
          limit,
          token,
        })
      : await readPage(database.db, { table: "tracking_runs", conditions, sort: sortBy(orders), limit, token });
  const db = tables<TrackingTables>(database.db);
  const items = query.infoOnly === true ? rows.map((row) => infoOf(row, artifactRoot)) : await recordsOf(db, rows, artifactRoot);
  return { items, ...(nextToken === undefined ? {} : { nextToken }) };
}

/** Runs by a metric: numbers in their order straight from its index, then NaN, then runs without it. */
function metricBands(
  { field, descending }: Order,
  rest: readonly SortKey[],
  conditions: readonly RawBuilder<boolean>[],
  experimentIds: readonly string[],
): Band[] {
  const ids = sql.join(experimentIds.map(Number));
  const own = (isNan: number): RawBuilder<boolean> => sql`s.experiment_id in (${ids}) and s.key = ${field.key} and s.is_nan = ${sql.lit(isNan)}`;
  const joined = (isNan: number): readonly RawBuilder<boolean>[] => [own(isNan), sql`s.run_id = r.run_id`, ...conditions];
  // SQLite reads the tables of a cross join in the order in which they stand.
  const from = sql`tracking_latest_metrics as s cross join tracking_runs as r`;
  const value = (expression: RawBuilder<unknown>): SortKey => ({ expression, type: "number", descending });
  const absent = sql<boolean>`not exists (select 1 from tracking_latest_metrics as s where s.run_id = r.run_id and s.key = ${field.key})`;
  return [
    { from, conditions: joined(0), sort: [value(sql`s.value`), ...rest] },
    { from, conditions: joined(1), sort: [value(sql`s.value`), ...rest] },
    { from: sql`tracking_runs as r`, conditions: [absent, ...conditions], sort: [value(sql`cast(0 as double precision)`), ...rest] },
  ];
}

async function recordsOf(db: TrackingQueries, rows: readonly Row[], artifactRoot: string): Promise<RunRecord[]> {
  const ids = rows.map((row) => row.run_id);
  const [datasets, models, runs] = await Promise.all([readDatasets(db, ids), readRunModels(db, ids), readRuns(db, rows)]);
  return runs.map((run, i) => {
    const { inputs, outputs } = models.get(run.runId) ?? { inputs: [], outputs: [] };
    return { ...infoOf(rows[i]!, artifactRoot), run, datasets: datasets.get(run.runId) ?? [], modelInputs: inputs, modelOutputs: outputs };
  });
}

/** What the run's own row says. */
function infoOf(row: Row, artifactRoot: string): RunRecord {
  const run = runOf(row);
  const own = row.artifact_uri;
  return {
    run,
    stage: row.stage,
    userId: row.user_id,
    artifactUri: own ?? `${artifactRoot}/${run.artifactPath}`,
    artifactsAreHere: own === null || own.startsWith("mlflow-artifacts:/"),
    datasets: [],
    modelInputs: [],
    modelOutputs: [],
  };
}
