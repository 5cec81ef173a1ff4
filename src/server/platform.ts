import { availableParallelism, totalmem } from "node:os";
import { readFeedback } from "../feedback/log.ts";
import { createMonitorConsumer, type MonitorConsumer } from "../monitoring/consumer.ts";
import { parseProfile } from "../monitoring/profile-file.ts";
import type { LoadedProject } from "../project/load.ts";
import { ProgressBoard } from "../workflows/progress.ts";
import type { Platform } from "../workflows/platform.ts";
import { ServingClient } from "../workflows/serving-client.ts";
import { removeLeftovers, tempFolderOf } from "./leftovers.ts";
import type { Stores } from "./stores.ts";
import { stopwatch, systemClock } from "./system.ts";

/** Everything workflows use, on the control process's stores. For one process of a data folder at a time. */
export async function openPlatform(project: LoadedProject, stores: Stores, servingUrl: string): Promise<Platform & { readonly close: () => Promise<void> }> {
  await removeLeftovers(stores.folder);
  const { logFolder } = stores.folder;
  const feedback = await readFeedback(logFolder);
  const client = new ServingClient({ baseUrl: servingUrl, maxSockets: 32, patienceMs: 60_000 });
  const board = new ProgressBoard(stopwatch);
  const consumers = monitorConsumers(project, stores, feedback);
  return {
    project,
    places: {
      projectFile: project.file,
      projectFolder: project.folder,
      offlineFolder: stores.folder.offlineFolder,
      blobsFolder: stores.folder.blobsFolder,
      logFolder,
      tempFolder: tempFolderOf(stores.folder),
      onlineStore: stores.onlineStore,
    },
    database: stores.database,
    blobs: stores.blobs,
    datasets: stores.datasets,
    tracking: stores.tracking,
    registry: stores.registry,
    monitoring: stores.monitoring,
    pipelines: stores.pipelines,
    feedback,
    board,
    eventClock: stores.eventClock,
    machineClock: systemClock,
    serving: () => client,
    servingUrl: () => servingUrl,
    watch: async (untilUs) => {
      for (const consumer of consumers.values()) {
        for (const event of await consumer.advance(untilUs)) {
          if (event.kind === "alert-raised") board.tell({ event: "alert", atUs: event.alert.raisedUs, kind: event.alert.kind, text: event.alert.summary });
          if (event.kind === "alert-resolved") board.tell({ event: "log", atUs: untilUs, text: `resolved: ${event.alert.summary}` });
        }
      }
    },
    peakMemoryMb: async () => {
      const own = process.resourceUsage().maxRSS / 1024;
      const stats = await client.get<{ process?: { maxRssMb?: number } }>("/v1/stats");
      return own + (stats.process?.maxRssMb ?? 0);
    },
    threads: Math.min(4, availableParallelism()),
    memoryLimitMb: Math.round(Math.min(4096, totalmem() / 1024 / 1024 / 4)),
    close: async () => {
      client.close();
      await feedback.close();
    },
  };
}

function monitorConsumers(project: LoadedProject, stores: Stores, reader: Awaited<ReturnType<typeof readFeedback>>): Map<string, MonitorConsumer> {
  return new Map(
    project.definition.models.map((model) => [
      model.name,
      createMonitorConsumer({
        model: model.name,
        policy: model.monitors,
        reader,
        store: stores.monitoring,
        loadProfile: async (version) => {
          const { artifactPath } = await stores.registry.getVersion(model.name, version);
          return parseProfile(Buffer.from(await stores.blobs.get(`${artifactPath}/profile.json`)).toString());
        },
      }),
    ]),
  );
}
