import pg from "pg";
import { KarkhanaError } from "../../kernel/error.ts";
import { problemOf, withoutSecrets } from "./postgres.ts";

const rowsAFetch = 10_000;

/**
 * A query's rows as JSON text, a batch at a time through a cursor: memory holds one batch, and all batches are of one moment.
 * @throws STORAGE_UNREACHABLE, QUERY_FAILED
 */
export async function* postgresRows(url: string, query: string): AsyncGenerator<string[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  // A connection that is lost between two fetches is reported by the next.
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (error) {
    throw new KarkhanaError("STORAGE_UNREACHABLE", { store: "PostgreSQL", address: withoutSecrets(url), problem: problemOf(error) }, { cause: error });
  }
  try {
    await client.query("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
    await client.query("SET LOCAL TIME ZONE 'UTC'");
    await client.query(`DECLARE rows NO SCROLL CURSOR FOR SELECT row_to_json(t)::text AS row FROM (${query}) t`);
    for (;;) {
      const { rows } = await client.query<{ row: string }>(`FETCH ${rowsAFetch} FROM rows`);
      if (rows.length === 0) return;
      yield rows.map(({ row }) => row);
    }
  } catch (error) {
    throw new KarkhanaError("QUERY_FAILED", { problem: `PostgreSQL: ${problemOf(error)}` }, { cause: error });
  } finally {
    await client.end();
  }
}
