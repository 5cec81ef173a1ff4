import { sql, type RawBuilder, type Selectable } from "kysely";
import type { SqlHandle } from "../../storage/sql/port.ts";
import type { TrackingTables } from "../tables.ts";
import { refuseFilter } from "./fields.ts";
import type { SortKey } from "./sort-keys.ts";

export interface PageQuery<Table extends string> {
  readonly table: Table;
  readonly conditions: readonly RawBuilder<boolean>[];
  /** Their order must be total: the last is the record's key. */
  readonly sort: readonly SortKey[];
  readonly limit: number;
  readonly token?: string | undefined;
}

/** `readRows` of one of tracking's own tables. */
export function readPage<Name extends keyof TrackingTables>(
  db: SqlHandle,
  query: PageQuery<Name>,
): Promise<{ rows: Selectable<TrackingTables[Name]>[]; nextToken?: string }> {
  return readRows<TrackingTables, Name>(db, query);
}

/**
 * Rows of a table in an order of the caller's, page by page. Keyset: a page starts after the last row of the one before, so none comes
 * twice and none is left out however many are added meanwhile, and a deep page costs what the first one does.
 * @throws SEARCH_INVALID for a token this function did not make for this order
 */
export async function readRows<Tables, Name extends keyof Tables & string>(
  db: SqlHandle,
  query: PageQuery<Name>,
): Promise<{ rows: Selectable<Tables[Name]>[]; nextToken?: string }> {
  const { sort, limit } = query;
  const after = query.token === undefined ? undefined : decodeToken(query.token, sort);
  const from = sql`${sql.table(query.table)} as r`;
  const rows = await readAfter<Selectable<Tables[Name]>>(db, { from, conditions: query.conditions, sort, limit: limit + 1, after });
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  const page = rows.slice(0, limit);
  return last === undefined ? { rows: page } : { rows: page, nextToken: encodeToken(placeOf(last, sort)) };
}

/** One stretch of an order: where its rows come from, and how they are sorted among themselves. */
export interface Band {
  /** Tables joined, the row of `table` called `r`. */
  readonly from: RawBuilder<unknown>;
  readonly conditions: readonly RawBuilder<boolean>[];
  readonly sort: readonly SortKey[];
}

/**
 * As `readRows`, of an order that falls into bands, all rows of one before all of the next: each is read only as far as the page needs,
 * from an index of its own. Every band's sort has the same types.
 */
export async function readBands<Tables, Name extends keyof Tables & string>(
  db: SqlHandle,
  query: { readonly table: Name; readonly bands: readonly Band[]; readonly limit: number; readonly token?: string | undefined },
): Promise<{ rows: Selectable<Tables[Name]>[]; nextToken?: string }> {
  const { bands, limit } = query;
  const sort = bands[0]?.sort ?? [];
  const [start = 0, ...place] = query.token === undefined ? [] : decodeToken(query.token, [{ type: "number" }, ...sort]);
  if (typeof start !== "number" || !(start in bands)) refuse();
  const found: { band: number; row: Selectable<Tables[Name]> }[] = [];
  // One row more than asked for says whether there is a next page.
  for (let band = start; band < bands.length && found.length <= limit; band++) {
    const after = band === start && query.token !== undefined ? place : undefined;
    const rows = await readAfter<Selectable<Tables[Name]>>(db, { ...bands[band]!, limit: limit + 1 - found.length, after });
    found.push(...rows.map((row) => ({ band, row })));
  }
  const last = found.length > limit ? found[limit - 1] : undefined;
  const rows = found.slice(0, limit).map(({ row }) => row);
  return last === undefined ? { rows } : { rows, nextToken: encodeToken([last.band, ...placeOf(last.row, sort)]) };
}

async function readAfter<Row>(
  db: SqlHandle,
  { from, conditions, sort, limit, after }: Band & { readonly limit: number; readonly after: readonly (string | number)[] | undefined },
): Promise<Row[]> {
  const keys = sort.map((key, i) => sql`${key.expression} as ${sql.ref(keyName(i))}`);
  const where = conditions.length === 0 ? sql`` : sql` where ${sql.join(conditions, sql` and `)}`;
  const { rows } = await sql<Row>`
    select * from (select r.*, ${sql.join(keys)} from ${from}${where}) as q
    ${after === undefined ? sql`` : sql`where ${isAfter(sort, after)}`}
    order by ${sql.join(sort.map((key, i) => sql`q.${sql.ref(keyName(i))} ${key.descending ? sql`desc` : sql`asc`}`))}
    limit ${limit}`.execute(db);
  return rows;
}

function placeOf(row: unknown, sort: readonly SortKey[]): unknown[] {
  return sort.map((_, i) => (typeof row === "object" && row !== null ? Reflect.get(row, keyName(i)) : undefined));
}

function keyName(i: number): string {
  return `sort_key_${i}`;
}

/** Lexicographic: beyond the last row in its first key, or equal there and beyond it in the second, and so on. */
function isAfter(sort: readonly SortKey[], after: readonly (string | number)[]): RawBuilder<boolean> {
  const steps = sort.map((key, i) => {
    const equal = sort.slice(0, i).map((_, j) => sql`q.${sql.ref(keyName(j))} = ${after[j]}`);
    return sql`(${sql.join([...equal, sql`q.${sql.ref(keyName(i))} ${key.descending ? sql`<` : sql`>`} ${after[i]}`], sql` and `)})`;
  });
  // Implied by what follows, but plain enough for an index to start at.
  const bound = sql`q.${sql.ref(keyName(0))} ${sort[0]?.descending ? sql`<=` : sql`>=`} ${after[0]}`;
  return sql`(${bound} and (${sql.join(steps, sql` or `)}))`;
}

/** JSON has no infinities. */
function encodeToken(values: readonly unknown[]): string {
  const plain = values.map((value) => (typeof value === "number" && !Number.isFinite(value) ? { infinite: value > 0 ? 1 : -1 } : value));
  return Buffer.from(JSON.stringify(plain), "utf8").toString("base64url");
}

function decodeToken(token: string, sort: readonly Pick<SortKey, "type">[]): (string | number)[] {
  const values = parseToken(token);
  if (values.length !== sort.length) refuse();
  return sort.map(({ type }, i) => {
    const value = values[i];
    if (type === "number" && isInfinite(value)) return value.infinite > 0 ? Infinity : -Infinity;
    if ((type === "number" && typeof value === "number") || (type === "text" && typeof value === "string" && !value.includes("\0"))) return value;
    return refuse();
  });
}

function parseToken(token: string): unknown[] {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    return Array.isArray(parsed) ? parsed : refuse();
  } catch {
    return refuse();
  }
}

function isInfinite(value: unknown): value is { infinite: number } {
  return typeof value === "object" && value !== null && "infinite" in value && typeof value.infinite === "number";
}

function refuse(): never {
  return refuseFilter("Invalid page token, could not base64-decode");
}
