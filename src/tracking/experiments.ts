import { sql, type Selectable } from "kysely";
import type { Clock } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { isUniqueViolation, tables } from "../storage/sql/tables.ts";
import { homeOf } from "../kernel/workspace.ts";
import { holdWorkspace } from "./workspaces.ts";
import { requireName } from "./names.ts";
import type { TrackingQueries } from "./read.ts";
import type { ExperimentRecord, ExperimentRecords, LifecycleStage, Page, RecordQuery } from "./records.ts";
import { experimentScope } from "./search/fields.ts";
import { conditionOf, type RecordTables } from "./search/filter-sql.ts";
import { parseFilter } from "./search/filter-parser.ts";
import { parseOrders } from "./search/order-by.ts";
import { readPage } from "./search/page.ts";
import { sortKeysOf, type SortKey } from "./search/sort-keys.ts";
import { inStage } from "./search/stage.ts";
import type { TrackingTables } from "./tables.ts";
import { placeBelow } from "./place-below.ts";

type Row = Selectable<TrackingTables["tracking_experiments"]>;

const experimentTables: RecordTables = {
  key: "experiment_id",
  parts: { tag: "tracking_experiment_tags" },
  attributes: {
    name: sql`r.name`,
    experiment_id: sql`cast(r.experiment_id as text)`,
    creation_time: sql`cast(r.created_us / 1000 as double precision)`,
    last_update_time: sql`cast(coalesce(r.updated_us, r.created_us) / 1000 as double precision)`,
  },
};

interface Parts {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  /** What addresses of artifacts begin with where the experiment has no location of its own. */
  readonly artifactRoot: string;
  readonly workspace: string;
}

export function createExperimentRecords({ database, clock, artifactRoot, workspace }: Parts): ExperimentRecords {
  const db = tables<TrackingTables>(database.db);
  const recordOf = async (row: Row): Promise<ExperimentRecord> => (await recordsOf(db, [row], artifactRoot))[0]!;
  const inTransaction = <T>(work: (trx: TrackingQueries) => Promise<T>): Promise<T> => database.transaction((t) => work(tables<TrackingTables>(t)));
  return {
    create: async ({ name, artifactLocation, tags }) => {
      requireName("name", name);
      return database.transaction(async (t) => {
        const trx = tables<TrackingTables>(t);
        const ownRoot = await holdWorkspace(t, database.dialect, workspace);
        const experimentId = await insertExperiment(trx, { workspace, name, createdUs: clock.nowUs(), artifactLocation, ownRoot });
        if (experimentId === undefined) throw new KarkhanaError("EXPERIMENT_EXISTS", { name });
        for (const [key, value] of Object.entries(tags)) await writeTag(trx, experimentId, key, value);
        return String(experimentId);
      });
    },
    get: async (experimentId) => recordOf(await rowOf(db, workspace, experimentId)),
    named: async (name) => {
      const row = await db.selectFrom("tracking_experiments").selectAll().where("workspace", "=", workspace).where("name", "=", name).executeTakeFirst();
      return row === undefined ? undefined : recordOf(row);
    },
    rename: async (experimentId, name) => {
      requireName("name", name);
      await inTransaction(async (trx) => {
        const row = await rowOf(trx, workspace, experimentId);
        if (row.stage !== "active") throw new KarkhanaError("EXPERIMENT_DELETED", { experimentId });
        try {
          await trx.updateTable("tracking_experiments").set({ name, updated_us: clock.nowUs() }).where("experiment_id", "=", row.experiment_id).execute();
        } catch (error) {
          if (isUniqueViolation(error)) throw new KarkhanaError("EXPERIMENT_EXISTS", { name }, { cause: error });
          throw error;
        }
      });
    },
    setStage: (experimentId, stage) => inTransaction((trx) => setStage(trx, { workspace, experimentId }, stage, clock.nowUs())),
    setTag: (experimentId, key, value) =>
      inTransaction(async (trx) => {
        const row = await rowOf(trx, workspace, experimentId);
        if (row.stage !== "active") throw new KarkhanaError("EXPERIMENT_DELETED", { experimentId });
        await writeTag(trx, row.experiment_id, key, value);
      }),
    deleteTag: (experimentId, key) =>
      inTransaction(async (trx) => {
        const row = await rowOf(trx, workspace, experimentId);
        if (row.stage !== "active") throw new KarkhanaError("EXPERIMENT_DELETED", { experimentId });
        const gone = await trx.deleteFrom("tracking_experiment_tags").where("experiment_id", "=", row.experiment_id).where("key", "=", key).executeTakeFirst();
        if (gone.numDeletedRows === 0n) throw new KarkhanaError("TAG_NOT_FOUND", { owner: `experiment with id ${experimentId}`, key });
      }),
    search: (query) => searchExperiments({ database, artifactRoot, workspace }, query),
  };
}

interface NewExperiment {
  readonly workspace: string;
  readonly name: string;
  readonly createdUs: number;
  readonly artifactLocation?: string | undefined;
  /** The workspace's place for artifacts, if it has one of its own. */
  readonly ownRoot?: string | undefined;
}

