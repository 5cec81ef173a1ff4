import { sql } from "kysely";
import type { Clock } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { defaultWorkspace } from "../kernel/workspace.ts";
import type { Migration, SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { requireName } from "./names.ts";
import { holdWorkspace } from "./workspaces.ts";

/** A way of looking at runs that someone gave a name: the query part of the page's address. */
export interface SavedView {
  readonly name: string;
  readonly query: string;
  readonly updatedUs: number;
}

export interface SavedViews {
  list(): Promise<SavedView[]>;
  /** A view of that name is replaced. @throws INVALID_ARGUMENT */
  save(name: string, query: string): Promise<SavedView>;
  /** @throws VIEW_NOT_FOUND */
  remove(name: string): Promise<void>;
}

interface ViewTables {
  tracking_views: { workspace: string; name: string; query: string; updated_us: number };
}

const maxViews = 1000;
const maxQueryLength = 8000;

export const savedViewMigrations: readonly Migration[] = [
  {
    id: "views-0001-saved-views",
    up: async ({ schema }) => {
      await schema
        .createTable("tracking_views")
        .addColumn("name", "text", (c) => c.primaryKey())
        .addColumn("query", "text", (c) => c.notNull())
        .addColumn("updated_us", "bigint", (c) => c.notNull())
        .execute();
    },
  },
  {
    id: "views-0002-workspaces",
    up: async (trx) => {
      const { schema } = trx;
      await schema.alterTable("tracking_views").renameTo("tracking_views_before").execute();
      await schema
        .createTable("tracking_views")
        .addColumn("workspace", "text", (c) => c.notNull())
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("query", "text", (c) => c.notNull())
        .addColumn("updated_us", "bigint", (c) => c.notNull())
        .addPrimaryKeyConstraint("tracking_views_key", ["workspace", "name"])
        .execute();
      await sql`insert into tracking_views (workspace, name, query, updated_us)
        select ${sql.lit(defaultWorkspace)}, name, query, updated_us from tracking_views_before`.execute(trx);
      await schema.dropTable("tracking_views_before").execute();
    },
  },
];

interface Parts {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly workspace: string;
}

export function createSavedViews({ database, clock, workspace }: Parts): SavedViews {
  const db = tables<ViewTables>(database.db);
  return {
    list: async () => {
      const rows = await db.selectFrom("tracking_views").selectAll().where("workspace", "=", workspace).orderBy("name").limit(maxViews).execute();
      return rows.map(({ name, query, updated_us }) => ({ name, query, updatedUs: updated_us }));
    },
    save: async (name, query) => {
      requireName("name", name);
      if (query.length > maxQueryLength)
        throw new KarkhanaError("INVALID_ARGUMENT", { field: "query", problem: `expected at most ${maxQueryLength} characters`, value: query.length });
      const updated_us = clock.nowUs();
      await database.transaction(async (t) => {
        if (workspace !== defaultWorkspace) await holdWorkspace(t, database.dialect, workspace);
        const trx = tables<ViewTables>(t);
        const { held } = await trx
          .selectFrom("tracking_views")
          .select((eb) => eb.fn.countAll<number>().as("held"))
          .where("workspace", "=", workspace)
          .executeTakeFirstOrThrow();
        if (held >= maxViews) throw new KarkhanaError("INVALID_ARGUMENT", { field: "name", problem: `there are ${maxViews} views already`, value: name });
        await trx
          .insertInto("tracking_views")
          .values({ workspace, name, query, updated_us })
          .onConflict((c) => c.columns(["workspace", "name"]).doUpdateSet({ query, updated_us }))
          .execute();
      });
      return { name, query, updatedUs: updated_us };
    },
    remove: async (name) => {
      const gone = await db.deleteFrom("tracking_views").where("workspace", "=", workspace).where("name", "=", name).executeTakeFirst();
      if (gone.numDeletedRows === 0n) throw new KarkhanaError("VIEW_NOT_FOUND", { name });
    },
  };
}
