import type { Clock, Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { NewId } from "../kernel/ids.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import type { Grade, Sheet, SheetKind, StoredSheet } from "./drills/sheet.ts";
import type { PathTables } from "./tables.ts";

/** Promises: a sheet is graded once: of two answers that come at once, the second is refused with SHEET_ANSWERED. */
export interface SheetStore {
  open(sheet: Sheet, seed: string, truth: unknown): Promise<StoredSheet>;
  /** @throws SHEET_NOT_FOUND */
  get(id: string): Promise<StoredSheet>;
  /** For the grader only. @throws SHEET_NOT_FOUND */
  truth(id: string): Promise<unknown>;
  /** Newest first, without their signals. */
  list(filter?: { readonly kind?: SheetKind; readonly subject?: string; readonly limit?: number }): Promise<StoredSheet[]>;
  count(kind: SheetKind, subject: string): Promise<number>;
  /** @throws SHEET_ANSWERED */
  close(id: string, answeredUs: Micros, grade: Grade): Promise<StoredSheet>;
}

export function createSheetStore({ database, clock, newId }: { readonly database: SqlDatabase; readonly clock: Clock; readonly newId: NewId }): SheetStore {
  const db = tables<PathTables>(database.db);
  const read = async (id: string) => {
    const row = await db.selectFrom("path_sheets").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined) throw new KarkhanaError("SHEET_NOT_FOUND", { id: id.slice(0, 80) });
    return row;
  };
  return {
    open: async (sheet, seed, truth) => {
      const row = {
        id: newId(),
        kind: sheet.kind,
        subject: sheet.subject,
        version: sheet.version,
        seed,
        started_us: clock.nowUs(),
        sheet: JSON.stringify(sheet),
        truth: JSON.stringify(truth),
        answered_us: null,
        grade: null,
      };
      await database.transaction(async (trx) => void (await tables<PathTables>(trx).insertInto("path_sheets").values(row).execute()));
      return stored(row);
    },
    get: async (id) => stored(await read(id)),
    truth: async (id): Promise<unknown> => JSON.parse((await read(id)).truth),
    list: async ({ kind, subject, limit = 200 } = {}) => {
      let query = db.selectFrom("path_sheets").selectAll();
      if (kind !== undefined) query = query.where("kind", "=", kind);
      if (subject !== undefined) query = query.where("subject", "=", subject);
      const rows = await query.orderBy("started_us", "desc").orderBy("id", "desc").limit(limit).execute();
      return rows.map((row) => stored(row, true));
    },
    count: async (kind, subject) => {
      const { n } = await db
        .selectFrom("path_sheets")
        .select((eb) => eb.fn.countAll<number>().as("n"))
        .where("kind", "=", kind)
        .where("subject", "=", subject)
        .executeTakeFirstOrThrow();
      return n;
    },
    close: async (id, answeredUs, grade) => {
      await database.transaction(async (trx) => {
        const { numUpdatedRows } = await tables<PathTables>(trx)
          .updateTable("path_sheets")
          .set({ answered_us: answeredUs, grade: JSON.stringify(grade) })
          .where("id", "=", id)
          .where("answered_us", "is", null)
          .executeTakeFirst();
        if (numUpdatedRows === 0n) throw new KarkhanaError("SHEET_ANSWERED", { id });
      });
      return stored(await read(id));
    },
  };
}

function stored(row: Omit<PathTables["path_sheets"], "truth">, brief = false): StoredSheet {
  const sheet = JSON.parse(row.sheet) as Sheet;
  return {
    id: row.id,
    seed: row.seed,
    startedUs: row.started_us,
    sheet: brief ? { ...sheet, signals: [], sections: [], log: [] } : sheet,
    ...(row.answered_us === null ? {} : { answeredUs: row.answered_us }),
    ...(row.grade === null ? {} : { grade: JSON.parse(row.grade) as Grade }),
  };
}
