import type { FollowerReport } from "../features/online/topic-follower.ts";
import type { MetricFamily } from "../features/online/watch-metrics.ts";
import type { Gate } from "../access/gate.ts";
import type { ErrorCode } from "../kernel/error-catalogue.ts";
import type { Clock } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { NewId } from "../kernel/ids.ts";
import { sourcesOf, type ProjectDefinition } from "../project/definition.ts";
import type { Registry } from "../registry/port.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import { DeploymentFollower } from "./deployment-follower.ts";
import type { ExchangeFace, FeedbackFace, OnlineFace } from "./faces.ts";
import { createHttp } from "./http.ts";
import { isLoopback } from "./http-guard.ts";
import { InFlight, type Refuse } from "./in-flight.ts";
import { defaultServingLimits, inferLimitsOf, type ServingLimits } from "./limits.ts";
import { FileModels } from "./oip/file-models.ts";
import { createGrpc, type Grpc } from "./oip/grpc-server.ts";
import { projectStep } from "./oip/project-step.ts";
import { OipServer } from "./oip/server.ts";
import { listenToPeers, type PeerServer } from "./peers/peer-server.ts";
import { Peers, type Peer, type PeersOptions } from "./peers/peers.ts";
import { ProcessReports } from "./peers/process-reports.ts";
import { ExchangeRecorder } from "./openai/recorder.ts";
import type { NearestFace } from "./nearest.ts";
import { reportHealth, type HealthReport } from "./report.ts";
import { fieldsReader } from "./request-fields.ts";
import { ServedModel } from "./served-model.ts";
import { ShadowQueue } from "./shadow-queue.ts";
import type { TraceSink } from "./traces.ts";
import { VersionLoader } from "./version-loader.ts";

export interface ServingOptions {
  readonly project: ProjectDefinition;
  readonly registry: Pick<Registry, "listDeployments" | "getVersion">;
  readonly blobs: BlobStore;
  readonly online: OnlineFace;
  readonly feedback: FeedbackFace;
  readonly clock: Clock;
  readonly newId: NewId;
  /** HTTP status of an error code: `server/error-status.ts`. */
  readonly statusOf: (code: ErrorCode) => number;
  /** Where models lie that are files of other libraries, served as tensors; absent: none. */
  readonly modelsFolder?: string;
  /** Where the keys of language models' servers are found, by the names their declarations give; default nowhere. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Where exchanges with language models are logged; default nowhere. */
  readonly exchanges?: ExchangeFace;
  readonly limits?: Partial<ServingLimits>;
  readonly deploymentPollMs?: number;
  /** Names beside the loopback ones that requests may carry as their Host. */
  readonly allowedHosts?: readonly string[];
  /** Says who asks; without one this machine alone is answered. */
  readonly gate?: Gate;
  /** Finds entities by their embeddings; default nobody is found: the routes are not there. */
  readonly nearest?: NearestFace;
  /** What is told at `/metrics` of the features beside the models; default nothing. */
  readonly featureMetrics?: () => Promise<readonly MetricFamily[]>;
  /** Topics that this process follows, for `/v1/stats`; default none. */
  readonly streams?: () => readonly FollowerReport[];
  /** Where traces of answers go; default nowhere. */
  readonly traces?: TraceSink;
  /** Which of how many serving processes on the same ports this one is, and what they show each other; default the only one. */
  readonly sharing?: PeersOptions;
  /** Monotonic milliseconds for latencies; default `performance.now`. */
  readonly timerMs?: () => number;
}

export interface ServingAddress {
  readonly host: string;
  readonly port: number;
  /** 0 takes any free one; absent: no gRPC. */
  readonly grpcPort?: number;
  /** Several processes may listen on these ports at once; the system spreads connections over them. */
  readonly reusePort?: boolean;
}

export interface Serving {
  /** @throws PORT_IN_USE, ACCESS_NOT_CONFIGURED if others reach the host and no user is known */
  listen(address: ServingAddress): Promise<{ readonly host: string; readonly port: number; readonly grpcPort: number | undefined; readonly peerPort?: number }>;
  /** The processes that are up now, from whoever keeps them running. */
  setPeers(peers: readonly Peer[]): void;
  /** Resolves once a reading of the deployments that began after this call is in force. @throws DEPLOYMENTS_UNREADABLE */
  refreshDeployments(): Promise<void>;
  health(): HealthReport;
  /** Stops accepting, answers what is under way, scores what shadows were asked, flushes the log. Log and stores stay open: they are the caller's. */
  close(): Promise<void>;
}

/** How late an overdue request may be answered for. */
const sweepMs = 10;

