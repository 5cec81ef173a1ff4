import { setTimeout as wait } from "node:timers/promises";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { KarkhanaError } from "../../kernel/error.ts";
import type { SqlDatabase, SqlHandle } from "./port.ts";

const MAX_ATTEMPTS = 30;
const OID_INT8 = 20;
const OID_NUMERIC = 1700;

/**
 * Opens a pool on a PostgreSQL database. Transactions are SERIALIZABLE, as SQLite's are, and run again after a serialisation failure
 * or a deadlock (40001, 40P01). int8 and numeric (counts, sums) arrive as JS numbers; an int8 beyond 53 bits is refused, not rounded.
 * @throws STORAGE_UNREACHABLE
 */
export async function openPostgres(url: string): Promise<SqlDatabase> {
  const pool = new pg.Pool({ connectionString: url, max: 10, connectionTimeoutMillis: 10_000, types: { getTypeParser } });
  // The pool reports the loss of an idle connection here; unheard it would end the process. The next query gets a new one.
  pool.on("error", () => {});
  try {
    (await pool.connect()).release();
  } catch (error) {
    await pool.end();
    throw new KarkhanaError("STORAGE_UNREACHABLE", { store: "PostgreSQL", address: withoutSecrets(url), problem: problemOf(error) }, { cause: error });
  }
  const db: SqlHandle = new Kysely({ dialect: new PostgresDialect({ pool }) });
  return {
    dialect: "postgres",
    db,
    transaction: async (work) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await db.transaction().setIsolationLevel("serializable").execute(work);
        } catch (error) {
          if (!isConflict(error) || attempt >= MAX_ATTEMPTS) throw error;
          // Spread over processes by their id, so that two of them do not meet again.
          await wait(Math.min(2 ** attempt, 200) + (process.pid % 7) * attempt);
        }
      }
    },
    readApart: async (query) => (await query.execute(db)).rows,
    close: async () => {
      await db.destroy();
      // Kysely ends only a pool it has used.
      if (!pool.ended) await pool.end();
    },
  };
}

type Parser = (text: string) => unknown;

// Its own types name the oids as an enum; any oid of the server may come.
const defaultParser = pg.types.getTypeParser as (oid: number, format?: string) => Parser;

function getTypeParser(oid: number, format?: "text" | "binary"): Parser {
  if (format !== "binary" && (oid === OID_INT8 || oid === OID_NUMERIC)) return oid === OID_INT8 ? parseInt8 : Number;
  return defaultParser(oid, format);
}

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new KarkhanaError("INTERNAL", { problem: `int8 ${text} does not fit a JS number` });
  return value;
}

function isConflict(error: unknown): boolean {
  if (typeof error !== "object" || error === null || !("code" in error)) return false;
  return error.code === "40001" || error.code === "40P01";
}

export function withoutSecrets(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? "the given URL" : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}

export function problemOf(error: unknown): string {
  // Several addresses tried at once fail as one AggregateError with an empty message.
  if (error instanceof AggregateError) return error.errors.map(problemOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
