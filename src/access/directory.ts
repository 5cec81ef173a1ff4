import type { Kysely } from "kysely";
import type { Clock, Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { SqlDatabase, SqlTransaction } from "../storage/sql/port.ts";
import { isUniqueViolation, tables } from "../storage/sql/tables.ts";
import { defaultWorkspace } from "../kernel/workspace.ts";
import { roles, type Role, type Roles } from "./roles.ts";
import { digestOf, hashSecret, isSecret, newSecret, newTokenId, nobodysHash, parseToken, tokenText } from "./secrets.ts";
import type { AccessTables } from "./tables.ts";

export interface User {
  readonly name: string;
  readonly hasPassword: boolean;
  readonly roles: Readonly<Record<string, Role>>;
  readonly tokens: readonly { readonly tokenId: string; readonly label: string; readonly createdUs: Micros; readonly expiresUs?: Micros }[];
}

/** Who was recognised, before it is asked what they may do; `until` is when that ends by itself. */
export interface Recognised {
  readonly user: string;
  readonly until?: Micros;
}

/**
 * Users, their passwords, tokens, sessions and roles. Secrets are given out once and kept as hashes. Every change raises the revision.
 * All that name a user throw USER_NOT_FOUND.
 */
export interface Directory {
  /** @throws USER_EXISTS */
  addUser(name: string, role: Role, workspace?: string): Promise<void>;
  /** With all that is theirs. */
  removeUser(name: string): Promise<void>;
  setRole(name: string, role: Role, workspace?: string): Promise<void>;
  /** Nobody has a role in it any more, also if one of that name comes again. In the transaction that deletes it. */
  forgetWorkspace(trx: SqlTransaction, workspace: string): Promise<void>;
  /** Ends the user's sessions too. */
  setPassword(name: string, password: string): Promise<void>;
  /** @returns the token, never to be seen again */
  addToken(name: string, label: string, expiresUs?: Micros): Promise<string>;
  /** @throws TOKEN_NOT_FOUND */
  removeToken(tokenId: string): Promise<void>;
  users(): Promise<User[]>;

  revision(): Promise<number>;
  hasUsers(): Promise<boolean>;
  rolesOf(name: string): Promise<Roles>;
  /** @throws ACCESS_BUSY while too many secrets are being tried */
  byToken(token: string): Promise<Recognised | undefined>;
  /** @throws ACCESS_BUSY */
  byPassword(name: string, password: string): Promise<Recognised | undefined>;
  bySession(cookie: string): Promise<Recognised | undefined>;
  /** @returns the cookie's value */
  startSession(name: string, lifetimeUs: Micros): Promise<string>;
  endSession(cookie: string): Promise<void>;
}

const minPasswordLength = 12;
const maxPasswordLength = 1024;

export function createDirectory({ database, clock }: { database: SqlDatabase; clock: Clock }): Directory {
  const db = tables<AccessTables>(database.db);
  type Queries = typeof db;
  /** A change and the revision that tells of it. */
  const change = <T>(work: (queries: Queries) => Promise<T>): Promise<T> =>
    database.transaction(async (trx) => {
      const queries = tables<AccessTables>(trx);
      const result = await work(queries);
      await revise(queries);
      return result;
    });
  const requireUser = async (queries: Queries, name: string): Promise<void> => {
    const found = await queries.selectFrom("access_users").select("user_name").where("user_name", "=", name).executeTakeFirst();
    if (found === undefined) throw new KarkhanaError("USER_NOT_FOUND", { user: name.slice(0, 100) });
  };
  const setRole = async (queries: Queries, name: string, role: Role, workspace: string): Promise<void> => {
    if (!roles.includes(role)) throw new KarkhanaError("INVALID_ARGUMENT", { field: "role", problem: `must be one of ${roles.join(", ")}`, value: role });
    await queries
      .insertInto("access_roles")
      .values({ user_name: name, workspace, role })
      .onConflict((c) => c.columns(["user_name", "workspace"]).doUpdateSet({ role }))
      .execute();
  };

  return {
    addUser: (name, role, workspace = defaultWorkspace) =>
      change(async (queries) => {
        if (!/^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$/.test(name))
          throw new KarkhanaError("INVALID_ARGUMENT", {
            field: "user",
            problem: 'must be 1 to 100 letters, digits, ".", "_", "@" or "-", starting with a letter or digit',
            value: JSON.stringify(name.slice(0, 100)),
          });
        try {
          await queries.insertInto("access_users").values({ user_name: name, password_hash: null, created_us: clock.nowUs() }).execute();
        } catch (error) {
          if (isUniqueViolation(error)) throw new KarkhanaError("USER_EXISTS", { user: name }, { cause: error });
          throw error;
        }
        await setRole(queries, name, role, workspace);
      }),
    removeUser: (name) =>
      change(async (queries) => {
        await requireUser(queries, name);
        for (const table of ["access_sessions", "access_tokens", "access_roles", "access_users"] as const)
          await queries.deleteFrom(table).where("user_name", "=", name).execute();
      }),
    setRole: (name, role, workspace = defaultWorkspace) =>
      change(async (queries) => {
        await requireUser(queries, name);
        await setRole(queries, name, role, workspace);
      }),
    forgetWorkspace: async (trx, workspace) => {
      const queries = tables<AccessTables>(trx);
      await queries.deleteFrom("access_roles").where("workspace", "=", workspace).execute();
      await revise(queries);
    },
    setPassword: async (name, password) => {
      if (password.length < minPasswordLength || password.length > maxPasswordLength)
        throw new KarkhanaError("INVALID_ARGUMENT", {
          field: "password",
          problem: `must have ${minPasswordLength} to ${maxPasswordLength} characters`,
          value: `${password.length} characters`,
        });
      const hash = await hashSecret(password);
      await change(async (queries) => {
        await requireUser(queries, name);
        await queries.updateTable("access_users").set({ password_hash: hash }).where("user_name", "=", name).execute();
        await queries.deleteFrom("access_sessions").where("user_name", "=", name).execute();
      });
    },
    addToken: async (name, label, expiresUs) => {
      const [id, secret] = [newTokenId(), newSecret()];
      const hash = await hashSecret(secret);
      await change(async (queries) => {
        await requireUser(queries, name);
        const row = { token_id: id, user_name: name, label: label.slice(0, 200), secret_hash: hash, created_us: clock.nowUs(), expires_us: expiresUs ?? null };
        await queries.insertInto("access_tokens").values(row).execute();
      });
      return tokenText(id, secret);
    },
    removeToken: (tokenId) =>
      change(async (queries) => {
        const gone = await queries.deleteFrom("access_tokens").where("token_id", "=", tokenId).executeTakeFirst();
        if (gone.numDeletedRows === 0n) throw new KarkhanaError("TOKEN_NOT_FOUND", { tokenId: tokenId.slice(0, 100) });
      }),
    users: async () => {
      const rows = await db.selectFrom("access_users").selectAll().execute();
      const held = Map.groupBy(await db.selectFrom("access_roles").selectAll().execute(), (role) => role.user_name);
      const tokens = Map.groupBy(await db.selectFrom("access_tokens").selectAll().orderBy("created_us").execute(), (token) => token.user_name);
      return rows
        .map(({ user_name: name, password_hash }) => ({
          name,
          hasPassword: password_hash !== null,
          roles: Object.fromEntries((held.get(name) ?? []).map(({ workspace, role }) => [workspace, role])),
          tokens: (tokens.get(name) ?? []).map((token) => ({
            tokenId: token.token_id,
            label: token.label,
            createdUs: token.created_us,
            ...(token.expires_us === null ? {} : { expiresUs: token.expires_us }),
          })),
        }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },

    revision: async () => (await db.selectFrom("access_revision").select("revision").executeTakeFirst())?.revision ?? 0,
    hasUsers: async () => (await db.selectFrom("access_users").select("user_name").limit(1).executeTakeFirst()) !== undefined,
    rolesOf: async (name) => {
      const rows = await db.selectFrom("access_roles").select(["workspace", "role"]).where("user_name", "=", name).execute();
      return Object.fromEntries(rows.map(({ workspace, role }) => [workspace, role]));
    },
    byToken: async (token) => {
      const parsed = parseToken(token);
      const row = parsed === undefined ? undefined : await db.selectFrom("access_tokens").selectAll().where("token_id", "=", parsed.id).executeTakeFirst();
      if (parsed === undefined || row === undefined || (row.expires_us !== null && row.expires_us <= clock.nowUs())) return undefined;
      if (!(await tried(parsed.secret, row.secret_hash))) return undefined;
      return row.expires_us === null ? { user: row.user_name } : { user: row.user_name, until: row.expires_us };
    },
    byPassword: async (name, password) => {
      const row = await db.selectFrom("access_users").select("password_hash").where("user_name", "=", name).executeTakeFirst();
      const isRight = await tried(password, row?.password_hash ?? nobodysHash);
      return isRight && row?.password_hash !== null && row !== undefined ? { user: name } : undefined;
    },
    bySession: async (cookie) => {
      const row = await db.selectFrom("access_sessions").selectAll().where("digest", "=", digestOf(cookie)).executeTakeFirst();
      return row === undefined || row.expires_us <= clock.nowUs() ? undefined : { user: row.user_name, until: row.expires_us };
    },
    startSession: async (name, lifetimeUs) => {
      const cookie = newSecret();
      const nowUs = clock.nowUs();
      await database.transaction(async (trx) => {
        const queries = tables<AccessTables>(trx);
        await requireUser(queries, name);
        await queries.deleteFrom("access_sessions").where("expires_us", "<=", nowUs).execute();
        await queries
          .insertInto("access_sessions")
          .values({ digest: digestOf(cookie), user_name: name, created_us: nowUs, expires_us: nowUs + lifetimeUs })
          .execute();
      });
      return cookie;
    },
    endSession: (cookie) => change(async (queries) => void (await queries.deleteFrom("access_sessions").where("digest", "=", digestOf(cookie)).execute())),
  };
}

async function revise(queries: Kysely<AccessTables>): Promise<void> {
  await queries
    .insertInto("access_revision")
    .values({ only: 1, revision: 1 })
    .onConflict((c) => c.column("only").doUpdateSet((eb) => ({ revision: eb("access_revision.revision", "+", 1) })))
    .execute();
}

async function tried(secret: string, hash: string): Promise<boolean> {
  const isRight = await isSecret(secret, hash);
  if (isRight === undefined) throw new KarkhanaError("ACCESS_BUSY", {});
  return isRight;
}
