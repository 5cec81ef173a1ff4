/** A serving process of model files alone, started by `serve-peers.ts` as a child. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openFeedbackLog } from "../src/feedback/log.ts";
import { statusOf } from "../src/server/error-status.ts";
import { systemClock, systemId } from "../src/server/system.ts";
import { createServing } from "../src/serving/app.ts";
import { openFileBlobs } from "../src/storage/blobs/files.ts";

const folder = mkdtempSync(path.join(tmpdir(), "karkhana-files-"));
const feedback = await openFeedbackLog(path.join(folder, "log"));
const serving = await createServing({
  project: { kind: "project", name: "bench", models: [] },
  registry: { listDeployments: () => Promise.resolve([]), getVersion: () => Promise.reject(new Error("there is no registry here")) },
  blobs: await openFileBlobs(path.join(folder, "blobs")),
  online: {
    reader: () => () => undefined,
    columnsReader: () => () => Promise.reject(new Error("there are no features here")),
    ingest: () => Promise.resolve({}),
  },
  feedback,
  clock: systemClock,
  newId: systemId,
  statusOf,
  modelsFolder: process.argv[2]!,
});
const { port } = await serving.listen({ host: "127.0.0.1", port: 0 });
process.send!({ port });

process.on("message", () => void close());
process.on("disconnect", () => void close());
let closing = false;
async function close(): Promise<void> {
  if (closing) return;
  closing = true;
  await serving.close();
  await feedback.close();
  rmSync(folder, { recursive: true, force: true });
  process.exit();
}
