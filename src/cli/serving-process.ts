/** The serving role: predictions over HTTP and gRPC, pushes and labels. Started by the supervisor; survives the control process. */
import path from "node:path";
import { openLoggedFeatures } from "../features/online/logged-features.ts";
import { openKafkaTopic } from "../features/online/kafka-topic.ts";
import { followTopic, streamFamilies, type FollowerReport, type TopicFollower } from "../features/online/topic-follower.ts";
import { LookupWatch } from "../features/online/lookup-watch.ts";
import { lookupFamilies, sourceFamilies, watchedSources } from "../features/online/watch-metrics.ts";
import { createOnlineFeatures } from "../features/online/online-features.ts";
import { openExchangeLog } from "../feedback/exchanges.ts";
import { openFeedbackLog } from "../feedback/log.ts";
import { logFolderOf } from "../feedback/log-folders.ts";
import { toErrorRecord } from "../kernel/error.ts";
import { sourcesOf, viewsOf } from "../project/definition.ts";
import { loadProject } from "../project/load.ts";
import { openStores } from "../server/compose.ts";
import { namesIn, readConfiguration } from "../server/configuration.ts";
import { statusOf } from "../server/error-status.ts";
import { lockRole } from "../server/role-lock.ts";
import { systemClock, systemId } from "../server/system.ts";
import { ownAddress } from "../serving/http-guard.ts";
import { createServing } from "../serving/app.ts";
import { createNearestNeighbours } from "../workflows/nearest.ts";
import { openOnlineStore } from "../workflows/jobs/online-store.ts";
import { pushedFolders } from "../workflows/pushed-sources.ts";
import { endWithSupervisor, onPeers, tellSupervisor } from "./messages.ts";
import { readProcessArguments } from "./process-arguments.ts";

/** How much of what lookups gave a sudden end may lose. */
const profileEveryMs = 5000;

const ending = endWithSupervisor();
try {
  const args = readProcessArguments(process.argv);
  const { process: number = 0, processes = 1 } = args;
  await lockRole(args.dataFolder, "serving", number);
  const project = await loadProject(args.projectFile);
  const configuration = readConfiguration(process.env);
  const stores = await openStores(args.dataFolder, configuration);
  const online = await openOnlineStore(stores.onlineStore);
  const views = project.definition.models.flatMap((model) => viewsOf(model.service));
  const watch = new LookupWatch({ store: online, views, clock: systemClock, writer: number === 0 ? "serving" : `serving-${number}` });
  await watch.start(profileEveryMs);
  const sources = sourcesOf(project.definition);
  const state = createOnlineFeatures({ store: online, views, sources, watch });
  // The log has one writer: the other processes pass on what is pushed to them.
  const log =
    number === 0 ? await openLoggedFeatures({ online: state, sources, folder: pushedFolders(stores.folder).logFolder, clock: systemClock }) : undefined;
  const features = log ?? state;
  const nearest = createNearestNeighbours({ projectFile: args.projectFile, onlineStore: stores.onlineStore });
  const followers: TopicFollower[] = [];
  const streams = (): FollowerReport[] => followers.map((one) => one.report());
  const feedback = await openFeedbackLog(logFolderOf(stores.folder.logFolder, number));
  const exchanges = openExchangeLog(logFolderOf(stores.folder.logFolder, number));
  const { otlpEndpoint } = configuration;
  // Loaded on demand: most processes send no traces.
  const traces = otlpEndpoint === undefined ? undefined : (await import("../server/traces.ts")).openTraces({ endpoint: otlpEndpoint, random: Math.random });
  const serving = await createServing({
    project: project.definition,
    registry: stores.registry,
    blobs: stores.blobs,
    online: features,
    nearest,
    streams,
    featureMetrics: async () => {
      // Of the sources every process knows the same: they are told once.
      const watched = number === 0 ? await watchedSources(features, views) : [];
      const nowUs = systemClock.nowUs();
      return [...streamFamilies(streams(), watched, nowUs), ...lookupFamilies(watch.totals()), ...sourceFamilies(watched, nowUs)];
    },
    ...(processes === 1 ? {} : { sharing: { process: number, processes, token: stores.internalToken } }),
    feedback,
    clock: systemClock,
    newId: systemId,
    statusOf,
    gate: stores.gate,
    ...(traces === undefined ? {} : { traces }),
    allowedHosts: [...namesIn(configuration.allowedHosts), ownAddress(args.host)],
    modelsFolder: path.join(args.dataFolder, "models"),
    environment: process.env,
    exchanges,
  });
  ending.by(async () => {
    for (const one of followers) await one.close();
    await serving.close();
    await traces?.close();
    await feedback.close();
    await exchanges.close();
    await nearest.close();
    await watch.close().catch(() => undefined);
    await log?.close();
    await online.close();
    await stores.close();
  });
  if (log !== undefined)
    for (const source of sources) {
      if (source.topic === undefined) continue;
      const stream = await openKafkaTopic(source, source.topic, { environment: process.env, projectFolder: project.folder });
      followers.push(followTopic(log, source, stream, { clock: systemClock }));
    }
  const address = await serving.listen({
    host: args.host,
    port: args.port,
    ...(args.grpcPort === undefined ? {} : { grpcPort: args.grpcPort }),
    reusePort: processes > 1,
  });
  onPeers((peers) => serving.setPeers(peers));
  tellSupervisor({
    kind: "ready",
    ...(address.peerPort === undefined ? {} : { peerPort: address.peerPort }),
    url: `http://${ownAddress(address.host)}:${address.port}`,
    ...(address.grpcPort === undefined ? {} : { grpcAddress: `${ownAddress(address.host)}:${address.grpcPort}` }),
  });
} catch (error) {
  const record = toErrorRecord(error);
  tellSupervisor({ kind: "refused", error: record });
  // What a person can mend is told once, by the supervisor; a defect needs its stack.
  if (record.code === "INTERNAL") console.error(error);
  process.exitCode = 1;
  process.disconnect?.();
}
