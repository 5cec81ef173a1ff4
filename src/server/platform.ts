import { availableParallelism, totalmem } from "node:os";
import { readFeedback } from "../feedback/log.ts";
import { relationOf } from "../data/relation.ts";
import type { SourceDefinition } from "../data/source.ts";
import { createMonitorConsumer, type MonitorConsumer } from "../monitoring/consumer.ts";
import type { MonitorEvent } from "../monitoring/monitor.ts";
import { parseProfile } from "../monitoring/profile-file.ts";
import type { Clock, Micros } from "../kernel/clock.ts";
import { codeOf } from "../kernel/error.ts";
import { sourcesOf, viewsOf } from "../project/definition.ts";
import type { LoadedProject } from "../project/load.ts";
import { ProgressBoard } from "../workflows/progress.ts";
import type { Places, Platform } from "../workflows/platform.ts";
import { keepCopies, pushedRelation, pushedStream, type PushedSourcesContext } from "../workflows/pushed-sources.ts";
import { createEntityExplorer, type EntityExplorer } from "../workflows/explore-entity.ts";
import { openOnlineStore } from "../workflows/jobs/online-store.ts";
import { createFreshnessWatch } from "../workflows/freshness-watch.ts";
import { createLiveRetraining } from "../workflows/live-retraining.ts";
import { createLiveWatch, liveEveryMs } from "../workflows/live-watch.ts";
import { createParityWatch, type ParityWatchInput } from "../workflows/parity-watch.ts";
import { repeatedly, type Repeated } from "../workflows/repeatedly.ts";
import { keepServedLogs } from "../workflows/served-logs.ts";
import { isReplayUnfinished } from "../workflows/unfinished-replay.ts";
import { keepVectors } from "../workflows/replaced-vectors.ts";
import { ServingClient } from "../workflows/serving-client.ts";
import { removeLeftovers, tempFolderOf } from "./leftovers.ts";
import type { Stores } from "./stores.ts";
import { stopwatch, systemClock } from "./system.ts";

const freshnessEveryMs = 15_000;
/** Looks at live traffic that little of it waits for the check of its parity. */
const quietRounds = 6;

export interface OpenPlatform extends Platform {
  readonly explorer: EntityExplorer;
  /**
   * From here on live traffic is watched: monitors and parity; and models are retrained on it, as far as the project lets them.
   * @param loop the project's loop where this process runs it, to its end; until then the time of its model is the replay's
   */
  readonly watchLive: (loop?: Promise<unknown>) => void;
  readonly close: () => Promise<void>;
}

/**
 * Everything workflows use, on the control process's stores. For one process of a data folder at a time.
 * @param everyMs between two looks at live traffic
 * @param clock the present that live traffic is watched in
 */
