import Fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import type { Clock } from "../kernel/clock.ts";
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import type { NewId } from "../kernel/ids.ts";
import { Compression } from "./compression.ts";
import { ConnectionTurns } from "./connection-turns.ts";
import type { DeploymentFollower } from "./deployment-follower.ts";
import { drained } from "./drain.ts";
import type { FeedbackFace, OnlineFace } from "./faces.ts";
import type { Gate } from "../access/gate.ts";
import { accessCheck } from "./access.ts";
import { hostGuard } from "./http-guard.ts";
import { cheapRefusals, fromFastify, refuseBadBytes, sendError, type StatusOf } from "./http-errors.ts";
import { bodiesRead, type ReadBodies } from "./http-bodies.ts";
import { answering } from "./http-call.ts";
import type { InFlight, Refuse } from "./in-flight.ts";
import { inferLimitsOf, type ServingLimits } from "./limits.ts";
import { addFeastRoutes } from "./feast/http-routes.ts";
import { addMlflowRoutes } from "./mlflow/http-routes.ts";
import { addOipRoutes } from "./oip/http-routes.ts";
import type { OipServer } from "./oip/server.ts";
import type { Peers } from "./peers/peers.ts";
import type { ProcessReports } from "./peers/process-reports.ts";
import { addOpenAiRoutes } from "./openai/http-routes.ts";
import type { ExchangeRecorder } from "./openai/recorder.ts";
import { addNearestRoutes, type NearestFace } from "./nearest.ts";
import { addRoutes } from "./routes.ts";
import { silentConnections } from "./silent-connections.ts";
import type { TraceSink } from "./traces.ts";
import type { HealthReport } from "./report.ts";
import type { ServedModel } from "./served-model.ts";
import type { ShadowQueue } from "./shadow-queue.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** When the head was read, by the monotonic timer. */
    startedMs: number;
  }
}

export interface HttpOptions {
  readonly models: ReadonlyMap<string, ServedModel>;
  /** Names of each one's columns. */
  readonly sources: ReadonlyMap<string, ReadonlySet<string>>;
  readonly follower: DeploymentFollower;
  readonly shadows: ShadowQueue;
  readonly online: OnlineFace;
  readonly feedback: FeedbackFace;
  readonly server: OipServer;
  readonly health: () => HealthReport;
  readonly recorder: ExchangeRecorder;
  readonly inFlight: InFlight<Refuse>;
  readonly reports: ProcessReports;
  /** The other processes on the same port, if there are any. */
  readonly peers?: Peers | undefined;
  readonly clock: Clock;
  readonly traces?: TraceSink | undefined;
  readonly newId: NewId;
  readonly timerMs: () => number;
  readonly limits: ServingLimits;
  readonly statusOf: StatusOf;
  readonly allowedHosts: readonly string[];
  /** Without one nobody is asked who they are. */
  readonly gate?: Gate | undefined;
  readonly nearest?: NearestFace | undefined;
}

export interface Http {
  listen(host: string, port: number, reusePort: boolean): Promise<{ host: string; port: number }>;
  /** To be called every few milliseconds. */
  look(): void;
  close(): Promise<void>;
}

const reapMs = 20;
const drainLookMs = 10;

