import type { SourceDefinition } from "../../data/source.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import type { Column, ColumnTable, DuckDb } from "../../storage/duckdb/duckdb.ts";
import { quoteIdentifier as q } from "../../storage/duckdb/quote.ts";
import { boundField } from "../binding.ts";
import { featureViewHash, type FeatureService } from "../definition.ts";
import { keyKinds, type KeyType } from "../key-part.ts";
import { sumLimit } from "../measure.ts";
import { categoryOf, derivedFiller, referenceSlots, requestFiller, type RequestFields, type RequestFiller } from "../vector.ts";
import { isSum, planView, type PlannedFeature } from "../view-plan.ts";
import { leftOutTable, limitingTables, limitRows, type RowLimits } from "./limited.ts";
import { latestSql, latestTable, newestSql, newestTable } from "./latest.ts";
import {
  keysSql,
  rowsSql,
  runningSql,
  runningTable,
  runningTables,
  statisticsSql,
  sumsSql,
  sumsTable,
  type PointInTime,
  type SumTypes,
} from "./point-in-time.ts";
import { bucketsSql, bucketsTable, emptySql, questionsAtOnce, scanned, scanSql, scanTable } from "./scan.ts";

export interface OfflineOptions {
  /** SQL query that gives one question a row: `_row`, `_event` (when it is asked, BIGINT microseconds) and the request's fields, nothing else. */
  readonly spine: string;
  readonly service: FeatureService;
  /** SQL relation of a source, as `data/relation.ts` gives it. */
  readonly relations: (source: SourceDefinition) => string;
  /** Given where questions saw only the beginning of a source's log. */
  readonly limits?: (source: SourceDefinition) => RowLimits | undefined;
}

/** Questions with their vectors; `columns[slot]` is a number column (null is NaN), or text for a categorical slot. */
export interface VectorChunk {
  readonly numRows: number;
  /** `_row` of the spine. */
  readonly rows: Float64Array;
  readonly eventUs: Float64Array;
  readonly columns: readonly Column[];
  /** Not 0 where a question's limit could not be kept: its vector is as if it had none. Only where limits are given. */
  readonly leftOut?: Column;
}

/**
 * The vectors of a spine: every row exactly once, ordered by `_row`, as of its own `_event`.
 * @throws MEASURE_OUT_OF_RANGE, INVALID_ARGUMENT (a field's type cannot match the key it is bound to), QUERY_FAILED
 */
export async function* offlineVectors(duck: DuckDb, options: OfflineOptions): AsyncGenerator<VectorChunk> {
  const complete = chunkCompleter(options.service);
  const answers = await answerSpine(duck, options);
  try {
    for await (const chunk of duck.chunks(answers.sql)) yield complete(chunk);
  } finally {
    await answers.drop();
  }
}

/** View values of a spine, computed and kept as tables until dropped. */
export interface SpineAnswers {
  /** Query: `_n`, `_row`, `_event`, the spine's fields, and `_slot_<i>` for each slot that a view fills; ordered by `_n`. */
  readonly sql: string;
  /** The same with a column for each feature of a view, "<prefix>.<feature>", in place of slots: lists are lists. */
  readonly featuresSql: string;
  readonly fields: readonly string[];
  readonly numRows: number;
  drop(): Promise<void>;
}

const slotPrefix = "_slot_";

/** The column of `SpineAnswers.sql` that holds a view's slot. */
export function slotColumn(slot: number): string {
  return `${slotPrefix}${slot}`;
}

const leftOutColumn = "_left_out";

/** Columns of a spine that are not request fields: no feature may see them. */
const ownColumns: ReadonlySet<string> = new Set(["_n", "_row", "_event", "_known", "_label", leftOutColumn]);

/** Tables are ordinary ones (a walk over chunks sees no temporary ones), so concurrent calls need names of their own. */
let calls = 0;

