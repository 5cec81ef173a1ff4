import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { parseExpressionOf, toSql } from "../../data/expression.ts";
import type { SourceDefinition } from "../../data/source.ts";
import { isVersioned } from "../../data/versions.ts";
import type { Micros } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import type { Column, DuckDb } from "../../storage/duckdb/duckdb.ts";
import { quoteIdentifier as q, quoteLiteral } from "../../storage/duckdb/quote.ts";
import { errnoOf } from "../../storage/errno.ts";
import type { FeatureService, VectorSlot } from "../definition.ts";
import { referenceSlots } from "../vector.ts";
import { answerSpine, chunkCompleter, slotColumn } from "./vectors.ts";

export interface TrainingSetOptions {
  readonly service: FeatureService;
  /** One question a row, asked at its event time; its label is known at its known time. */
  readonly spine: SourceDefinition;
  readonly relations: (source: SourceDefinition) => string;
  /** Columns of the spine that a request carries: the only ones that features may see. */
  readonly request: readonly string[];
  /** Condition over the spine's columns. Rows for which it is null, or that are never known, are left out. */
  readonly label: string;
  /** Questions with `from <= event < to`. */
  readonly fromUs: Micros;
  readonly toUs: Micros;
  /** Where the file is put; made if need be. */
  readonly folder: string;
}

/** A training set on disk: whole or absent, named by its content. */
export interface TrainingSetFile {
  readonly path: string;
  readonly sha256: string;
  readonly rows: number;
  readonly slots: readonly VectorSlot[];
}

/**
 * One Parquet file: `_row`, `_event`, `_known`, `_label`, the request's fields, and a column for each slot that a view fills, in the order of
 * `_row`. Slots computed from the request are computed again on reading, by the same function that serves them.
 * @throws EXPRESSION_INVALID, INVALID_ARGUMENT, MEASURE_OUT_OF_RANGE, QUERY_FAILED
 */
export async function buildTrainingSet(duck: DuckDb, options: TrainingSetOptions): Promise<TrainingSetFile> {
  const { service, spine, request, folder } = options;
  for (const field of request) {
    if (!Object.hasOwn(spine.schema, field))
      throw new KarkhanaError("INVALID_ARGUMENT", { field: "request", problem: `source ${spine.name} has no such column`, value: field });
  }
  const label = toSql(parseExpressionOf("boolean", options.label, spine.schema, "label"));
  const answers = await answerSpine(duck, {
    service,
    relations: options.relations,
    spine: `SELECT _row, _event, _known, CAST(${label} AS TINYINT) AS _label${request.map((field) => `, ${q(field)}`).join("")}
      FROM (${options.relations(spine)}) WHERE _event >= ${options.fromUs} AND _event < ${options.toUs} AND _known IS NOT NULL AND ${label} IS NOT NULL${isVersioned(spine) ? " AND _until IS NULL" : ""}`,
  });
  const unfinished = path.join(folder, `.unfinished-${randomUUID()}`);
  try {
    await mkdir(folder, { recursive: true });
    const viewSlots = slotsOfViews(service);
    const columns = [
      "_row",
      "_event",
      "_known",
      "_label",
      ...request.map(q),
      ...viewSlots.map((slot) => `${slotColumn(slot)} AS ${q(service.slots[slot]!.name)}`),
    ];
    refuseEqualNames([...request, ...viewSlots.map((slot) => service.slots[slot]!.name)]);
    await duck.run(`COPY (SELECT ${columns.join(", ")} FROM (${answers.sql}) ORDER BY _n) TO ${quoteLiteral(unfinished)}
      (FORMAT parquet, COMPRESSION zstd, KV_METADATA {service: ${quoteLiteral(service.hash)}, slots: ${quoteLiteral(JSON.stringify(service.slots))}})`);
    const sha256 = await hashFile(unfinished);
    await syncPath(unfinished);
    const file = path.join(folder, `training-${sha256.slice(0, 20)}.parquet`);
    await rename(unfinished, file);
    await syncPath(folder);
    return { path: file, sha256, rows: answers.numRows, slots: service.slots };
  } finally {
    await rm(unfinished, { force: true });
    await answers.drop();
  }
}

