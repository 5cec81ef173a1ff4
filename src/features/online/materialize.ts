import type { SourceDefinition } from "../../data/source.ts";
import type { Micros } from "../../kernel/clock.ts";
import type { DuckDb } from "../../storage/duckdb/duckdb.ts";
import { quoteIdentifier as q } from "../../storage/duckdb/quote.ts";
import type { OnlineFeatures, RejectedRow, SourceRow } from "./online-features.ts";

export interface MaterializeOptions {
  readonly duck: DuckDb;
  readonly online: OnlineFeatures;
  /** SQL relation of the source, as `data/relation.ts` gives it. */
  readonly relation: string;
  readonly source: SourceDefinition;
  /** Rows known by then are loaded; later ones are for `ingest`. */
  readonly upToKnownUs: Micros;
  /** SQL condition on the relation's rows: only these. */
  readonly only?: string;
  readonly onProgress?: (rowsDone: number, rowsTotal: number) => void;
}

export interface Materialized {
  readonly rows: number;
  readonly rejected: readonly RejectedRow[];
}

const batchRows = 20_000;
const maxRejectedKept = 1000;

/**
 * Loads the rows that questions at `upToKnownUs` and later need, in the order of event time: each key's blocks are then filled from one end
 * and written about once. Killed half-way, it is simply run again: rows are known by their `_row`.
 */
export async function materialize(options: MaterializeOptions): Promise<Materialized> {
  const { duck, online, relation, source, upToKnownUs, onProgress } = options;
  const retentionUs = online.retentionUs(source.name);
  const recent = Number.isFinite(retentionUs) ? ` AND _event > ${upToKnownUs - retentionUs}` : "";
  const where = `_known <= ${upToKnownUs}${recent} AND ${options.only ?? "true"}`;
  const [count] = await duck.rows(`SELECT count(*) AS n FROM (${relation}) WHERE ${where}`);
  const total = Number(count?.["n"] ?? 0);
  const rejected: RejectedRow[] = [];
  let waiting: SourceRow[] = [];
  let done = 0;
  let numRejected = 0;
  const flush = async (): Promise<void> => {
    // A row that no view has a key for is nothing a question could miss.
    const refused = (await online.load(source.name, waiting)).filter(({ code }) => code !== "ROW_KEYLESS");
    numRejected += refused.length;
    rejected.push(...refused.slice(0, maxRejectedKept - rejected.length).map((row) => ({ ...row, index: row.index + done })));
    done += waiting.length;
    waiting = [];
    onProgress?.(done, total);
  };
  // A chunk's numbers carry null as NaN; of a fraction NaN may be the value.
  const fractions = Object.keys(source.schema).filter((name) => source.schema[name] === "float64");
  const columns = [...Object.keys(source.schema).map(q), ...fractions.map((name, i) => `${q(name)} IS NULL AS _null_${i}`)].join(", ");
  for await (const chunk of duck.chunks(`SELECT _row, ${columns} FROM (${relation}) WHERE ${where} ORDER BY _event, _row`)) {
    const values = [...chunk.columns].filter(([name]) => !name.startsWith("_null_"));
    const nulls = fractions.map((name, i) => [name, chunk.columns.get(`_null_${i}`)] as const);
    for (let i = 0; i < chunk.numRows; i++) {
      const row: Record<string, unknown> = {};
      for (const [name, column] of values) row[name] = column[i];
      for (const [name, isNull] of nulls) if (isNull?.[i] === 1) row[name] = null;
      waiting.push(row);
    }
    if (waiting.length >= batchRows) await flush();
  }
  if (waiting.length > 0) await flush();
  return { rows: done - numRejected, rejected };
}
