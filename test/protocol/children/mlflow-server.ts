/**
 * Tracking servers for whoever speaks MLflow to them: one line in, one line out.
 *   open <folder> [direct] [databaseUrl]   prints the address of a server on the stores of that folder, made if it is not there
 *   close <url>                            prints "closed"
 *   memory                                 prints the resident bytes of this process
 * Ends with its standard input.
 */
import { createComparisons } from "../../../src/workflows/comparisons.ts";
import { createInterface } from "node:readline";
import { latestExchanges } from "../../../src/feedback/exchanges.ts";
import { readFeedback } from "../../../src/feedback/log.ts";
import { openStores } from "../../../src/server/compose.ts";
import { createControl } from "../../../src/server/control.ts";
import { openPathDesk } from "../../../src/server/path-desk.ts";
import { stopwatch, systemClock } from "../../../src/server/system.ts";
import { openMemoryStore } from "../../../src/storage/kv/memory.ts";
import { createEntityExplorer } from "../../../src/workflows/explore-entity.ts";
import { ProgressBoard } from "../../../src/workflows/progress.ts";
import { project } from "../../../src/project/definition.ts";

const open = new Map<string, () => Promise<void>>();

async function openServer(folder: string, options: readonly string[]): Promise<string> {
  const databaseUrl = options.find((option) => option.startsWith("postgres"));
  const stores = await openStores(folder, {
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(options.includes("direct") ? { artifactAccess: "direct" } : {}),
  });
  const feedback = await readFeedback(stores.folder.logFolder);
  const tracking = project("tracking", { models: [] });
  const explorer = createEntityExplorer({ views: [], relationOf: async () => undefined, openOnlineStore: async () => openMemoryStore(), tempFolder: folder });
  const path = openPathDesk({ rooms: { ...stores, feedback }, project: tracking, database: stores.database, clock: systemClock });
  const control = await createControl(
    {
      ...stores,
      explorer,
      path,
      project: tracking,
      feedback,
      exchanges: latestExchanges(stores.folder.logFolder),
      comparisons: createComparisons({ registry: stores.registry, logFolder: stores.folder.logFolder, timerMs: () => 0 }),
      progress: new ProgressBoard(stopwatch),
      clock: stores.eventClock,
    },
    { host: "127.0.0.1", port: 0, consoleFolder: "/dev/null/nowhere" },
  );
  open.set(control.url, async () => {
    await control.close();
    await feedback.close();
    await stores.close();
  });
  return control.url;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, subject = "", ...options] = line.trim().split(" ");
  if (verb === "open") console.log(await openServer(subject, options));
  else if (verb === "memory") console.log(process.memoryUsage.rss());
  else if (verb === "close") {
    await open.get(subject)?.();
    open.delete(subject);
    console.log("closed");
  }
}
for (const close of open.values()) await close();
process.exit(0);
