import { sql } from "kysely";
import { KarkhanaError } from "../kernel/error.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import type { TrackingQueries } from "./read.ts";
import type { TrackingTables } from "./tables.ts";

/** Writes of one group; more wait for the next. Bounds how long one group keeps other writers waiting. */
const maxGroup = 64;

/** Runs a write in a transaction, alone or with others. */
export type GroupedWrites = <T>(write: (trx: TrackingQueries) => Promise<T>) => Promise<T>;

interface Waiting {
  readonly write: (trx: TrackingQueries) => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes that arrive while another is being brought to disk go there together, in one transaction: with many clients the disk is waited
 * for once a group and not once a write. Each write is still whole or not at all (a savepoint of its own), and resolves only when the
 * group is durable. PostgreSQL groups commits itself, and its writers do not wait for each other: there each write is a transaction.
 */
export function groupCommit(database: SqlDatabase): GroupedWrites {
  if (database.dialect === "postgres") return (write) => database.transaction((t) => write(tables<TrackingTables>(t)));
  const waiting: Waiting[] = [];
  let isWriting = false;

  const writeGroup = async (group: readonly Waiting[]): Promise<void> => {
    const outcomes = await database.transaction(async (t) => {
      const trx = tables<TrackingTables>(t);
      const failures = new Map<Waiting, unknown>();
      for (const one of group) {
        await sql`savepoint one_of_group`.execute(trx);
        try {
          await one.write(trx);
        } catch (error) {
          await rollBack(trx, error);
          failures.set(one, error);
        }
        await sql`release one_of_group`.execute(trx);
      }
      return failures;
    });
    for (const one of group) {
      if (outcomes.has(one)) one.reject(outcomes.get(one));
      else one.resolve();
    }
  };

  const writeAll = async (): Promise<void> => {
    isWriting = true;
    for (let group = waiting.splice(0, maxGroup); group.length > 0; group = waiting.splice(0, maxGroup)) {
      try {
        await (group.length === 1 ? writeAlone(database, group[0]!) : writeGroup(group));
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    isWriting = false;
  };

  return <T>(write: (trx: TrackingQueries) => Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      // Set by the time the group is durable; a group that is tried again sets it again.
      let outcome: { readonly value: T } | undefined;
      waiting.push({
        write: async (trx) => {
          outcome = { value: await write(trx) };
        },
        resolve: () => (outcome === undefined ? reject(new KarkhanaError("INTERNAL", { problem: "a write of a group never ran" })) : resolve(outcome.value)),
        reject,
      });
      if (!isWriting) void writeAll();
    });
}

/** @throws the write's own error where its transaction is over (a full disk ends it): the whole group then fails of that */
async function rollBack(trx: TrackingQueries, error: unknown): Promise<void> {
  try {
    await sql`rollback to one_of_group`.execute(trx);
  } catch {
    throw error;
  }
}

async function writeAlone(database: SqlDatabase, { write, resolve }: Waiting): Promise<void> {
  await database.transaction((t) => write(tables<TrackingTables>(t)));
  resolve();
}
