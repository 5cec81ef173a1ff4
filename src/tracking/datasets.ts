import { isOneOf } from "../storage/sql/one-of.ts";
import type { TrackingQueries } from "./read.ts";
import type { DatasetSummary } from "./records.ts";

/** A dataset a run read, as its client describes it; name and digest say which. */
export interface RunDataset {
  readonly name: string;
  readonly digest: string;
  readonly sourceType: string;
  readonly source: string;
  readonly schema?: string;
  readonly profile?: string;
  /** How the run used it: `mlflow.data.context` is "training", "eval" and the like. */
  readonly tags: Readonly<Record<string, string>>;
}

/** A dataset the run already names keeps its first description, so that a repeated request changes nothing. */
export async function writeDatasets(trx: TrackingQueries, runId: string, datasets: readonly RunDataset[]): Promise<void> {
  if (datasets.length === 0) return;
  const { last } = await trx
    .selectFrom("tracking_datasets")
    .select((eb) => eb.fn.max("place").as("last"))
    .where("run_id", "=", runId)
    .executeTakeFirstOrThrow();
  let place = last ?? 0;
  for (const { name, digest, sourceType, source, schema, profile, tags } of datasets) {
    place += 1;
    const made = await trx
      .insertInto("tracking_datasets")
      .values({ run_id: runId, name, digest, source_type: sourceType, source, schema: schema ?? null, profile: profile ?? null, place })
      .onConflict((c) => c.columns(["run_id", "name", "digest"]).doNothing())
      .executeTakeFirst();
    const rows = Object.entries(tags).map(([key, value]) => ({ run_id: runId, name, digest, key, value }));
    if (made.numInsertedOrUpdatedRows === 0n || rows.length === 0) continue;
    await trx.insertInto("tracking_dataset_tags").values(rows).execute();
  }
}

export async function readDatasets(db: TrackingQueries, runIds: readonly string[]): Promise<Map<string, RunDataset[]>> {
  const found = new Map<string, RunDataset[]>();
  for (let from = 0; from < runIds.length; from += 1000) {
    const ids = runIds.slice(from, from + 1000);
    const rows = await db
      .selectFrom("tracking_datasets")
      .selectAll()
      .where(isOneOf(db, "run_id", ids))
      .orderBy("place")
      .orderBy("name")
      .orderBy("digest")
      .execute();
    if (rows.length === 0) continue;
    const tags = await db
      .selectFrom("tracking_dataset_tags")
      .selectAll()
      .where(isOneOf(db, "run_id", ids))
      .orderBy("key")
      .execute();
    const tagsOf = Map.groupBy(tags, (tag) => JSON.stringify([tag.run_id, tag.name, tag.digest]));
    for (const row of rows) {
      const own = tagsOf.get(JSON.stringify([row.run_id, row.name, row.digest])) ?? [];
      const dataset = {
        name: row.name,
        digest: row.digest,
        sourceType: row.source_type,
        source: row.source,
        ...(row.schema === null ? {} : { schema: row.schema }),
        ...(row.profile === null ? {} : { profile: row.profile }),
        tags: Object.fromEntries(own.map(({ key, value }) => [key, value])),
      };
      found.set(row.run_id, [...(found.get(row.run_id) ?? []), dataset]);
    }
  }
  return found;
}

export async function readDatasetSummaries(
  db: TrackingQueries,
  { workspace, experimentKeys }: { readonly workspace: string; readonly experimentKeys: readonly number[] },
  limit: number,
): Promise<DatasetSummary[]> {
  if (experimentKeys.length === 0) return [];
  const rows = await db
    .selectFrom("tracking_datasets as d")
    .innerJoin("tracking_runs as r", "r.run_id", "d.run_id")
    .leftJoin("tracking_dataset_tags as t", (join) =>
      join.onRef("t.run_id", "=", "d.run_id").onRef("t.name", "=", "d.name").onRef("t.digest", "=", "d.digest").on("t.key", "=", "mlflow.data.context"),
    )
    .select(["r.experiment_id", "d.name", "d.digest", "t.value as context"])
    .distinct()
    .where("r.experiment_id", "in", experimentKeys)
    .where("r.workspace", "=", workspace)
    .orderBy("r.experiment_id")
    .orderBy("d.name")
    .orderBy("d.digest")
    .orderBy("t.value")
    .limit(limit)
    .execute();
  return rows.map(({ experiment_id: id, name, digest, context }) => ({ experimentId: String(id), name, digest, ...(context === null ? {} : { context }) }));
}
