import type { Migration } from "../storage/sql/port.ts";
import type { Role } from "./roles.ts";

export interface AccessTables {
  access_users: { user_name: string; password_hash: string | null; created_us: number };
  access_roles: { user_name: string; workspace: string; role: Role };
  access_tokens: { token_id: string; user_name: string; label: string; secret_hash: string; created_us: number; expires_us: number | null };
  /** Browsers that signed in, by the digest of their cookie. */
  access_sessions: { digest: string; user_name: string; created_us: number; expires_us: number };
  /** One row: counts changes, so that other processes know when to forget what they remember. */
  access_revision: { only: number; revision: number };
}

export const accessMigrations: readonly Migration[] = [
  {
    id: "access-0001-users-tokens-roles",
    up: async ({ schema }) => {
      await schema
        .createTable("access_users")
        .addColumn("user_name", "text", (c) => c.primaryKey())
        .addColumn("password_hash", "text")
        .addColumn("created_us", "bigint", (c) => c.notNull())
        .execute();
      await schema
        .createTable("access_roles")
        .addColumn("user_name", "text", (c) => c.notNull().references("access_users.user_name"))
        .addColumn("workspace", "text", (c) => c.notNull())
        .addColumn("role", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("access_roles_key", ["user_name", "workspace"])
        .execute();
      await schema
        .createTable("access_tokens")
        .addColumn("token_id", "text", (c) => c.primaryKey())
        .addColumn("user_name", "text", (c) => c.notNull().references("access_users.user_name"))
        .addColumn("label", "text", (c) => c.notNull())
        .addColumn("secret_hash", "text", (c) => c.notNull())
        .addColumn("created_us", "bigint", (c) => c.notNull())
        .addColumn("expires_us", "bigint")
        .execute();
      await schema
        .createTable("access_sessions")
        .addColumn("digest", "text", (c) => c.primaryKey())
        .addColumn("user_name", "text", (c) => c.notNull().references("access_users.user_name"))
        .addColumn("created_us", "bigint", (c) => c.notNull())
        .addColumn("expires_us", "bigint", (c) => c.notNull())
        .execute();
      await schema
        .createTable("access_revision")
        .addColumn("only", "bigint", (c) => c.primaryKey())
        .addColumn("revision", "bigint", (c) => c.notNull())
        .execute();
    },
  },
];
