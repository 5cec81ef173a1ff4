import type { Selectable } from "kysely";
import type { Clock } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { NewId } from "../kernel/ids.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { experimentKey } from "./experiments.ts";
import type { LoggedModel, LoggedModels, LoggedModelStatus, ModelMetric } from "./logged-model.ts";
import { searchLoggedModels } from "./logged-model-search.ts";
import { requireModelTexts, requireName } from "./names.ts";
import { toMetric, type TrackingQueries } from "./read.ts";
import { runNameOf } from "./run-name.ts";
import type { TrackingTables } from "./tables.ts";
import { placeBelow } from "./place-below.ts";

export type LoggedModelRow = Selectable<TrackingTables["tracking_logged_models"]>;
type TextTable = "tracking_logged_model_params" | "tracking_logged_model_tags";

const idsPerQuery = 1000;
const rowsPerInsert = 1000;

interface Parts {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly artifactRoot: string;
  readonly workspace: string;
}

export function createLoggedModels({ database, clock, newId, artifactRoot, workspace }: Parts): LoggedModels {
  const db = tables<TrackingTables>(database.db);
  const inTransaction = <T>(work: (trx: TrackingQueries) => Promise<T>): Promise<T> => database.transaction((t) => work(tables<TrackingTables>(t)));
  const rowOf = async (queries: TrackingQueries, modelId: string): Promise<LoggedModelRow> => {
    const row = await queries
      .selectFrom("tracking_logged_models")
      .selectAll()
      .where("model_id", "=", modelId)
      .where("workspace", "=", workspace)
      .executeTakeFirst();
    if (row === undefined) throw new KarkhanaError("LOGGED_MODEL_NOT_FOUND", { modelId });
    return row;
  };
  const modelOf = async (queries: TrackingQueries, row: LoggedModelRow): Promise<LoggedModel> => (await readLoggedModels(queries, [row], artifactRoot))[0]!;
  return {
    create: async ({ experimentId, name, modelType, sourceRunId, params, tags }) => {
      const key = experimentKey(experimentId);
      if (name !== undefined) requireName("name", name);
      requireModelTexts("params", params);
      requireModelTexts("tags", tags);
      return inTransaction(async (trx) => {
        const experiment = await trx
          .selectFrom("tracking_experiments")
          .selectAll()
          .where("experiment_id", "=", key)
          .where("workspace", "=", workspace)
          .executeTakeFirst();
        if (experiment === undefined) throw new KarkhanaError("EXPERIMENT_NOT_FOUND", { experimentId });
        if (experiment.stage !== "active") throw new KarkhanaError("EXPERIMENT_DELETED", { experimentId });
        const id = newId();
        const nowUs = clock.nowUs();
        const location = experiment.artifact_location;
        const row = await trx
          .insertInto("tracking_logged_models")
          .values({
            model_id: `m-${id}`,
            experiment_id: key,
            name: name ?? runNameOf(id),
            created_us: nowUs,
            updated_us: nowUs,
            stage: "active",
            status: "PENDING",
            model_type: modelType ?? null,
            source_run_id: sourceRunId ?? null,
            workspace,
            home: experiment.home,
            artifact_uri: location === null ? null : placeBelow(location, `models/m-${id}/artifacts`),
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        await writeTexts(trx, "tracking_logged_model_params", row.model_id, params);
        await writeTexts(trx, "tracking_logged_model_tags", row.model_id, tags);
        return modelOf(trx, row);
      });
    },
    get: async (modelId, options) => {
      const row = await rowOf(db, modelId);
      if (row.stage === "deleted" && options?.allowDeleted !== true) throw new KarkhanaError("LOGGED_MODEL_NOT_FOUND", { modelId });
      return modelOf(db, row);
    },
    setStatus: (modelId, status: LoggedModelStatus) =>
      inTransaction(async (trx) => {
        const row = await rowOf(trx, modelId);
        const change = { status, updated_us: clock.nowUs() };
        await trx.updateTable("tracking_logged_models").set(change).where("model_id", "=", modelId).execute();
        return modelOf(trx, { ...row, ...change });
      }),
    delete: (modelId) =>
      inTransaction(async (trx) => {
        await rowOf(trx, modelId);
        await trx.updateTable("tracking_logged_models").set({ stage: "deleted", updated_us: clock.nowUs() }).where("model_id", "=", modelId).execute();
      }),
    logParams: async (modelId, params) => {
      requireModelTexts("params", params);
      await inTransaction(async (trx) => {
        await rowOf(trx, modelId);
        await writeParamsOnce(trx, modelId, params);
      });
    },
    setTags: async (modelId, tags) => {
      requireModelTexts("tags", tags);
      await inTransaction(async (trx) => {
        await rowOf(trx, modelId);
        await writeTexts(trx, "tracking_logged_model_tags", modelId, tags);
      });
    },
    deleteTag: (modelId, key) =>
      inTransaction(async (trx) => {
        await rowOf(trx, modelId);
        const gone = await trx.deleteFrom("tracking_logged_model_tags").where("model_id", "=", modelId).where("key", "=", key).executeTakeFirst();
        if (gone.numDeletedRows === 0n) throw new KarkhanaError("LOGGED_MODEL_TAG_NOT_FOUND", { modelId, key });
      }),
    search: async (query) => {
      const { rows, nextToken } = await searchLoggedModels(database, workspace, query);
      const items = await readLoggedModels(db, rows, artifactRoot);
      return nextToken === undefined ? { items } : { items, nextToken };
    },
  };
}

async function writeTexts(trx: TrackingQueries, table: TextTable, modelId: string, texts: Readonly<Record<string, string>>): Promise<void> {
  const rows = rowsOf(modelId, texts);
  for (let from = 0; from < rows.length; from += rowsPerInsert) {
    await trx
      .insertInto(table)
      .values(rows.slice(from, from + rowsPerInsert))
      .onConflict((c) => c.columns(["model_id", "key"]).doUpdateSet((eb) => ({ value: eb.ref("excluded.value") })))
      .execute();
  }
}

async function writeParamsOnce(trx: TrackingQueries, modelId: string, params: Readonly<Record<string, string>>): Promise<void> {
  const held = new Map(
    (await trx.selectFrom("tracking_logged_model_params").select(["key", "value"]).where("model_id", "=", modelId).execute()).map((row) => [
      row.key,
      row.value,
    ]),
  );
  for (const [key, value] of Object.entries(params)) {
    const old = held.get(key);
    if (old !== undefined && old !== value) throw new KarkhanaError("PARAM_CHANGED", { runId: modelId, key, old, value });
  }
  await writeTexts(trx, "tracking_logged_model_params", modelId, params);
}

/** By key, so that two writers take their row locks in one order and cannot deadlock. */
function rowsOf(modelId: string, texts: Readonly<Record<string, string>>): { model_id: string; key: string; value: string }[] {
  return Object.entries(texts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({ model_id: modelId, key, value }));
}

/** Models of the rows, in their order: three queries a thousand models. */
async function readLoggedModels(db: TrackingQueries, rows: readonly LoggedModelRow[], artifactRoot: string): Promise<LoggedModel[]> {
  const models: LoggedModel[] = [];
  for (let from = 0; from < rows.length; from += idsPerQuery) {
    const part = rows.slice(from, from + idsPerQuery);
    const ids = part.map((row) => row.model_id);
    const params = Map.groupBy(await readTexts(db, "tracking_logged_model_params", ids), (row) => row.model_id);
    const tags = Map.groupBy(await readTexts(db, "tracking_logged_model_tags", ids), (row) => row.model_id);
    const metrics = Map.groupBy(await readMetrics(db, ids), (metric) => metric.modelId);
    for (const row of part) {
      const id = row.model_id;
      const path = `${row.home}${row.experiment_id}/models/${id}/artifacts`;
      const isHere = row.artifact_uri === null || row.artifact_uri.startsWith("mlflow-artifacts:/");
      models.push({
        modelId: id,
        experimentId: String(row.experiment_id),
        name: row.name,
        createdUs: row.created_us,
        updatedUs: row.updated_us,
        stage: row.stage,
        status: row.status,
        ...(row.model_type === null ? {} : { modelType: row.model_type }),
        ...(row.source_run_id === null ? {} : { sourceRunId: row.source_run_id }),
        artifactUri: row.artifact_uri ?? `${artifactRoot}/${path}`,
        ...(isHere ? { artifactPath: path } : {}),
        params: textsOf(params.get(id)),
        tags: textsOf(tags.get(id)),
        metrics: metrics.get(id) ?? [],
      });
    }
  }
  return models;
}

function readTexts(db: TrackingQueries, table: TextTable, ids: readonly string[]): Promise<{ model_id: string; key: string; value: string }[]> {
  return db.selectFrom(table).selectAll().where("model_id", "in", ids).orderBy("key").execute();
}

function textsOf(rows: readonly { key: string; value: string }[] = []): Record<string, string> {
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}

async function readMetrics(db: TrackingQueries, ids: readonly string[]): Promise<ModelMetric[]> {
  const rows = await db
    .selectFrom("tracking_logged_model_metrics")
    .selectAll()
    .where("model_id", "in", ids)
    .orderBy("model_id")
    .orderBy("key")
    .orderBy("timestamp_ms")
    .orderBy("step")
    .orderBy("run_id")
    .execute();
  return rows.map((row) => ({
    ...toMetric(row),
    modelId: row.model_id,
    runId: row.run_id,
    ...(row.dataset_name === "" ? {} : { datasetName: row.dataset_name }),
    ...(row.dataset_digest === "" ? {} : { datasetDigest: row.dataset_digest }),
  }));
}