export function createHttp(options: HttpOptions): Http {
  const { limits, statusOf, timerMs, inFlight } = options;
  const app = Fastify({
    logger: false,
    bodyLimit: limits.maxBodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    // What arrives on a connection kept alive while we close is still answered, with connection: close.
    return503OnClosing: false,
    routerOptions: { maxParamLength: limits.maxTextLength },
    frameworkErrors: (error, request, reply) => void sendError(reply, fromFastify(error, request, limits.maxBodyBytes), statusOf),
    clientErrorHandler: (error, socket) => refuseBadBytes(error, socket, statusOf),
  });
  const closeSilent = silentConnections(app.server, timerMs);
  app.server.maxConnections = limits.maxConnections;
  const turns = new ConnectionTurns({ inFlight, timerMs, utilization: loopUtilization() });
  const compression = new Compression(options);
  const readBodies = bodiesRead(compression);
  const answer = answering(inFlight, turns, { ...options, compression });
  const guard = hostGuard(options.allowedHosts);
  const check = options.gate === undefined ? undefined : accessCheck(options.gate);
  const [route] = app.server.listeners("request");
  const refuse = cheapRefusals(inFlight, timerMs, statusOf);
  app.server.removeAllListeners("request");
  let isDraining = false;
  app.server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (isDraining) response.shouldKeepAlive = false;
    if (request.method === "POST" && inFlight.isFull) {
      refuse(request.url ?? "/", response);
      turns.refused(request);
    } else route?.call(app.server, request, response);
  });
  app.decorateRequest("startedMs", 0);
  app.addHook("onRequest", (request, _reply, done) => {
    request.startedMs = timerMs();
    guard(request);
    if (request.method === "POST") inFlight.refuseIfFull();
    if (check === undefined) done();
    else check(request, done);
  });
  app.addHook("onRoute", (route) => compression.packsReports(route));
  readJsonOnly(app, readBodies);
  app.setErrorHandler(async (error, request, reply) => {
    const refusal = fromFastify(error, request, request.routeOptions.bodyLimit ?? limits.maxBodyBytes);
    const code = codeOf(refusal);
    if (code === "BODY_TOO_LARGE") await drained(request.raw);
    if (code === "SERVER_OVERLOADED") turns.refused(request.raw);
    return sendError(reply, refusal, statusOf);
  });
  app.setNotFoundHandler((request, reply) => sendError(reply, notFound(request), statusOf));
  addRoutes(app, options, answer);
  addOipRoutes(app, {
    ...options,
    answer,
    readBodies,
    inferLimits: inferLimitsOf(limits),
    maxBodyBytes: limits.maxTensorBodyBytes,
  });
  addOpenAiRoutes(app, { ...options, backends: options.server.files.backends, maxBodyBytes: limits.maxLanguageBodyBytes });
  addFeastRoutes(app, { ...options, answer });
  addNearestRoutes(app, { ...options, answer });
  addMlflowRoutes(app, { ...options, answer, readBodies, modelNames: [...options.models.keys()], maxBodyBytes: limits.maxTensorBodyBytes });
  return {
    listen: (host, port, reusePort) => listen(app, host, port, reusePort),
    look: () => turns.look(),
    close: async () => {
      // Whoever keeps a connection is told with its next answer that it ends, before any is closed under a question already on its way.
      isDraining = true;
      turns.end();
      for (let leftMs = limits.drainPauseMs; leftMs > 0 && (await openConnections(app)) > 0; leftMs -= drainLookMs) await wait(drainLookMs);
      // Fastify closes what is idle now; a connection that is answered later would stay open for as long as its client likes.
      const reap = setInterval(() => {
        app.server.closeIdleConnections();
        closeSilent();
      }, reapMs);
      const cut = setTimeout(() => app.server.closeAllConnections(), limits.drainTimeoutMs);
      await app.close();
      clearInterval(reap);
      clearTimeout(cut);
    },
  };
}

/** Share of the time since the last call in which the event loop was busy. */
function loopUtilization(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}

function openConnections(app: FastifyInstance): Promise<number> {
  return new Promise((resolve, reject) => app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))));
}

/** Plain JSON.parse is enough: nothing of a body is ever merged into another object, and only declared names are read. */
function readJsonOnly(app: FastifyInstance, readBodies: ReadBodies): void {
  readBodies(app, "application/json", (body): unknown => {
    try {
      return JSON.parse(body.toString());
    } catch (error) {
      throw new KarkhanaError("REQUEST_MALFORMED", { problem: `the body is not JSON: ${error instanceof Error ? error.message.slice(0, 200) : ""}` });
    }
  });
}

function notFound({ method, url }: FastifyRequest): KarkhanaError {
  return new KarkhanaError("ROUTE_NOT_FOUND", { method, path: url.slice(0, 200) });
}

async function listen(app: FastifyInstance, host: string, port: number, reusePort: boolean): Promise<{ host: string; port: number }> {
  try {
    // Fastify passes to Node what its own types do not know.
    const address = { host, port, reusePort };
    await app.listen(address);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE")
      throw new KarkhanaError("PORT_IN_USE", { host, port, flag: "--serving-port" }, { cause });
    throw cause;
  }
  const address = app.server.address();
  return { host, port: typeof address === "object" && address !== null ? address.port : port };
}
