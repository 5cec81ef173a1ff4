/**
 * Makes versions as fast as it can and delivers webhooks meanwhile: node registry-killed.child.ts <database> <model> <name> <last>
 * Prints each version's number once it is acknowledged. With <last> it makes none, and ends when nothing is owed any more.
 */
import { writeSync } from "node:fs";
import { createModelCatalog } from "../../../src/registry/catalog-store.ts";
import { createRegistry } from "../../../src/registry/store.ts";
import { createDeliverer } from "../../../src/registry/webhooks/deliverer.ts";
import { createVault } from "../../../src/registry/webhooks/sealed.ts";
import { announceToWebhooks, createOutbox } from "../../../src/registry/webhooks/outbox.ts";
import { systemClock, systemId } from "../../../src/server/system.ts";
import { webhookParts } from "../../../src/server/webhook-parts.ts";
import { openSql } from "../../contract/sql-fixture.ts";

const [address, model, writer, last] = process.argv.slice(2);
const database = await openSql(address!);
const announce = announceToWebhooks({ clock: systemClock, newId: systemId });
const catalog = createModelCatalog({
  database,
  clock: systemClock,
  newId: systemId,
  announce,
  registry: createRegistry({ database, clock: systemClock, announce }),
});
const outbox = createOutbox(database, systemClock);
// A second instead of a minute: the test does not wait for what the one before had claimed.
const deliverer = createDeliverer({ ...webhookParts(database, createVault([], "nowhere"), "127.0.0.1"), outbox, leaseUs: 1_000_000 });
if (last === undefined) {
  void (async () => {
    for (;;) {
      await deliverer.deliverDue();
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  for (let i = 0; ; i++) {
    const source = `s3://${writer}/${i}`;
    const { version } = await catalog.createVersion({ model: model!, source, downloadUri: source, artifactPath: "", runId: "", tags: { writer: writer! } });
    writeSync(1, `${version}\n`);
  }
}
while ((await outbox.waiting()) > 0) {
  await deliverer.deliverDue();
  await new Promise((resolve) => setImmediate(resolve));
}
await database.close();
