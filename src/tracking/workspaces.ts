import type { Selectable } from "kysely";
import type { Clock, Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { defaultWorkspace } from "../kernel/workspace.ts";
import type { SqlDatabase, SqlTransaction } from "../storage/sql/port.ts";
import { isUniqueViolation, tables } from "../storage/sql/tables.ts";
import type { TrackingTables } from "./tables.ts";

export interface Workspace {
  readonly name: string;
  readonly description?: string;
  /** What addresses of artifacts of new experiments begin with, in place of the server's own. */
  readonly artifactRoot?: string;
  readonly createdUs: Micros;
}

/** What a room keeps in a workspace. Each works in the transaction that deletes it. */
export interface WorkspaceContents {
  /** In MLflow's words, such as "experiments". */
  readonly kind: string;
  readonly count: (trx: SqlTransaction, workspace: string) => Promise<number>;
  /** @returns names that `to` has too, so that nothing can be moved */
  readonly conflicts: (trx: SqlTransaction, workspace: string, to: string) => Promise<string[]>;
  readonly move: (trx: SqlTransaction, workspace: string, to: string) => Promise<void>;
  /** @returns what is left to do once the transaction is committed */
  readonly remove: (trx: SqlTransaction, workspace: string) => Promise<(() => Promise<void>) | undefined>;
}

/** After MLflow: refuse what is not empty, delete all that is in it, or move that to `default`. */
export const deletionModes = ["RESTRICT", "CASCADE", "SET_DEFAULT"] as const;
export type DeletionMode = (typeof deletionModes)[number];

export interface WorkspaceChange {
  readonly description?: string | undefined;
  /** Empty: the server's own again. */
  readonly artifactRoot?: string | undefined;
}

/**
 * Parts of the data that know nothing of each other: experiments, registered models, webhooks and views belong to exactly one.
 * All that name one throw WORKSPACE_NOT_FOUND. `default` is always there.
 */
export interface Workspaces {
  /** By name. */
  list(): Promise<Workspace[]>;
  get(name: string): Promise<Workspace>;
  has(name: string): Promise<boolean>;
  /** @throws WORKSPACE_EXISTS, INVALID_ARGUMENT */
  create(name: string, change: WorkspaceChange): Promise<Workspace>;
  update(name: string, change: WorkspaceChange): Promise<Workspace>;
  /** @throws WORKSPACE_NOT_EMPTY, WORKSPACE_CONFLICT, INVALID_ARGUMENT for `default` */
  delete(name: string, mode: DeletionMode): Promise<void>;
}

interface Parts {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly contents: readonly WorkspaceContents[];
}

export function createWorkspaces({ database, clock, contents }: Parts): Workspaces {
  const db = tables<TrackingTables>(database.db);
  const rowOf = async (queries: typeof db, name: string): Promise<Row> => {
    const row = await queries.selectFrom("tracking_workspaces").selectAll().where("workspace", "=", name).executeTakeFirst();
    if (row === undefined) throw new KarkhanaError("WORKSPACE_NOT_FOUND", { workspace: name.slice(0, 100) });
    return row;
  };
  return {
    list: async () => (await db.selectFrom("tracking_workspaces").selectAll().execute()).map(toWorkspace).sort((a, b) => (a.name < b.name ? -1 : 1)),
    get: async (name) => toWorkspace(await rowOf(db, name)),
    has: async (name) =>
      name === defaultWorkspace ||
      (await db.selectFrom("tracking_workspaces").select("workspace").where("workspace", "=", name).executeTakeFirst()) !== undefined,
    create: async (name, { description, artifactRoot }) => {
      requireWorkspaceName(name);
      const row = { workspace: name, description: description ?? null, artifact_root: artifactRoot || null, created_us: clock.nowUs() };
      try {
        await database.transaction(async (trx) => void (await tables<TrackingTables>(trx).insertInto("tracking_workspaces").values(row).execute()));
      } catch (error) {
        if (isUniqueViolation(error)) throw new KarkhanaError("WORKSPACE_EXISTS", { workspace: name }, { cause: error });
        throw error;
      }
      return toWorkspace(row);
    },
    update: (name, { description, artifactRoot }) =>
      database.transaction(async (trx) => {
        const queries = tables<TrackingTables>(trx);
        const row = await rowOf(queries, name);
        const change = {
          ...(description === undefined ? {} : { description }),
          ...(artifactRoot === undefined ? {} : { artifact_root: artifactRoot || null }),
        };
        if (Object.keys(change).length > 0) await queries.updateTable("tracking_workspaces").set(change).where("workspace", "=", name).execute();
        return toWorkspace({ ...row, ...change });
      }),
    delete: async (name, mode) => {
      if (name === defaultWorkspace) refuseName(name, "is always there and cannot be deleted");
      const after = await database.transaction(async (trx) => {
        const queries = tables<TrackingTables>(trx);
        await rowOf(queries, name);
        // First, so that whoever puts something into it meanwhile waits for this transaction and then finds it gone.
        await queries.deleteFrom("tracking_workspaces").where("workspace", "=", name).execute();
        return emptied(trx, contents, name, mode);
      });
      for (const work of after) await work();
    },
  };
}

async function emptied(trx: SqlTransaction, contents: readonly WorkspaceContents[], name: string, mode: DeletionMode): Promise<(() => Promise<void>)[]> {
  if (mode === "RESTRICT") {
    for (const { kind, count } of contents) {
      const held = await count(trx, name);
      if (held > 0) throw new KarkhanaError("WORKSPACE_NOT_EMPTY", { workspace: name, kind, count: held });
    }
  }
  if (mode === "SET_DEFAULT") {
    const names: string[] = [];
    for (const { kind, conflicts } of contents) names.push(...(await conflicts(trx, name, defaultWorkspace)).map((n) => `${kind}: '${n}'`));
    if (names.length > 0) throw new KarkhanaError("WORKSPACE_CONFLICT", { workspace: name, names: names.slice(0, 20) });
    for (const { move } of contents) await move(trx, name, defaultWorkspace);
    return [];
  }
  const after: (() => Promise<void>)[] = [];
  for (const { remove } of contents) {
    const work = await remove(trx, name);
    if (work !== undefined) after.push(work);
  }
  return after;
}

/**
 * For whoever puts something into a workspace: it is there until this transaction ends.
 * @returns what addresses of its artifacts begin with, where it has a place of its own @throws WORKSPACE_NOT_FOUND
 */
export async function holdWorkspace(trx: SqlTransaction, dialect: SqlDatabase["dialect"], workspace: string): Promise<string | undefined> {
  const own = tables<TrackingTables>(trx).selectFrom("tracking_workspaces").select("artifact_root").where("workspace", "=", workspace);
  const row = await (dialect === "postgres" && workspace !== defaultWorkspace ? own.forShare() : own).executeTakeFirst();
  if (row === undefined) throw new KarkhanaError("WORKSPACE_NOT_FOUND", { workspace });
  return row.artifact_root ?? undefined;
}

const reserved: readonly string[] = ["workspaces", "api", "ajax-api", "static-files"];

/** MLflow's rules: its clients refuse what breaks them before they ask. @throws INVALID_ARGUMENT */
export function requireWorkspaceName(name: string): void {
  if (name === defaultWorkspace) refuseName(name, "is reserved and cannot be created");
  if (name.length < 2 || name.length > 63) refuseName(name, "must be between 2 and 63 characters");
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)) refuseName(name, "must be lowercase letters and digits, with hyphens only between them");
  if (reserved.includes(name)) refuseName(name, "is reserved and cannot be used");
}

function refuseName(name: string, problem: string): never {
  throw new KarkhanaError("INVALID_ARGUMENT", { field: "workspace", problem, value: name.slice(0, 100) });
}

type Row = Selectable<TrackingTables["tracking_workspaces"]>;

function toWorkspace(row: Row): Workspace {
  return {
    name: row.workspace,
    ...(row.description === null ? {} : { description: row.description }),
    ...(row.artifact_root === null ? {} : { artifactRoot: row.artifact_root }),
    createdUs: row.created_us,
  };
}
