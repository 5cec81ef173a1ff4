/** The serving process that `features.ts` asks, started as a child: the program's own rooms over a data folder, without a model. */
import { randomBytes } from "node:crypto";
import path from "node:path";
import { createOnlineFeatures } from "../src/features/online/online-features.ts";
import { openFeedbackLog } from "../src/feedback/log.ts";
import { KarkhanaError } from "../src/kernel/error.ts";
import { idMaker } from "../src/kernel/ids.ts";
import { viewsOf } from "../src/project/definition.ts";
import { statusOf } from "../src/server/error-status.ts";
import { systemClock } from "../src/server/system.ts";
import { createServing } from "../src/serving/app.ts";
import { openFileBlobs } from "../src/storage/blobs/files.ts";
import { openLmdb } from "../src/storage/kv/lmdb.ts";
import { statsProject } from "./features-data.ts";

const [folder = "", data = ""] = process.argv.slice(2);
const { project } = statsProject(data);
const store = openLmdb(path.join(folder, "online"));
const feedback = await openFeedbackLog(path.join(folder, "log"));
const serving = await createServing({
  project,
  registry: {
    listDeployments: async () => [],
    getVersion: async (model, version) => {
      throw new KarkhanaError("VERSION_NOT_FOUND", { model, version });
    },
  },
  blobs: await openFileBlobs(path.join(folder, "blobs")),
  online: createOnlineFeatures({ store, views: project.models.flatMap((one) => viewsOf(one.service)) }),
  feedback,
  clock: systemClock,
  newId: idMaker(systemClock, (length) => randomBytes(length)),
  statusOf,
});
const { port } = await serving.listen({ host: "127.0.0.1", port: 0 });
process.send!({ port });

async function close(): Promise<void> {
  await serving.close();
  await feedback.close();
  await store.close();
  process.exit(0);
}
process.once("disconnect", () => void close());
