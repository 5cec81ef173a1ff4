import { sql } from "kysely";

import type { Clock, Micros } from "../../kernel/clock.ts";
import type { NewId } from "../../kernel/ids.ts";
import { formatIso } from "../../kernel/time.ts";
import { defaultWorkspace } from "../../kernel/workspace.ts";
import type { SqlDatabase, SqlTransaction } from "../../storage/sql/port.ts";
import { tables } from "../../storage/sql/tables.ts";
import type { Announce } from "../notice.ts";
import { placeOfKey } from "../model-key.ts";
import type { RegistryQueries } from "../read.ts";
import type { RegistryTables } from "../tables.ts";
import { eventOf, promptTag, type WebhookEvent } from "./event.ts";

/** One message to one webhook. Its id and body stay the same however often it is sent. */
export interface Delivery {
  readonly deliveryId: string;
  readonly webhookId: string;
  readonly body: string;
  /** How often it has been begun, this time included. */
  readonly attempt: number;
}

/** The given-up deliveries that are kept to be looked at. */
const keptFailures = 1000;

/** MLflow names the workspace where there is more than `default`. */
export function messageBody(event: WebhookEvent, data: object, nowUs: Micros, workspace: string = defaultWorkspace): string {
  const [entity, action] = event.split(".");
  return JSON.stringify({ entity, action, timestamp: formatIso(nowUs), data, ...(workspace === defaultWorkspace ? {} : { workspace }) });
}

/** Writes a delivery for each webhook that asks for the event, in the transaction of what happened: both are there or neither. */
export function announceToWebhooks({ clock, newId }: { clock: Clock; newId: NewId }): Announce {
  return async (trx, notice) => {
    const db = tables<RegistryTables>(trx);
    const told = eventOf(notice, await isPrompt(db, notice.data.name));
    if (told === undefined) return;
    const { workspace, name } = placeOfKey(notice.data.name);
    const subscribers = await db
      .selectFrom("registry_webhooks as w")
      .innerJoin("registry_webhook_events as e", "e.webhook_id", "w.webhook_id")
      .select("w.webhook_id")
      .where("e.event", "=", told.event)
      .where("w.status", "=", "ACTIVE")
      .where("w.workspace", "=", workspace)
      .execute();
    if (subscribers.length === 0) return;
    const nowUs = clock.nowUs();
    const body = messageBody(told.event, { ...told.data, name }, nowUs, workspace);
    for (const { webhook_id } of subscribers)
      await db
        .insertInto("registry_deliveries")
        .values({ delivery_id: newId(), webhook_id, body, created_us: nowUs, attempts: 0, due_us: nowUs, problem: null, gave_up: 0 })
        .execute();
  };
}

async function isPrompt(db: RegistryQueries, model: string): Promise<boolean> {
  const tag = await db.selectFrom("registry_model_tags").select("value").where("model", "=", model).where("key", "=", promptTag).executeTakeFirst();
  return tag?.value.toLowerCase() === "true";
}

/** Deliveries still owed. A claim moves a delivery's due time ahead, so that one whose sender died comes up again by itself. */
export interface Outbox {
  claim(limit: number, leaseUs: Micros): Promise<Delivery[]>;
  delivered(deliveryId: string): Promise<void>;
  retry(deliveryId: string, dueUs: Micros, problem: string): Promise<void>;
  giveUp(deliveryId: string, problem: string): Promise<void>;
  waiting(): Promise<number>;
}

export function createOutbox(database: SqlDatabase, clock: Clock): Outbox {
  const db = tables<RegistryTables>(database.db);
  const write = <T>(work: (queries: RegistryQueries) => Promise<T>): Promise<T> =>
    database.transaction((trx: SqlTransaction) => work(tables<RegistryTables>(trx)));
  const due = (queries: RegistryQueries, nowUs: Micros) => queries.selectFrom("registry_deliveries").where("gave_up", "=", 0).where("due_us", "<=", nowUs);
  return {
    claim: async (limit, leaseUs) => {
      // A look first: an outbox with nothing due costs no write.
      if ((await due(db, clock.nowUs()).select("delivery_id").limit(1).executeTakeFirst()) === undefined) return [];
      return write(async (queries) => {
        const nowUs = clock.nowUs();
        // Two senders of one PostgreSQL take their turns, and see each other's claims.
        if (database.dialect === "postgres") await sql`lock table registry_deliveries in exclusive mode`.execute(queries);
        const rows = await due(queries, nowUs).selectAll().orderBy("due_us").orderBy("delivery_id").limit(limit).execute();
        for (const { delivery_id } of rows)
          await queries
            .updateTable("registry_deliveries")
            .set((eb) => ({ attempts: eb("attempts", "+", 1), due_us: nowUs + leaseUs }))
            .where("delivery_id", "=", delivery_id)
            .execute();
        return rows.map((row) => ({ deliveryId: row.delivery_id, webhookId: row.webhook_id, body: row.body, attempt: row.attempts + 1 }));
      });
    },
    delivered: (deliveryId) => write(async (queries) => void (await queries.deleteFrom("registry_deliveries").where("delivery_id", "=", deliveryId).execute())),
    retry: (deliveryId, dueUs, problem) =>
      write(
        async (queries) =>
          void (await queries.updateTable("registry_deliveries").set({ due_us: dueUs, problem }).where("delivery_id", "=", deliveryId).execute()),
      ),
    giveUp: (deliveryId, problem) =>
      write(async (queries) => {
        await queries.updateTable("registry_deliveries").set({ gave_up: 1, problem }).where("delivery_id", "=", deliveryId).execute();
        const oldest = await queries
          .selectFrom("registry_deliveries")
          .select("delivery_id")
          .where("gave_up", "=", 1)
          .orderBy("created_us", "desc")
          .offset(keptFailures)
          .limit(100)
          .execute();
        for (const { delivery_id } of oldest) await queries.deleteFrom("registry_deliveries").where("delivery_id", "=", delivery_id).execute();
      }),
    waiting: async () => {
      const { count } = await db
        .selectFrom("registry_deliveries")
        .select((eb) => eb.fn.countAll<number>().as("count"))
        .where("gave_up", "=", 0)
        .executeTakeFirstOrThrow();
      return count;
    },
  };
}