export async function openPlatform(
  project: LoadedProject,
  stores: Stores,
  servingUrl: string,
  everyMs: number = liveEveryMs,
  clock: Clock = systemClock,
): Promise<OpenPlatform> {
  await removeLeftovers(stores.folder);
  const { logFolder } = stores.folder;
  const feedback = await readFeedback(logFolder);
  const client = new ServingClient({ baseUrl: servingUrl, token: stores.internalToken, maxSockets: 32, patienceMs: 60_000 });
  const board = new ProgressBoard(stopwatch);
  /** Work that goes on beside everything else: what goes wrong there is told on the board and stops nothing. */
  const failed =
    (what: string) =>
    (error: unknown): void =>
      board.tell({ event: "log", atUs: stores.eventClock.nowUs(), text: `${what}: ${error instanceof Error ? error.message : String(error)}` });
  const consumers = monitorConsumers(project, stores, feedback);
  const size = { threads: Math.min(4, availableParallelism()), memoryLimitMb: Math.round(Math.min(4096, totalmem() / 1024 / 1024 / 4)) };
  const pushed: PushedSourcesContext = { places: placesOf(project, stores), machineClock: clock, memoryLimitMb: Math.round(size.memoryLimitMb / 4) };
  const relationNow = (source: SourceDefinition): Promise<string | undefined> =>
    source.format === "pushed" ? pushedRelation(source, pushed) : latestRelation(project, stores, source);
  const copies = keepCopies(sourcesOf(project.definition), pushed, failed("the offline copies of pushed rows could not be brought up to now"));
  const logs = keepServedLogs(project.definition, pushed.places, clock, failed("the retention of the logs could not be kept"));
  const vectors = keepVectors(
    project.definition.models.flatMap((model) => viewsOf(model.service)),
    { projectFile: pushed.places.projectFile, onlineStore: stores.onlineStore, eventClock: stores.eventClock },
    failed("replaced vectors could not be removed"),
  );
  const tellOfMonitors = (events: readonly MonitorEvent[], atUs: Micros): void => {
    for (const event of events) {
      if (event.kind === "alert-raised") board.tell({ event: "alert", atUs: event.alert.raisedUs, kind: event.alert.kind, text: event.alert.summary });
      if (event.kind === "alert-resolved") board.tell({ event: "log", atUs, text: `resolved: ${event.alert.summary}` });
    }
  };
  const parity = createParityWatch({
    quietMs: quietRounds * everyMs,
    store: stores.parity,
    reader: feedback,
    timerMs: stopwatch,
    clock,
    // One thread: it runs beside whatever the platform does, for as long as it serves.
    inputOf: (model) =>
      parityInput(project, stores, { relationNow, streamOf: (source) => pushedStream(source, pushed) }, model, {
        threads: 1,
        memoryLimitMb: Math.round(size.memoryLimitMb / 2),
      }),
    onAlert: (alert) => board.tell({ event: "alert", atUs: alert.raisedUs, kind: alert.kind, text: alert.summary }),
    onFailure: (model, error) => failed(`the parity of ${model} could not be checked`)(error),
  });
  const freshness = createFreshnessWatch({
    models: project.definition.models,
    database: stores.database,
    openOnlineStore: () => openOnlineStore(stores.onlineStore),
    clock: stores.eventClock,
    onAlert: (alert) =>
      board.tell(
        alert.status === "open"
          ? { event: "alert", atUs: alert.raisedUs, kind: alert.kind, text: alert.summary }
          : { event: "log", atUs: alert.resolvedUs ?? alert.raisedUs, text: `resolved: ${alert.summary}` },
      ),
  });
  const ages = repeatedly(freshnessEveryMs, () => freshness.check(), failed("the freshness of features could not be checked"));
  const explorer = createEntityExplorer({
    views: project.definition.models.flatMap((model) => viewsOf(model.service)),
    relationOf: relationNow,
    openOnlineStore: () => openOnlineStore(stores.onlineStore),
    tempFolder: tempFolderOf(stores.folder),
  });
  let live: readonly Repeated[] = [];
  const keepWatching = (loop: Promise<unknown> | undefined): readonly Repeated[] => {
    let isLoopRunning = loop !== undefined;
    const ended = (): void => void (isLoopRunning = false);
    loop?.then(ended, ended);
    const unfinished = new Map<string, Promise<boolean>>();
    const isUnfinished = async (model: string): Promise<boolean> => {
      // Only this process runs loops of the data folder: what was found stays so.
      const before = unfinished.get(model);
      const found = before ?? isReplayUnfinished({ project, pipelines: stores.pipelines }, model);
      unfinished.set(model, found);
      try {
        if ((await found) && before === undefined)
          board.tell({
            event: "log",
            atUs: clock.nowUs(),
            text: `the monitors of ${model} stay where its replay was ended, so that none of its days is late: \`karkhana run\` goes on with it; parity is checked`,
          });
        return await found;
      } catch (error) {
        unfinished.delete(model);
        throw error;
      }
    };
    const watch = createLiveWatch({
      consumers,
      parity,
      eventClock: stores.eventClock,
      machineClock: clock,
      isHeld: async (model) => (isLoopRunning && project.definition.replay?.model === model) || (await isUnfinished(model)),
      onEvents: (events) => tellOfMonitors(events, clock.nowUs()),
      onFailure: (model, error) => failed(`the monitors of ${model} could not be brought up to now`)(error),
    });
    const retraining = createLiveRetraining({
      platform,
      // A loop of any model has the clock, the phases and the road.
      isHeld: async (model) => isLoopRunning || (await isUnfinished(model)),
      onFailure: (model, error) => failed(`the live retraining of ${model} could not go on, and is tried again`)(error),
    });
    return [watch, retraining].map((each) =>
      repeatedly(
        everyMs,
        (signal) => each.round(signal),
        () => undefined,
      ),
    );
  };
  const platform: OpenPlatform = {
    explorer,
    project,
    places: pushed.places,
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
    machineClock: clock,
    serving: () => client,
    servingUrl: () => servingUrl,
    servingToken: stores.internalToken,
    parity,
    watch: async (untilUs) => {
      for (const consumer of consumers.values()) {
        tellOfMonitors(await consumer.advance(untilUs), untilUs);
      }
      for (const { name } of project.definition.models) parity.poke(name);
      await freshness.check();
    },
    peakMemoryMb: async () => {
      const own = process.resourceUsage().maxRSS / 1024;
      const stats = await client.get<{ process?: { maxRssMb?: number } }>("/v1/stats");
      return own + (stats.process?.maxRssMb ?? 0);
    },
    ...size,
    watchLive: (loop) => {
      if (live.length === 0) live = keepWatching(loop);
    },
    close: async () => {
      await ages.close();
      for (const one of live) await one.close();
      await vectors.close();
      await freshness.close();
      await copies.close();
      await logs.close();
      await parity.close();
      await explorer.close();
      client.close();
      await feedback.close();
    },
  };
  return platform;
}

