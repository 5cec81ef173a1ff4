import type { Clock, Micros } from "../../kernel/clock.ts";
import { codeOf, KarkhanaError } from "../../kernel/error.ts";
import type { NewId } from "../../kernel/ids.ts";
import { defaultWorkspace } from "../../kernel/workspace.ts";
import { holdWorkspace } from "../../tracking/workspaces.ts";
import type { SqlDatabase, SqlTransaction } from "../../storage/sql/port.ts";
import { tables } from "../../storage/sql/tables.ts";
import { readRows } from "../../tracking/search/page.ts";
import { sql, type Selectable } from "kysely";
import type { CatalogPage } from "../catalog.ts";
import type { RegistryQueries } from "../read.ts";
import type { RegistryTables } from "../tables.ts";
import type { WebhookEvent, WebhookStatus } from "./event.ts";
import type { Vault } from "./sealed.ts";

/** The secret is never given out again: only `secretOf`, for signing, reads it. */
export interface Webhook {
  readonly webhookId: string;
  readonly name: string;
  readonly url: string;
  readonly events: readonly WebhookEvent[];
  readonly description?: string;
  readonly status: WebhookStatus;
  readonly createdUs: Micros;
  readonly updatedUs: Micros;
}

export interface WebhookChange {
  readonly name?: string | undefined;
  readonly url?: string | undefined;
  readonly events?: readonly WebhookEvent[] | undefined;
  readonly description?: string | undefined;
  readonly secret?: string | undefined;
  readonly status?: WebhookStatus | undefined;
}

/** Who is told of what happens in the registry. All that take an id throw WEBHOOK_NOT_FOUND. */
export interface Webhooks {
  /** Those of one workspace: what is of another is not there. */
  inWorkspace(workspace: string): Webhooks;
  create(input: WebhookChange & { name: string; url: string; events: readonly WebhookEvent[] }): Promise<Webhook>;
  get(webhookId: string): Promise<Webhook>;
  update(webhookId: string, change: WebhookChange): Promise<Webhook>;
  /** What was still to be delivered is dropped. */
  delete(webhookId: string): Promise<void>;
  /** Newest first. @throws SEARCH_INVALID for a token it did not make */
  list(page: { limit: number; token?: string | undefined }): Promise<CatalogPage<Webhook>>;
  secretOf(webhookId: string): Promise<string | undefined>;
}

interface Parts {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Secrets are kept sealed. */
  readonly vault: Vault;
}

/** Those of `default`. */
export function createWebhooks(parts: Parts): Webhooks {
  return webhooksOf(parts, defaultWorkspace);
}

/** Of every workspace: for whoever delivers to them. */
export function everyWebhook({ database, vault }: Pick<Parts, "database" | "vault">): Pick<Webhooks, "get" | "secretOf"> {
  const db = tables<RegistryTables>(database.db);
  return {
    get: (webhookId) => webhookOf(db, webhookId, undefined),
    secretOf: async (webhookId) => secretIn(await rowOf(db, webhookId, undefined), vault),
  };
}

function secretIn({ webhook_id: id, secret }: Row, vault: Vault): string | undefined {
  return secret === null ? undefined : vault.open(secret, id);
}

/**
 * Seals with the newest key what is plain text or an older key's. May be repeated, and by two processes at once.
 * @returns how many were sealed; what an absent key sealed stays as it is
 */
export async function sealSecrets(database: SqlDatabase, vault: Vault): Promise<number> {
  const db = tables<RegistryTables>(database.db);
  const rows = await db.selectFrom("registry_webhooks").select(["webhook_id", "secret"]).where("secret", "is not", null).execute();
  let sealed = 0;
  for (const { webhook_id: id, secret: kept } of rows) {
    if (kept === null || vault.isCurrent(kept)) continue;
    let secret: string;
    try {
      secret = vault.seal(vault.open(kept, id), id);
    } catch (error) {
      if (codeOf(error) === "SECRET_KEY_MISSING" || codeOf(error) === "SECRET_DAMAGED") continue;
      throw error;
    }
    await database.transaction(async (trx) => {
      // SQLite would keep the plain text in the page it was deleted from.
      if (database.dialect === "sqlite") await sql`pragma secure_delete = on`.execute(trx);
      await tables<RegistryTables>(trx).updateTable("registry_webhooks").set({ secret }).where("webhook_id", "=", id).where("secret", "=", kept).execute();
    });
    sealed++;
  }
  return sealed;
}

