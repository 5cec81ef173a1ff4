/** The serving process under measurement: the program's own rooms over a data folder, started by `serve.ts` as a child. */
import { randomBytes } from "node:crypto";
import path from "node:path";
import { createOnlineFeatures } from "../src/features/online/online-features.ts";
import { openFeedbackLog } from "../src/feedback/log.ts";
import { idMaker } from "../src/kernel/ids.ts";
import { viewsOf } from "../src/project/definition.ts";
import { loadProject } from "../src/project/load.ts";
import { createRegistry } from "../src/registry/store.ts";
import { statusOf } from "../src/server/error-status.ts";
import { createServing } from "../src/serving/app.ts";
import { openFileBlobs } from "../src/storage/blobs/files.ts";
import { openLmdb } from "../src/storage/kv/lmdb.ts";
import { openSqlite } from "../src/storage/sql/sqlite.ts";
import { systemClock } from "../src/server/system.ts";
import { projectFolder } from "./serve-world.ts";

const folder = process.argv[2]!;
const { definition } = await loadProject(projectFolder);
const database = await openSqlite(path.join(folder, "meta.db"));
const blobs = await openFileBlobs(path.join(folder, "blobs"));
const store = openLmdb(path.join(folder, "online"));
const online = await createOnlineFeatures({ store, views: definition.models.flatMap((m) => viewsOf(m.service)) });
const feedback = await openFeedbackLog(path.join(folder, "log"));
const newId = idMaker(systemClock, (length) => randomBytes(length));
const registry = createRegistry({ database, clock: systemClock });
const serving = await createServing({
  project: definition,
  registry,
  blobs,
  online,
  feedback,
  clock: systemClock,
  newId,
  statusOf,
});
const { port } = await serving.listen({ host: "127.0.0.1", port: 0 });
process.send!({ port, health: serving.health() });

let closing: Promise<void> | undefined;
process.on("message", (message) => {
  if (message === "cpu") process.send!({ cpu: process.cpuUsage(), rssBytes: process.memoryUsage.rss() });
  if (message === "swap") void swap();
  if (message === "close") void (closing ??= close());
});
process.on("disconnect", () => void (closing ??= close()));

/** Promotes the next version; it is loaded, checked, warmed and put in force while questions are answered. */
async function swap(): Promise<void> {
  const fromMs = Date.now();
  const [deployed] = await registry.listDeployments();
  const { model, champion } = deployed!;
  await registry.promote(model, champion + 1, "a swap under load");
  await serving.refreshDeployments();
  process.send!({ fromMs, toMs: Date.now() });
}

async function close(): Promise<void> {
  await serving.close();
  await feedback.close();
  await store.close();
  await database.close();
  if (process.connected) process.disconnect();
}