/** Where things lie in a data folder. */
export function placesOf(project: LoadedProject, stores: Stores): Places {
  return {
    projectFile: project.file,
    projectFolder: project.folder,
    offlineFolder: stores.folder.offlineFolder,
    blobsFolder: stores.folder.blobsFolder,
    logFolder: stores.folder.logFolder,
    tempFolder: tempFolderOf(stores.folder),
    onlineStore: stores.onlineStore,
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
          try {
            return parseProfile(Buffer.from(await stores.blobs.get(`${artifactPath}/profile.json`)).toString());
          } catch (error) {
            // A version from elsewhere has none until one is made of it: its windows are counted and its outcomes judged, drift is not.
            if (codeOf(error) === "BLOB_NOT_FOUND") return undefined;
            throw error;
          }
        },
      }),
    ]),
  );
}

/** Relations of the newest accepted versions; undefined until every source of the model's views has one and a version can have answered. */
async function parityInput(
  project: LoadedProject,
  stores: Stores,
  read: {
    readonly relationNow: (source: SourceDefinition) => Promise<string | undefined>;
    readonly streamOf: (source: SourceDefinition) => string | undefined;
  },
  model: string,
  size: { readonly threads: number; readonly memoryLimitMb: number },
): Promise<ParityWatchInput | undefined> {
  const definition = project.definition.models.find(({ name }) => name === model);
  if (definition === undefined) return undefined;
  const relations: Record<string, string> = {};
  const streams: Record<string, string> = {};
  for (const { source } of viewsOf(definition.service)) {
    const relation = await read.relationNow(source);
    if (relation === undefined) return undefined;
    relations[source.name] = relation;
    const stream = read.streamOf(source);
    if (stream !== undefined) streams[source.name] = stream;
  }
  const versions = await stores.registry.listVersions(model);
  if (versions.length === 0) return undefined;
  const { folder } = stores;
  return {
    projectFile: project.file,
    relations,
    streams,
    logFolder: folder.logFolder,
    blobsFolder: folder.blobsFolder,
    versions: Object.fromEntries(versions.map((v) => [String(v.version), v.artifactPath])),
    ...size,
    tempFolder: tempFolderOf(folder),
  };
}

async function latestRelation(project: LoadedProject, stores: Stores, source: SourceDefinition): Promise<string | undefined> {
  const version = await stores.datasets.latest(source.name);
  return version === undefined ? undefined : relationOf(source, version, project.folder);
}