/** One serving process. It starts without its registry too, and says in `/health` that it has not read it yet. */
export async function createServing(options: ServingOptions): Promise<Serving> {
  const { project, registry, blobs, online, feedback, clock, newId } = options;
  const limits = { ...defaultServingLimits, ...options.limits };
  const timerMs = options.timerMs ?? (() => performance.now());
  const peers = options.sharing === undefined ? undefined : new Peers(options.sharing);
  const models = new Map(
    project.models.map((definition) => [
      definition.name,
      new ServedModel(definition, {
        readFields: fieldsReader(definition, limits.maxTextLength),
        maxInstances: limits.maxInstances,
        maxTextLength: limits.maxTextLength,
        newId,
      }),
    ]),
  );
  const loader = new VersionLoader({ registry, blobs, online, maxRows: limits.maxInstances, closeAfterMs: 2 * limits.answerTimeoutMs, timerMs });
  const follower = new DeploymentFollower({ registry, loader, models, clock, pollMs: options.deploymentPollMs ?? 250 });
  const shadows = new ShadowQueue({ feedback, clock, timerMs, maxBacklog: limits.maxShadowBacklog });
  // The log of pushed rows has one writer among the processes that share the ports.
  const writing: OnlineFace =
    peers === undefined || peers.process === 0 ? online : { ...online, ingest: (source, rows, origin) => peers.push(source, rows, origin) };
  const sources = new Map(sourcesOf(project).map(({ name, schema }) => [name, new Set(Object.keys(schema))]));
  const files = new FileModels(options.modelsFolder, models.keys(), {
    timerMs,
    clock,
    environment: options.environment ?? {},
    project: (name) => {
      const model = models.get(name);
      return model === undefined ? undefined : projectStep(model, { feedback, shadows, clock, timerMs, newId });
    },
  });
  const server = new OipServer({
    models,
    files,
    maxRows: limits.maxInstances,
    isReady: () => {
      const { status } = health();
      return (status === "ok" || status === "degraded") && peers?.wereAllUp !== false;
    },
    refresh: () => follower.refresh(),
    peers,
  });
  let isClosing = false;
  const inFlight = new InFlight<Refuse>(limits, (refuse, error) => refuse(error));
  const health = (): HealthReport => reportHealth(models.values(), follower, inFlight.size, isClosing);
  const recorder = new ExchangeRecorder(options.exchanges);
  const reports = new ProcessReports({
    models,
    server,
    inFlight,
    recorder,
    timerMs,
    process: peers?.process ?? 0,
    featureMetrics: options.featureMetrics,
    streams: options.streams,
  });
  const shared = {
    recorder,
    models,
    reports,
    peers,
    server,
    health,
    inFlight,
    newId,
    sources,
    follower,
    shadows,
    online: writing,
    feedback,
    clock,
    timerMs,
    limits,
    statusOf: options.statusOf,
    traces: options.traces,
    allowedHosts: options.allowedHosts ?? [],
    gate: options.gate,
    nearest: options.nearest,
  };
  const http = createHttp(shared);
  const grpcOptions = {
    ...shared,
    inferLimits: inferLimitsOf(limits),
    maxBodyBytes: limits.maxTensorBodyBytes,
    maxConnections: limits.maxConnections,
    drainTimeoutMs: limits.drainTimeoutMs,
  };
  let grpc: Grpc | undefined;
  let peerServer: PeerServer | undefined;
  const sweep = setInterval(() => {
    inFlight.sweep(timerMs(), sweepMs);
    http.look();
  }, sweepMs);
  sweep.unref();
  await follower.refresh().catch(() => {});
  // After the project's own models, which may be steps of graphs.
  await files.loadAll();
  follower.start();
  return {
    listen: async ({ host, port, grpcPort, reusePort = false }) => {
      if (!isLoopback(host)) {
        if (options.gate === undefined) throw new KarkhanaError("ACCESS_NOT_CONFIGURED", { host });
        await options.gate.require(host);
      }
      if (options.sharing !== undefined)
        peerServer = await listenToPeers(options.sharing.token, {
          state: () => reports.state(),
          metrics: (contentType) => reports.metrics(contentType),
          statistics: (name, version) => server.ownStatistics(name, version),
          refresh: () => follower.refresh(),
          load: (name) => server.loadHere(name),
          unload: (name) => server.unloadHere(name),
          push: (source, rows, origin) => online.ingest(source, rows, origin),
        });
      const address = { ...(await http.listen(host, port, reusePort)), ...(peerServer === undefined ? {} : { peerPort: peerServer.port }) };
      if (grpcPort === undefined) return { ...address, grpcPort };
      grpc = createGrpc(grpcOptions);
      return { ...address, grpcPort: (await grpc.listen({ host, port: grpcPort, reusePort })).port };
    },
    setPeers: (others) => peers?.set(others),
    refreshDeployments: () => follower.refresh(),
    health,
    close: async () => {
      isClosing = true;
      await Promise.all([http.close(), grpc?.close()]);
      await peerServer?.close();
      clearInterval(sweep);
      await files.close();
      await follower.stop();
      await shadows.idle();
      await recorder.idle();
      await loader.close();
      await feedback.flush();
    },
  };
}
