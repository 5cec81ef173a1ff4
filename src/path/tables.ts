import type { Migration } from "../storage/sql/port.ts";

export interface PathTables {
  path_evidence: { sequence: number; key: string; body: string; hash: string };
  path_plans: { id: string; created_us: number; request: string; plan: string };
  path_sheets: {
    id: string;
    kind: string;
    subject: string;
    version: number;
    seed: string;
    started_us: number;
    /** JSON of the sheet as the person sees it. */
    sheet: string;
    /** JSON of what it is graded against. */
    truth: string;
    answered_us: number | null;
    /** JSON of the grade. */
    grade: string | null;
  };
}

export const pathMigrations: readonly Migration[] = [
  {
    id: "path-0001-evidence-plans-sheets",
    up: async (trx) => {
      await trx.schema
        .createTable("path_evidence")
        .addColumn("sequence", "bigint", (c) => c.primaryKey())
        .addColumn("key", "text", (c) => c.notNull().unique())
        .addColumn("body", "text", (c) => c.notNull())
        .addColumn("hash", "text", (c) => c.notNull())
        .execute();
      await trx.schema
        .createTable("path_plans")
        .addColumn("id", "text", (c) => c.primaryKey())
        .addColumn("created_us", "bigint", (c) => c.notNull())
        .addColumn("request", "text", (c) => c.notNull())
        .addColumn("plan", "text", (c) => c.notNull())
        .execute();
      await trx.schema
        .createTable("path_sheets")
        .addColumn("id", "text", (c) => c.primaryKey())
        .addColumn("kind", "text", (c) => c.notNull())
        .addColumn("subject", "text", (c) => c.notNull())
        .addColumn("version", "bigint", (c) => c.notNull())
        .addColumn("seed", "text", (c) => c.notNull())
        .addColumn("started_us", "bigint", (c) => c.notNull())
        .addColumn("sheet", "text", (c) => c.notNull())
        .addColumn("truth", "text", (c) => c.notNull())
        .addColumn("answered_us", "bigint")
        .addColumn("grade", "text")
        .execute();
    },
  },
];
