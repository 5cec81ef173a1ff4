import { timelySql } from "../../data/timing.ts";
import { isVersioned } from "../../data/versions.ts";
import type { Micros } from "../../kernel/clock.ts";
import type { DuckDb } from "../../storage/duckdb/duckdb.ts";
import { quoteIdentifier as q } from "../../storage/duckdb/quote.ts";
import type { FeatureViewDefinition } from "../definition.ts";
import { isKeyPart, keyLiteral, type KeyPart } from "../key-part.ts";
import { planView } from "../view-plan.ts";

/** A source row as a view sees it. */
export interface EventBehind {
  readonly eventUs: Micros;
  readonly knownUs: Micros;
  /** Number of the row in its file. */
  readonly row: number | null;
  readonly values: Readonly<Record<string, string | number | boolean | null>>;
}

export interface BehindQuestion {
  readonly view: FeatureViewDefinition;
  /** SQL relation of the view's source, as `data/relation.ts` gives it. */
  readonly relation: string;
  /** In the order of the entity's keys. */
  readonly keys: readonly (KeyPart | null | undefined)[];
  readonly timeUs: Micros;
  /** The newest so many. */
  readonly limit: number;
}

/**
 * The rows behind a view's values as of a time, newest first: those of the key that count at t and lie in its longest window.
 * A key with a null, or of another type than the view's, has none.
 */
export async function eventsBehind(duck: DuckDb, { view, relation, keys, timeUs, limit }: BehindQuestion): Promise<EventBehind[]> {
  const plan = planView(view);
  const conditions: string[] = [];
  for (const [i, column] of plan.keyColumns.entries()) {
    const key = keys[i];
    if (!isKeyPart(key, plan.keyTypes[i]!)) return [];
    conditions.push(`${q(column)} = ${keyLiteral(key)}`);
  }
  const columns = Object.keys(view.source.schema);
  if (Number.isFinite(plan.reachUs)) conditions.push(`_event >= ${timeUs - plan.reachUs}`);
  if (isVersioned(view.source)) conditions.push(`(_until IS NULL OR _until > ${timeUs})`);
  if (plan.where !== undefined) conditions.push(`${plan.where.sql} IS NOT NULL`);
  conditions.push(...plan.validSql);
  // Windows end before t; only the newest row may be of t itself.
  conditions.push(timelySql(view.source), `_event ${plan.latestUs === undefined ? "<" : "<="} ${timeUs}`, `_known <= ${timeUs}`);
  const found = await duck.rows(
    `SELECT ${columns.map((c, i) => `${q(c)} AS c${i}`).join(", ")}, _row, _event, _known FROM (${relation})
WHERE ${conditions.join(" AND ")}
ORDER BY _event DESC, _known DESC, _row DESC LIMIT ${limit}`,
  );
  return found.map((row) => ({
    eventUs: Number(row["_event"]),
    knownUs: Number(row["_known"]),
    row: row["_row"] == null ? null : Number(row["_row"]),
    values: Object.fromEntries(columns.map((column, i) => [column, plain(row[`c${i}`])])),
  }));
}

function plain(value: unknown): string | number | boolean | null {
  if (typeof value === "bigint") return value.toString();
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}