export async function answerSpine(duck: DuckDb, options: OfflineOptions): Promise<SpineAnswers> {
  const prefix = `_features_${++calls}`;
  const tables: string[] = [];
  const create = async (table: string, sql: string): Promise<void> => {
    tables.push(table);
    await duck.run(sql);
  };
  const drop = async (names: readonly string[]): Promise<void> => {
    for (const name of names) await duck.run(`DROP TABLE IF EXISTS ${name}`);
  };
  try {
    const spine = `${prefix}_spine`;
    await create(spine, `CREATE OR REPLACE TABLE ${spine} AS SELECT row_number() OVER (ORDER BY _row) - 1 AS _n, * FROM (${options.spine})`);
    const types = await columnTypes(duck, spine);
    const fields = [...types.keys()].filter((name) => !ownColumns.has(name));
    const [extent] = await duck.rows(`SELECT count(*) AS n, min(_event) AS first, max(_event) AS last FROM ${spine}`);
    const numRows = Number(extent?.["n"] ?? 0);
    const slots: string[] = [];
    const features: string[] = [];
    const joins: string[] = [];
    const leftOut: string[] = [];
    for (const [index, group] of groupedByView(options.service).entries()) {
      const unlimited: PointInTime = {
        plan: planView(group.slots[0]!.reference.view),
        prefix: `${prefix}_view${index}`,
        spine,
        relation: options.relations(group.slots[0]!.reference.view.source),
        bindings: group.slots.map(({ reference }) => ({
          fields: reference.view.entity.keys.map((key) => boundField(reference.binding, key, reference.prefix)),
        })),
      };
      for (const binding of unlimited.bindings) checkKeyTypes(unlimited, binding.fields, types);
      const limits = options.limits?.(unlimited.plan.view.source);
      if (limits !== undefined) tables.push(...limitingTables(unlimited));
      const [firstUs, lastUs] = [Number(extent?.["first"] ?? 0), Number(extent?.["last"] ?? 0)];
      const p = limits === undefined ? unlimited : await limitRows(duck, unlimited, limits, firstUs, lastUs);
      if (p.limited !== undefined) leftOut.push(leftOutTable(p));
      const scratch = [`${p.prefix}_keys`, `${p.prefix}_rows`, newestTable(p), bucketsTable(p), ...runningTables(p).map((w) => runningTable(p, w))];
      tables.push(...scratch);
      await duck.run(keysSql(p));
      await duck.run(rowsSql(p, firstUs, lastUs));
      const sums = await sumTypes(duck, p);
      for (const w of runningTables(p)) await duck.run(runningSql(p, sums, w));
      if (p.plan.latestUs !== undefined) await duck.run(newestSql(p));
      if (scanned(p.plan).length > 0) await duck.run(bucketsSql(p));
      for (const [i, { first, reference }] of group.slots.entries()) {
        const made = await answerBinding(duck, p, sums, i, numRows, create);
        joins.push(...made.map((table) => `LEFT JOIN ${table} ON ${table}._n = s._n`));
        let slot = first;
        for (const [j, feature] of p.plan.features.entries()) {
          const value = valueSql(p, i, feature, j);
          features.push(`${value} AS ${q(`${reference.prefix}.${feature.name}`)}`);
          const { length, isInput = true } = feature.output;
          if (!isInput) continue;
          if (length === undefined) slots.push(`${value} AS ${slotColumn(slot++)}`);
          else
            for (let item = 1; item <= length; item++)
              slots.push(
                `${p.plan.measures[feature.measure]?.kind === "vector" ? `CAST(${value}[${item}] AS DOUBLE)` : `${value}[${item}]`} AS ${slotColumn(slot++)}`,
              );
        }
      }
      await drop(scratch);
    }
    if (leftOut.length > 0) {
      joins.push(...leftOut.map((table) => `LEFT JOIN ${table} ON ${table}._n = s._n`));
      slots.push(`CAST(${leftOut.map((table) => `${table}._n IS NOT NULL`).join(" OR ")} AS DOUBLE) AS ${leftOutColumn}`);
    }
    const select = (columns: readonly string[]): string => `SELECT ${["s.*", ...columns].join(", ")} FROM ${spine} s ${joins.join(" ")} ORDER BY s._n`;
    return { sql: select(slots), featuresSql: select(features), fields, numRows, drop: () => drop(tables) };
  } catch (error) {
    await drop(tables);
    throw error;
  }
}

/** @returns the tables made: sums, newest rows and scans, as the view has such features */
async function answerBinding(
  duck: DuckDb,
  p: PointInTime,
  sums: SumTypes,
  binding: number,
  numRows: number,
  create: (table: string, sql: string) => Promise<void>,
): Promise<string[]> {
  const made: string[] = [];
  if (p.plan.features.some(isSum)) {
    made.push(sumsTable(p, binding));
    await create(sumsTable(p, binding), sumsSql(p, sums, binding));
  }
  if (p.plan.latestUs !== undefined) {
    made.push(latestTable(p, binding));
    await create(latestTable(p, binding), latestSql(p, binding));
  }
  if (scanned(p.plan).length > 0) {
    const table = scanTable(p, binding);
    made.push(table);
    await create(table, `CREATE OR REPLACE TABLE ${table} AS ${scanSql(p, binding, 0, questionsAtOnce)}`);
    for (let from = questionsAtOnce; from < numRows; from += questionsAtOnce)
      await duck.run(`INSERT INTO ${table} ${scanSql(p, binding, from, from + questionsAtOnce)}`);
  }
  return made;
}

function valueSql(p: PointInTime, binding: number, feature: PlannedFeature, place: number): string {
  const table = isSum(feature) ? sumsTable(p, binding) : feature.aggregate === "latest" ? latestTable(p, binding) : scanTable(p, binding);
  const empty = emptySql(feature);
  return empty === "NULL" ? `${table}.f${place}` : `coalesce(${table}.f${place}, ${empty})`;
}

/** References to one view share its rows and running sums. */
function groupedByView(service: FeatureService): { slots: ReturnType<typeof referenceSlots> }[] {
  const groups = new Map<string, { slots: ReturnType<typeof referenceSlots> }>();
  for (const slots of referenceSlots(service)) {
    const hash = featureViewHash(slots.reference.view);
    const group = groups.get(hash);
    if (group === undefined) groups.set(hash, { slots: [slots] });
    else group.slots.push(slots);
  }
  return [...groups.values()];
}

