import { sql } from "kysely";
import { KarkhanaError } from "../../kernel/error.ts";
import { selected, sortOf, type RunSelection, type RunTableParts } from "./query.ts";

/** More rows than this no browser scrolls through in one element; and it bounds the memory of an order to 8 MB. */
const maxOrdered = 500_000;
const idBytes = 16;

/** The ids of the runs a query found, in its order: 16 bytes a run. */
export class RunOrder {
  /** All that match; more than `length` if there are more than `maxOrdered`. */
  readonly total: number;
  readonly length: number;
  readonly #ids: Buffer;

  constructor(total: number, ids: string) {
    this.total = total;
    this.#ids = Buffer.from(ids, "hex");
    this.length = this.#ids.length / idBytes;
    if (ids.length % 32 !== 0 || this.#ids.length !== ids.length / 2) throw new KarkhanaError("INTERNAL", { problem: "a run id is not 32 hex digits" });
  }

  get sizeBytes(): number {
    return this.#ids.length;
  }

  /** -1 if it is not in it. */
  indexOf(runId: string): number {
    const id = Buffer.from(runId, "hex");
    if (id.length !== idBytes) return -1;
    // Bytes of two ids beside each other may look like a third.
    let at = this.#ids.indexOf(id);
    while (at !== -1 && at % idBytes !== 0) at = this.#ids.indexOf(id, at + 1);
    return at === -1 ? -1 : at / idBytes;
  }

  slice(from: number, to: number): string[] {
    const ids: string[] = [];
    for (let i = from; i < Math.min(to, this.length); i++) ids.push(this.#ids.toString("hex", i * idBytes, (i + 1) * idBytes));
    return ids;
  }
}

export async function countRuns(parts: RunTableParts, selection: RunSelection): Promise<number> {
  if (selection.experimentIds.length === 0) return 0;
  const [row] = await parts.database.readApart(
    sql<{ total: number }>`select count(*) as total from tracking_runs as r where ${await selected(selection, parts)}`,
  );
  return row?.total ?? 0;
}

/** @throws SEARCH_INVALID */
export async function orderRuns(parts: RunTableParts, selection: RunSelection, orderBy: readonly string[]): Promise<RunOrder> {
  const { database } = parts;
  const sort = sortOf(orderBy, database.dialect);
  if (selection.experimentIds.length === 0) return new RunOrder(0, "");
  const conditions = await selected(selection, parts);
  const keys = sort.map((key, i) => sql`${key.expression} as ${sql.ref(`k${i}`)}`);
  const order = sql.join(sort.map((key, i) => sql`${sql.ref(`k${i}`)} ${key.descending ? sql`desc` : sql`asc`}`));
  // One text, not a row a run: a row is an object on this thread, too. Numbered first: SQLite sorts a number and an id in a third of the
  // time that it takes to sort the keys within the sum of texts.
  const [row] = await database.readApart(sql<{ ids: string | null; total: number | null }>`
    select string_agg(case when q.n <= ${maxOrdered} then q.run_id end, '' order by q.n) as ids, max(q.n) as total
    from (select k.run_id, row_number() over (order by ${order}) as n
      from (select r.run_id, ${sql.join(keys)} from tracking_runs as r where ${conditions}) as k) as q`);
  return new RunOrder(row?.total ?? 0, row?.ids ?? "");
}