function webhooksOf(parts: Parts, workspace: string): Webhooks {
  const { database, clock, newId, vault } = parts;
  const db = tables<RegistryTables>(database.db);
  const write = <T>(work: (queries: RegistryQueries) => Promise<T>): Promise<T> =>
    database.transaction((trx: SqlTransaction) => work(tables<RegistryTables>(trx)));
  return {
    create: ({ name, url, events, description, secret, status }) =>
      database.transaction(async (trx) => {
        const queries = tables<RegistryTables>(trx);
        const nowUs = clock.nowUs();
        if (workspace !== defaultWorkspace) await holdWorkspace(trx, database.dialect, workspace);
        const webhookId = newId();
        const sealed = secret ? vault.seal(secret, webhookId) : null;
        const row = { webhook_id: webhookId, workspace, name, url, description: description ?? null, secret: sealed, status: status ?? "ACTIVE" };
        await queries
          .insertInto("registry_webhooks")
          .values({ ...row, created_us: nowUs, updated_us: nowUs })
          .execute();
        await subscribe(queries, row.webhook_id, events);
        return webhookOf(queries, row.webhook_id, workspace);
      }),
    inWorkspace: (name) => webhooksOf(parts, name),
    get: (webhookId) => webhookOf(db, webhookId, workspace),
    update: (webhookId, change) =>
      write(async (queries) => {
        await rowOf(queries, webhookId, workspace);
        const { name, url, description, status, secret } = change;
        await queries
          .updateTable("registry_webhooks")
          .set({
            ...(name === undefined ? {} : { name }),
            ...(url === undefined ? {} : { url }),
            ...(description === undefined ? {} : { description }),
            ...(secret === undefined ? {} : { secret: secret ? vault.seal(secret, webhookId) : null }),
            ...(status === undefined ? {} : { status }),
            updated_us: clock.nowUs(),
          })
          .where("webhook_id", "=", webhookId)
          .execute();
        if (change.events !== undefined) {
          await queries.deleteFrom("registry_webhook_events").where("webhook_id", "=", webhookId).execute();
          await subscribe(queries, webhookId, change.events);
        }
        return webhookOf(queries, webhookId, workspace);
      }),
    delete: (webhookId) =>
      write(async (queries) => {
        await rowOf(queries, webhookId, workspace);
        for (const table of ["registry_deliveries", "registry_webhook_events", "registry_webhooks"] as const)
          await queries.deleteFrom(table).where("webhook_id", "=", webhookId).execute();
      }),
    list: async ({ limit, token }) => {
      const page = await readRows<RegistryTables, "registry_webhooks">(database.db, {
        table: "registry_webhooks",
        conditions: [sql`r.workspace = ${workspace}`],
        sort: [
          { expression: sql`r.created_us`, type: "number", descending: true },
          { expression: sql`r.webhook_id`, type: "text", descending: true },
        ],
        limit,
        token,
      });
      const items = await withEvents(db, page.rows);
      return page.nextToken === undefined ? { items } : { items, nextToken: page.nextToken };
    },
    secretOf: async (webhookId) => secretIn(await rowOf(db, webhookId, workspace), vault),
  };
}

type Row = Selectable<RegistryTables["registry_webhooks"]>;

async function rowOf(db: RegistryQueries, webhookId: string, workspace: string | undefined): Promise<Row> {
  const row = await db.selectFrom("registry_webhooks").selectAll().where("webhook_id", "=", webhookId).executeTakeFirst();
  if (row === undefined || (workspace !== undefined && row.workspace !== workspace))
    throw new KarkhanaError("WEBHOOK_NOT_FOUND", { webhookId: webhookId.slice(0, 100) });
  return row;
}

async function webhookOf(db: RegistryQueries, webhookId: string, workspace: string | undefined): Promise<Webhook> {
  const [webhook] = await withEvents(db, [await rowOf(db, webhookId, workspace)]);
  if (webhook === undefined) throw new KarkhanaError("WEBHOOK_NOT_FOUND", { webhookId });
  return webhook;
}

async function subscribe(db: RegistryQueries, webhookId: string, events: readonly WebhookEvent[]): Promise<void> {
  for (const [position, event] of [...new Set(events)].entries())
    await db.insertInto("registry_webhook_events").values({ webhook_id: webhookId, event, position }).execute();
}

async function withEvents(db: RegistryQueries, rows: readonly Row[]): Promise<Webhook[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.webhook_id);
  const events = Map.groupBy(
    await db.selectFrom("registry_webhook_events").selectAll().where("webhook_id", "in", ids).orderBy("position").orderBy("event").execute(),
    (e) => e.webhook_id,
  );
  return rows.map((row) => {
    return {
      webhookId: row.webhook_id,
      name: row.name,
      url: row.url,
      events: (events.get(row.webhook_id) ?? []).map(({ event }) => event),
      ...(row.description === null ? {} : { description: row.description }),
      status: row.status,
      createdUs: row.created_us,
      updatedUs: row.updated_us,
    };
  });
}
