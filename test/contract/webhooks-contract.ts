import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ManualClock } from "../../src/kernel/clock.ts";
import type { ModelCatalog } from "../../src/registry/catalog.ts";
import { createModelCatalog } from "../../src/registry/catalog-store.ts";
import { createRegistry } from "../../src/registry/store.ts";
import { registryMigrations } from "../../src/registry/tables.ts";
import { createDeliverer, type Deliverer } from "../../src/registry/webhooks/deliverer.ts";
import { announceToWebhooks, createOutbox, type Outbox } from "../../src/registry/webhooks/outbox.ts";
import { TargetRefused, type WebhookRequest, type WebhookResponse } from "../../src/registry/webhooks/send.ts";
import { createVault } from "../../src/registry/webhooks/sealed.ts";
import { createWebhooks, sealSecrets, type Webhooks } from "../../src/registry/webhooks/webhooks.ts";
import { openSql, type MakeSqlFixture, type SqlFixture } from "./sql-fixture.ts";

const second = 1_000_000;

/** What every database must keep of the promises about webhooks: who is told, when again, and that nothing owed is forgotten. */
export function webhooksContract(name: string, makeFixture: MakeSqlFixture): void {
  describe(`webhooks on ${name}`, () => {
    let fixture: SqlFixture;
    let clock: ManualClock;
    let webhooks: Webhooks;
    let catalog: ModelCatalog;
    let outbox: Outbox;
    let deliverer: Deliverer;
    let sent: WebhookRequest[];
    let answers: (WebhookResponse | Error)[];

    beforeEach(async () => {
      fixture = await makeFixture(registryMigrations);
      clock = new ManualClock(1000 * second);
      let ids = 0;
      const newId = (): string => `id-${String(ids++).padStart(4, "0")}`;
      const { database } = fixture;
      const announce = announceToWebhooks({ clock, newId });
      catalog = createModelCatalog({ database, clock, newId, announce, registry: createRegistry({ database, clock, announce }) });
      webhooks = createWebhooks({ database, clock, newId, vault: createVault([Buffer.alloc(32, 1)], "here") });
      outbox = createOutbox(database, clock);
      [sent, answers] = [[], []];
      const send = async (request: WebhookRequest): Promise<WebhookResponse> => {
        sent.push(request);
        const answer = answers.shift() ?? { status: 200, body: "" };
        if (answer instanceof Error) throw answer;
        return answer;
      };
      deliverer = createDeliverer({ outbox, webhooks, send, clock });
    });
    afterEach(() => fixture.dispose());

    const hook = { name: "hook", url: "https://hook.example/x", events: ["model_version.created", "registered_model.created"] as const };
    const idOf = (request: WebhookRequest): string | undefined => request.headers["x-mlflow-delivery-id"];

    it("are kept as they were given, without their secret, newest first", async () => {
      const first = await webhooks.create({ ...hook, secret: "s", description: "d" });
      clock.advanceBy(second);
      const other = await webhooks.create({ ...hook, name: "second" });
      expect(first).toEqual({
        webhookId: first.webhookId,
        name: "hook",
        url: hook.url,
        events: hook.events,
        description: "d",
        status: "ACTIVE",
        createdUs: 1000 * second,
        updatedUs: 1000 * second,
      });
      const page = await webhooks.list({ limit: 1 });
      expect(page.items).toEqual([other]);
      expect((await webhooks.list({ limit: 1, token: page.nextToken })).items).toEqual([first]);
      expect(await webhooks.secretOf(first.webhookId)).toBe("s");
      const changed = await webhooks.update(first.webhookId, { events: ["model_version_tag.set"], status: "DISABLED", secret: "" });
      expect(changed).toMatchObject({ name: "hook", events: ["model_version_tag.set"], status: "DISABLED", updatedUs: 1001 * second });
      expect(await webhooks.secretOf(first.webhookId)).toBeUndefined();
      await webhooks.delete(first.webhookId);
      for (const work of [() => webhooks.get(first.webhookId), () => webhooks.delete(first.webhookId), () => webhooks.update(first.webhookId, {})])
        await expect(work()).rejects.toMatchObject({ code: "WEBHOOK_NOT_FOUND" });
    });

    it("keep their secrets sealed, and seal those of before and of an older key anew", async () => {
      const { database } = fixture;
      const kept = async (): Promise<string> => {
        const { rows } = await sql<{ secret: string }>`select secret from registry_webhooks`.execute(database.db);
        return rows[0]!.secret;
      };
      const { webhookId } = await webhooks.create({ ...hook, secret: "in nobody's copy" });
      expect(await kept()).toMatch(/^sealed\.v1\.[0-9a-f]{16}\.[\w-]{16}\.[\w-]+$/);
      await webhooks.update(webhookId, { secret: "changed" });
      expect(await kept()).toMatch(/^sealed\.v1\./);
      expect(await webhooks.secretOf(webhookId)).toBe("changed");
      // As it was kept before there were keys.
      await sql`update registry_webhooks set secret = 'plain'`.execute(database.db);
      const [older, newer] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
      expect(await sealSecrets(database, createVault([older], "here"))).toBe(1);
      expect(await sealSecrets(database, createVault([older], "here"))).toBe(0);
      expect(await webhooks.secretOf(webhookId)).toBe("plain");
      const byOlder = await kept();
      expect(await sealSecrets(database, createVault([newer], "here"))).toBe(0);
      expect(await kept()).toBe(byOlder);
      expect(await sealSecrets(database, createVault([newer, older], "here"))).toBe(1);
      expect(createVault([newer], "here").open(await kept(), webhookId)).toBe("plain");
      await expect(webhooks.secretOf(webhookId)).rejects.toMatchObject({ code: "SECRET_KEY_MISSING", details: { place: "here" } });
    });

    it("wait, signed by nobody, while the key of their secret is not there", async () => {
      await webhooks.create({ ...hook, secret: "s" });
      const { database } = fixture;
      const without = createWebhooks({ database, clock, newId: () => "x", vault: createVault([], "/data/secret.key") });
      const send = async (): Promise<WebhookResponse> => {
        throw new Error("it was sent");
      };
      await catalog.createModel({ name: "m", tags: {} });
      await createDeliverer({ outbox, webhooks: without, send, clock }).deliverDue();
      const { rows } = await sql<{ problem: string; gave_up: number }>`select problem, gave_up from registry_deliveries`.execute(database.db);
      expect(rows).toEqual([{ problem: expect.stringContaining("which is not in /data/secret.key"), gave_up: 0 }]);
    });

    it("are told of the events they ask for, signed, once", async () => {
      await webhooks.create({ ...hook, secret: "s" });
      await webhooks.create({ ...hook, name: "other", events: ["model_version_tag.set"] });
      await webhooks.create({ ...hook, name: "off", status: "DISABLED" });
      await catalog.createModel({ name: "m", tags: { t: "1" }, description: "d" });
      expect(await deliverer.deliverDue()).toBe(1);
      expect(await deliverer.deliverDue()).toBe(0);
      expect(JSON.parse(sent[0]!.body)).toEqual({
        entity: "registered_model",
        action: "created",
        timestamp: "1970-01-01T00:16:40Z",
        data: { name: "m", tags: { t: "1" }, description: "d" },
      });
      expect(sent[0]).toMatchObject({
        url: hook.url,
        headers: { "content-type": "application/json", "x-mlflow-timestamp": "1000", "x-mlflow-signature": expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/) },
      });
      expect(await outbox.waiting()).toBe(0);
    });

    it("are told nothing of what did not happen", async () => {
      await webhooks.create(hook);
      await catalog.createModel({ name: "m", tags: {} });
      await deliverer.deliverDue();
      await expect(catalog.createModel({ name: "m", tags: {} })).rejects.toMatchObject({ code: "REGISTERED_MODEL_EXISTS" });
      await expect(catalog.createVersion({ model: "none", source: "s3://b", downloadUri: "", artifactPath: "", runId: "", tags: {} })).rejects.toMatchObject({
        code: "REGISTERED_MODEL_NOT_FOUND",
      });
      expect(await outbox.waiting()).toBe(0);
    });

    it("are tried again, twice as long after each failure, with the same id and body and a new time", async () => {
      await webhooks.create({ ...hook, secret: "s" });
      await catalog.createModel({ name: "m", tags: {} });
      answers = [{ status: 503, body: "" }, new Error("connection reset"), { status: 429, body: "", retryAfterSeconds: 100 }];
      expect(await deliverer.deliverDue()).toBe(1);
      for (const wait of [1, 2, 100]) {
        clock.advanceBy(wait * second - 1);
        expect(await deliverer.deliverDue()).toBe(0);
        clock.advanceBy(1);
        expect(await deliverer.deliverDue()).toBe(1);
      }
      expect(new Set(sent.map(idOf)).size).toBe(1);
      expect(new Set(sent.map((request) => request.body)).size).toBe(1);
      expect(new Set(sent.map((request) => request.headers["x-mlflow-signature"])).size).toBe(4);
      expect(await outbox.waiting()).toBe(0);
    });

    it("are not asked again for what they refuse, nor where they may not be", async () => {
      await webhooks.create(hook);
      answers = [{ status: 400, body: "" }, { status: 302, body: "" }, new TargetRefused("inside")];
      for (let i = 0; i < 3; i++) {
        await catalog.createModel({ name: `m${i}`, tags: {} });
        expect(await deliverer.deliverDue()).toBe(1);
      }
      clock.advanceBy(86_400 * second);
      expect(await deliverer.deliverDue()).toBe(0);
      expect(await outbox.waiting()).toBe(0);
    });

    it("are given up after about a day of failing", async () => {
      await webhooks.create(hook);
      await catalog.createModel({ name: "m", tags: {} });
      const start = clock.nowUs();
      answers = Array.from({ length: 100 }, () => ({ status: 500, body: "" }));
      while ((await outbox.waiting()) > 0) {
        await deliverer.deliverDue();
        clock.advanceBy(second);
        if ((await deliverer.deliverDue()) === 0) clock.advanceBy(600 * second);
      }
      expect(sent).toHaveLength(30);
      expect((clock.nowUs() - start) / second / 3600).toBeGreaterThan(12);
    });

    it("get what a sender that died had claimed, with the same id", async () => {
      await webhooks.create(hook);
      await catalog.createModel({ name: "m", tags: {} });
      const [claimed] = await outbox.claim(8, 60 * second);
      expect(await deliverer.deliverDue()).toBe(0);
      clock.advanceBy(60 * second);
      expect(await deliverer.deliverDue()).toBe(1);
      expect(idOf(sent[0]!)).toBe(claimed?.deliveryId);
    });

    it("are sent each delivery by one of two senders", async () => {
      await webhooks.create(hook);
      for (let i = 0; i < 12; i++) await catalog.createModel({ name: `m${i}`, tags: {} });
      const other = await openSql(fixture.address);
      try {
        const boxes = [outbox, createOutbox(other, clock)];
        const claims = await Promise.all(Array.from({ length: 4 }, (_, i) => boxes[i % 2]!.claim(5, 60 * second)));
        const ids = claims.flat().map((delivery) => delivery.deliveryId);
        expect(ids).toHaveLength(12);
        expect(new Set(ids).size).toBe(12);
      } finally {
        await other.close();
      }
    });

    it("that are deleted or disabled are owed nothing", async () => {
      const gone = await webhooks.create(hook);
      const off = await webhooks.create({ ...hook, name: "off" });
      await catalog.createModel({ name: "m", tags: {} });
      await webhooks.delete(gone.webhookId);
      await webhooks.update(off.webhookId, { status: "DISABLED" });
      await deliverer.deliverDue();
      expect([sent, await outbox.waiting()]).toEqual([[], 0]);
    });

    it("hear of prompts under the prompts' own events", async () => {
      await webhooks.create({ ...hook, events: ["prompt.created", "prompt_version.created", "prompt_tag.set", "prompt_alias.created"] });
      await webhooks.create({ ...hook, name: "models only" });
      const mark = { "mlflow.prompt.is_prompt": "true" };
      await catalog.createModel({ name: "p", tags: { ...mark, team: "ops" } });
      const tags = { ...mark, "mlflow.prompt.text": "Hello {{name}}", k: "v" };
      await catalog.createVersion({ model: "p", source: "dummy-source", downloadUri: "dummy-source", artifactPath: "", runId: "", tags });
      await catalog.setModelTag("p", "a", "b");
      await catalog.setAlias("p", "best", 1);
      await deliverer.deliverDue();
      const told = sent.map(({ body }): { entity: string; data: object } => JSON.parse(body)).sort((a, b) => (a.entity < b.entity ? -1 : 1));
      expect(told.map(({ entity, data }) => [entity, data])).toEqual([
        ["prompt", { name: "p", tags: { team: "ops" }, description: null }],
        ["prompt_alias", { name: "p", alias: "best", version: "1" }],
        ["prompt_tag", { name: "p", key: "a", value: "b" }],
        ["prompt_version", { name: "p", version: "1", template: "Hello {{name}}", tags: { k: "v" }, description: null }],
      ]);
    });
  });
}