/** Whether the file is there, unchanged. */
export async function isWholeTrainingSet({ path: file, sha256 }: Pick<TrainingSetFile, "path" | "sha256">): Promise<boolean> {
  try {
    return (await hashFile(file)) === sha256;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

export interface TrainingSet {
  readonly numRows: number;
  readonly slots: readonly VectorSlot[];
  /** By slot, shape [numRows]: numbers with NaN for null, or text for a categorical slot (dictionaries belong to the model). */
  readonly columns: readonly Column[];
  /** shape [numRows], 0 or 1 */
  readonly labels: Uint8Array;
  readonly eventUs: Float64Array;
  readonly knownUs: Float64Array;
  /** `_row` of the spine. */
  readonly rows: Float64Array;
}

export interface ReadTrainingSetOptions {
  readonly path: string;
  readonly service: FeatureService;
  /** Questions with `from <= event < to`; default all. */
  readonly fromUs?: Micros;
  readonly toUs?: Micros;
}

/** @throws SOURCE_UNREADABLE; INVALID_ARGUMENT if the file was made for another service */
export async function readTrainingSet(duck: DuckDb, options: ReadTrainingSetOptions): Promise<TrainingSet> {
  const { service } = options;
  const file = quoteLiteral(options.path.replaceAll(/[[*?]/g, "[$&]"));
  const metadata = await duck.rows(`SELECT decode(value) AS hash FROM parquet_kv_metadata(${file}) WHERE decode(key) = 'service'`);
  if (metadata[0]?.["hash"] !== service.hash)
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: "training set",
      problem: `was made for another feature service than ${service.name} as it is now`,
      value: options.path,
    });
  const where = `_event >= ${options.fromUs ?? Number.MIN_SAFE_INTEGER} AND _event < ${options.toUs ?? Number.MAX_SAFE_INTEGER}`;
  const [count] = await duck.rows(`SELECT count(*) AS n FROM read_parquet(${file}) WHERE ${where}`);
  const numRows = Number(count?.["n"] ?? 0);
  const columns = service.slots.map((slot): Column =>
    slot.type === "categorical" ? Array.from({ length: numRows }, (): string | null => null) : new Float64Array(numRows),
  );
  const set = {
    numRows,
    slots: service.slots,
    columns,
    labels: new Uint8Array(numRows),
    eventUs: new Float64Array(numRows),
    knownUs: new Float64Array(numRows),
    rows: new Float64Array(numRows),
  };
  const renamed = slotsOfViews(service).map((slot) => `${q(service.slots[slot]!.name)} AS ${slotColumn(slot)}`);
  const kept = slotsOfViews(service).map((slot) => q(service.slots[slot]!.name));
  const others = kept.length === 0 ? "*" : `* EXCLUDE (${kept.join(", ")})`;
  const complete = chunkCompleter(service);
  let at = 0;
  for await (const chunk of duck.chunks(`SELECT ${[others, ...renamed].join(", ")} FROM read_parquet(${file}) WHERE ${where} ORDER BY _row`)) {
    const { columns: slots, rows, eventUs } = complete(chunk);
    for (const [slot, column] of slots.entries()) copyInto(columns[slot]!, column, at);
    set.rows.set(rows, at);
    set.eventUs.set(eventUs, at);
    const known = chunk.columns.get("_known");
    const labels = chunk.columns.get("_label");
    if (known instanceof Float64Array) set.knownUs.set(known, at);
    if (labels instanceof Float64Array) set.labels.set(labels, at);
    at += chunk.numRows;
  }
  return set;
}

function copyInto(target: Column, part: Column, at: number): void {
  if (target instanceof Float64Array) {
    if (part instanceof Float64Array) target.set(part, at);
  } else for (let i = 0; i < part.length; i++) target[at + i] = part[i] as string | null;
}

function slotsOfViews(service: FeatureService): number[] {
  return referenceSlots(service).flatMap(({ first, numSlots }) => Array.from({ length: numSlots }, (_, j) => first + j));
}

function refuseEqualNames(names: readonly string[]): void {
  const seen = new Set<string>(["_row", "_event", "_known", "_label"]);
  for (const name of names) {
    // DuckDB's names do not tell upper from lower case.
    const key = name.toLowerCase();
    if (seen.has(key))
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field: "feature service",
        problem: "two slots or fields have the same name; give a reference another prefix",
        value: name,
      });
    seen.add(key);
  }
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

async function syncPath(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