/** @returns undefined if the name is taken in that workspace */
export async function insertExperiment(trx: TrackingQueries, experiment: NewExperiment): Promise<number | undefined> {
  const { workspace, name, createdUs, artifactLocation, ownRoot } = experiment;
  // Experiment 0 is always there: its row is the lock under which the next id is taken.
  await trx
    .updateTable("tracking_experiments")
    .set((eb) => ({ created_us: eb.ref("created_us") }))
    .where("experiment_id", "=", 0)
    .execute();
  const taken = await trx
    .selectFrom("tracking_experiments")
    .select("experiment_id")
    .where("workspace", "=", workspace)
    .where("name", "=", name)
    .executeTakeFirst();
  if (taken !== undefined) return undefined;
  const { last } = await trx
    .selectFrom("tracking_experiments")
    .select((eb) => eb.fn.max("experiment_id").as("last"))
    .executeTakeFirstOrThrow();
  // An id never comes twice, not even after its experiment was deleted for good: its folder may still be on its way out.
  const { gone } = await trx
    .selectFrom("tracking_purges")
    .select((eb) => eb.fn.max("experiment_id").as("gone"))
    .executeTakeFirstOrThrow();
  const next = Math.max(last, gone ?? 0) + 1;
  const location = artifactLocation ?? (ownRoot === undefined ? null : placeBelow(ownRoot, String(next)));
  await trx
    .insertInto("tracking_experiments")
    .values({ experiment_id: next, workspace, home: homeOf(workspace), name, created_us: createdUs, artifact_location: location })
    .execute();
  return next;
}

/** Ids are strings on every wire and 32-bit integers in the table; what cannot be one names no experiment. @throws EXPERIMENT_NOT_FOUND */
export function experimentKey(experimentId: string): number {
  const key = /^\d{1,10}$/.test(experimentId) ? Number(experimentId) : -1;
  if (key < 0 || key > 2_147_483_647) throw new KarkhanaError("EXPERIMENT_NOT_FOUND", { experimentId });
  return key;
}

async function rowOf(db: TrackingQueries, workspace: string, experimentId: string): Promise<Row> {
  const row = await db
    .selectFrom("tracking_experiments")
    .selectAll()
    .where("experiment_id", "=", experimentKey(experimentId))
    .where("workspace", "=", workspace)
    .executeTakeFirst();
  if (row === undefined) throw new KarkhanaError("EXPERIMENT_NOT_FOUND", { experimentId });
  return row;
}

async function setStage(
  trx: TrackingQueries,
  { workspace, experimentId }: { readonly workspace: string; readonly experimentId: string },
  stage: LifecycleStage,
  nowUs: number,
): Promise<void> {
  const key = experimentKey(experimentId);
  const changed = await trx
    .updateTable("tracking_experiments")
    .set({ stage, updated_us: nowUs })
    .where("experiment_id", "=", key)
    .where("workspace", "=", workspace)
    .where("stage", "<>", stage)
    .executeTakeFirst();
  if (changed.numUpdatedRows === 0n) throw new KarkhanaError("EXPERIMENT_NOT_FOUND", { experimentId });
  await trx.updateTable("tracking_runs").set({ stage }).where("experiment_id", "=", key).execute();
}

async function writeTag(trx: TrackingQueries, experimentId: number, key: string, value: string): Promise<void> {
  await trx
    .insertInto("tracking_experiment_tags")
    .values({ experiment_id: experimentId, key, value })
    .onConflict((c) => c.columns(["experiment_id", "key"]).doUpdateSet({ value }))
    .execute();
}

async function searchExperiments({ database, artifactRoot, workspace }: Omit<Parts, "clock">, query: RecordQuery): Promise<Page<ExperimentRecord>> {
  const { dialect } = database;
  const filter = parseFilter(query.filter ?? "", experimentScope);
  const orders = parseOrders(query.orderBy ?? [], experimentScope);
  const id = sql`r.experiment_id`;
  const sort: SortKey[] =
    orders.length === 0
      ? [
          { expression: sql`r.created_us`, type: "number", descending: true },
          { expression: id, type: "number", descending: false },
        ]
      : [...orders.flatMap((order) => sortKeysOf(order, experimentScope, experimentTables, dialect)), { expression: id, type: "number", descending: true }];
  const page = await readPage(database.db, {
    table: "tracking_experiments",
    conditions: [sql`r.workspace = ${workspace}`, ...inStage(query.view), ...(filter === undefined ? [] : [conditionOf(filter, experimentTables, dialect)])],
    sort,
    limit: query.limit,
    token: query.token,
  });
  const items = await recordsOf(tables<TrackingTables>(database.db), page.rows, artifactRoot);
  return { items, ...(page.nextToken === undefined ? {} : { nextToken: page.nextToken }) };
}

async function recordsOf(db: TrackingQueries, rows: readonly Row[], artifactRoot: string): Promise<ExperimentRecord[]> {
  const records: ExperimentRecord[] = [];
  for (let from = 0; from < rows.length; from += 1000) {
    const part = rows.slice(from, from + 1000);
    const ids = part.map((row) => row.experiment_id);
    const tags = Map.groupBy(
      await db.selectFrom("tracking_experiment_tags").selectAll().where("experiment_id", "in", ids).orderBy("key").execute(),
      (tag) => tag.experiment_id,
    );
    for (const row of part) {
      records.push({
        experimentId: String(row.experiment_id),
        name: row.name,
        createdUs: row.created_us,
        updatedUs: row.updated_us ?? row.created_us,
        stage: row.stage,
        workspace: row.workspace,
        artifactLocation: row.artifact_location ?? `${artifactRoot}/${row.home}${row.experiment_id}`,
        tags: Object.fromEntries((tags.get(row.experiment_id) ?? []).map((tag) => [tag.key, tag.value])),
      });
    }
  }
  return records;
}