const keyTypeOfSql: Readonly<Record<string, KeyType>> = { VARCHAR: "string", BOOLEAN: "boolean" };
const wholeTypes = new Set(["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"]);

async function columnTypes(duck: DuckDb, table: string): Promise<Map<string, string>> {
  const rows = await duck.rows(`DESCRIBE ${table}`);
  return new Map(rows.map((row) => [String(row["column_name"]), String(row["column_type"])]));
}

/** DuckDB would cast one side and match "01" with 1, or fail half-way; the online store never does. */
function checkKeyTypes(p: PointInTime, fields: readonly string[], types: ReadonlyMap<string, string>): void {
  for (const [i, field] of fields.entries()) {
    const type = types.get(field);
    const kind = type === undefined ? undefined : (keyTypeOfSql[type] ?? (wholeTypes.has(type) ? "number" : "other"));
    if (kind !== p.plan.keyTypes[i])
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field: `request field ${field}`,
        problem: `view ${p.plan.view.name} is keyed by ${keyKinds[p.plan.keyTypes[i]!].expected}; the spine gives ${type ?? "no such field"}`,
        value: field,
      });
  }
}

async function sumTypes(duck: DuckDb, p: PointInTime): Promise<SumTypes> {
  const [statistics] = await duck.rows(statisticsSql(p));
  const sums: ("DOUBLE" | "HUGEINT")[] = [];
  const hasNulls: boolean[] = [];
  for (const [i, measure] of p.plan.measures.entries()) {
    if (measure.kind !== "sum") {
      sums.push("DOUBLE");
      hasNulls.push(true);
      continue;
    }
    const largest = Number(statistics?.[`max${i}`] ?? 0);
    if (largest >= sumLimit) throw new KarkhanaError("MEASURE_OUT_OF_RANGE", { view: p.plan.view.name, measure: measure.text, value: largest / measure.scale });
    sums.push(Number(statistics?.[`total${i}`] ?? 0) < sumLimit / 2 ? "DOUBLE" : "HUGEINT");
    hasNulls.push(Number(statistics?.[`nulls${i}`] ?? 0) > 0);
  }
  return { sums, hasNulls };
}

/** Turns a chunk of `SpineAnswers.sql` into slots: views' values as they are, request and derived features by the one filler. */
export function chunkCompleter(service: FeatureService): (chunk: ColumnTable) => VectorChunk {
  const fill: RequestFiller = requestFiller(service, {});
  const derive = derivedFiller(service);
  const needsFill = service.features.some((f) => f.kind !== "featureReference");
  const scratch = new Float64Array(service.slots.length);
  return (chunk) => {
    const { numRows } = chunk;
    const eventUs = numbersOf(chunk, "_event");
    const columns = service.slots.map((slot, index): Column => {
      const own = chunk.columns.get(slotColumn(index));
      if (slot.type === "categorical") return own === undefined ? textOf(chunk.columns.get(slot.name), numRows) : textOf(own, numRows);
      return own instanceof Float64Array ? own : new Float64Array(numRows);
    });
    if (needsFill) {
      const numeric = [...columns.entries()].flatMap(([slot, column]) => (column instanceof Float64Array ? [{ slot, column }] : []));
      const filled = numeric.filter(({ slot }) => !chunk.columns.has(slotColumn(slot)));
      const given = numeric.filter(({ slot }) => chunk.columns.has(slotColumn(slot)));
      const fields = [...chunk.columns].filter(([name]) => !isOwnColumn(name));
      for (let i = 0; i < numRows; i++) {
        for (const { slot, column } of given) scratch[slot] = column[i]!;
        fill(eventUs[i]!, fieldsAt(fields, i), scratch, 0);
        derive(eventUs[i]!, scratch, 0);
        for (const { slot, column } of filled) column[i] = scratch[slot]!;
      }
    }
    const leftOut = chunk.columns.get(leftOutColumn);
    return { numRows, rows: numbersOf(chunk, "_row"), eventUs, columns, ...(leftOut && { leftOut }) };
  };
}

function isOwnColumn(name: string): boolean {
  return ownColumns.has(name) || name.startsWith(slotPrefix);
}

function fieldsAt(columns: readonly (readonly [string, Column])[], row: number): RequestFields {
  const fields: Record<string, string | number | null> = {};
  for (const [name, column] of columns) {
    const value = column[row] ?? null;
    fields[name] = typeof value === "number" && Number.isNaN(value) ? null : value;
  }
  return fields;
}

function textOf(column: Column | undefined, numRows: number): (string | null)[] {
  return Array.from({ length: numRows }, (_, i) => categoryOf(column?.[i]));
}

function numbersOf(chunk: ColumnTable, name: string): Float64Array {
  const column = chunk.columns.get(name);
  if (column instanceof Float64Array) return column;
  throw new KarkhanaError("INVALID_ARGUMENT", { field: `spine column ${name}`, problem: "must be there and be a number", value: null });
}
