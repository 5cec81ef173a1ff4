/** The control server: the console, its API and the event stream. Loopback by default; nothing here is needed for serving to answer. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import fastifySwagger from "@fastify/swagger";
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from "@fastify/type-provider-typebox";
import { fastify, type FastifyInstance, type FastifyRequest } from "fastify";
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { createExplainer } from "../serving/explain.ts";
import { drained } from "../serving/drain.ts";
import { addAccessGuard } from "./access-guard.ts";
import { fromFastify, refuseBadBytes, sendError } from "../serving/http-errors.ts";
import { hostGuard, isLoopback, ownAddress } from "../serving/http-guard.ts";
import type { ControlRooms, RouteContext } from "./control-rooms.ts";
import { statusOf } from "./error-status.ts";
import { readableAddress } from "../tracking/mlflow/readable-address.ts";
import { addArtifactRoutes } from "./routes/artifacts.ts";
import { addDeletedRoutes } from "./routes/deleted.ts";
import { addDatasetRoutes } from "./routes/datasets.ts";
import { addComparisonRoutes } from "./routes/comparisons.ts";
import { addExplanationRoutes } from "./routes/explanations.ts";
import { addMetricsRoute } from "./routes/metrics.ts";
import { addFeatureRoutes } from "./routes/features.ts";
import { addMlflowRoutes } from "./routes/mlflow.ts";
import { answerUnknown, isMlflowAddress } from "./routes/mlflow-request.ts";
import { addModelRoutes } from "./routes/models.ts";
import { addMonitoringRoutes } from "./routes/monitoring.ts";
import { addOverviewRoutes } from "./routes/overview.ts";
import { addParityRoutes } from "./routes/parity.ts";
import { addPathRoutes } from "./routes/path.ts";
import { addPathWorkRoutes } from "./routes/path-work.ts";
import { addPipelineRoutes } from "./routes/pipelines.ts";
import { addProgressRoutes } from "./routes/progress.ts";
import { addRegistryRoutes } from "./routes/registry.ts";
import { addRunTableRoutes } from "./routes/run-table.ts";
import { addRunRoutes } from "./routes/runs.ts";
import { addServingRoutes } from "./routes/serving.ts";
import { addSessionRoutes } from "./routes/session.ts";
import { addWorkspaceRoutes } from "./routes/workspaces.ts";
import { watchServing } from "./serving-watch.ts";
import { systemClock, systemId } from "./system.ts";
import { versionFiles } from "./version-files.ts";

export type { ControlRooms };

export interface ControlOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Where the built console lies; default: beside this program. */
  readonly consoleFolder?: string;
  readonly servingUrl?: string;
  /** Shown to the serving process. */
  readonly servingToken?: string;
  /** What an hour of the machine that serves costs. */
  readonly servingPrice?: { readonly perHour: number; readonly currency: string };
  /** Names besides loopback's that a Host header may carry. */
  readonly allowedHosts?: readonly string[];
  /** Told each route; a test asks whom it answers. */
  readonly onRoute?: (route: { readonly method: string; readonly url: string }) => void;
}

export interface Control {
  readonly url: string;
  readonly app: FastifyInstance;
  /** Ends open event streams first: they would otherwise hold the server up. */
  close(): Promise<void>;
}

/** Scripts, styles, fonts and requests of this origin only; nothing inline, nothing framed. */
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const maxBodyBytes = 64 * 1024;

/** Listens before it resolves. @throws PORT_IN_USE, ACCESS_NOT_CONFIGURED for a host that others reach while no user is known */
export async function createControl(rooms: ControlRooms, options: ControlOptions): Promise<Control> {
  const { host, port } = options;
  if (!isLoopback(host)) await rooms.gate.require(host);
  const app = await createControlApp(rooms, options);
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    if (cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE")
      throw new KarkhanaError("PORT_IN_USE", { host, port, flag: "--port" }, { cause });
    throw cause;
  }
  const address = app.server.address();
  const taken = typeof address === "object" && address !== null ? address.port : port;
  return { url: `http://${ownAddress(host)}:${taken}`, app, close: () => app.close() };
}

/** The application without a socket. */
export async function createControlApp(rooms: ControlRooms, options: Omit<ControlOptions, "host" | "port">): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit: maxBodyBytes,
    genReqId: systemId,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 500 },
    rewriteUrl: (request) => readableAddress(request.url ?? "/"),
    clientErrorHandler: (error, socket) => refuseBadBytes(error, socket, statusOf),
  });
  app.withTypeProvider<TypeBoxTypeProvider>();
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  // Response schemas describe (OpenAPI, tests); they do not cut what is sent.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.setSchemaErrorFormatter((errors, where) => new ValidationRefused(errors, where));
  const { onRoute } = options;
  if (onRoute !== undefined)
    app.addHook("onRoute", ({ method, url }) => {
      for (const each of [method].flat()) onRoute({ method: each, url });
    });
  const guard = hostGuard(options.allowedHosts ?? []);
  app.addHook("onRequest", async (request, reply) => {
    guard(request);
    void reply.headers({
      "content-security-policy": contentSecurityPolicy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
    });
  });
  addAccessGuard(app, rooms.gate);
  app.setErrorHandler(async (error, request, reply) => {
    const known = ownError(error, request);
    if (codeOf(known) === undefined || codeOf(known) === "INTERNAL") console.error(error);
    if (codeOf(known) === "BODY_TOO_LARGE") await drained(request.raw);
    return sendError(reply, known, statusOf);
  });
  await app.register(fastifySwagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Karkhana control", description: "What the console reads, the rollback, and the split of traffic.", version: "1" },
    },
  });
  const context: RouteContext = {
    ...rooms,
    serving: watchServing({ url: options.servingUrl ?? null, token: options.servingToken, clock: systemClock, price: options.servingPrice ?? null }),
    files: versionFiles(rooms.blobs),
    explainer: createExplainer(rooms.blobs),
  };
  app.addHook("onClose", async () => {
    context.serving.close();
    await context.explainer.close();
  });
  await app.register(
    async (api) => {
      // Answers are of this moment, and nobody but the asking page may read them.
      api.addHook("onSend", async (_request, reply) => void (reply.hasHeader("cache-control") ? reply : reply.header("cache-control", "no-store")));
      for (const add of [
        addOverviewRoutes,
        addDatasetRoutes,
        addFeatureRoutes,
        addRunTableRoutes,
        addRunRoutes,
        addDeletedRoutes,
        addArtifactRoutes,
        addModelRoutes,
        addComparisonRoutes,
        addRegistryRoutes,
        addMonitoringRoutes,
        addParityRoutes,
        addPipelineRoutes,
        addServingRoutes,
        addExplanationRoutes,
        addProgressRoutes,
        addPathRoutes,
        addPathWorkRoutes,
        addSessionRoutes,
        addWorkspaceRoutes,
      ])
        add(api, context);
    },
    { prefix: "/api/v1" },
  );
  await addMlflowRoutes(app, rooms);
  // In MLflow's words: its users' probes may look for them.
  app.get("/health", { schema: { hide: true } }, (_request, reply) => reply.type("text/plain; charset=utf-8").send("OK"));
  addMetricsRoute(app, context);
  app.get("/api/openapi.json", { schema: { hide: true } }, () => app.swagger());
  await addConsole(app, options.consoleFolder ?? fileURLToPath(new URL("../../console/dist", import.meta.url)));
  return app;
}

/** The built console; any other path is one of its pages, except under /api. */
async function addConsole(app: FastifyInstance, folder: string): Promise<void> {
  const isBuilt = existsSync(folder);
  if (isBuilt)
    await app.register(fastifyStatic, {
      root: folder,
      // Names under assets/ carry the hash of their content.
      setHeaders: (reply, path) => void reply.header("cache-control", path.includes("assets") ? "public, max-age=31536000, immutable" : "no-cache"),
      cacheControl: false,
    });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?")[0]!;
    // A GET of what is not there comes here from the console's files, past the handlers of the prefixes.
    if (isMlflowAddress(path)) return answerUnknown(request, reply);
    const isPage = request.method === "GET" && !path.startsWith("/api/") && !/\.\w+$/.test(path);
    if (isPage && isBuilt) return reply.sendFile("index.html");
    if (isPage && path === "/")
      return reply
        .type("text/plain")
        .send("The console is not built here: `npm run build -w console` builds it. The API is under /api/v1, its description at /api/openapi.json.\n");
    return sendError(reply, new KarkhanaError("ROUTE_NOT_FOUND", { method: request.method, path: path.slice(0, 200) }), statusOf);
  });
}

/** What a schema refused, until the request that holds the value is at hand. */
class ValidationRefused extends Error {
  readonly where: string;
  readonly field: string;
  readonly problem: string;

  constructor(errors: readonly { instancePath: string; message?: string; params?: Record<string, unknown> }[], where: string) {
    const first = errors[0];
    super(first?.message ?? "invalid");
    const named = first?.params?.["requiredProperties"] ?? first?.params?.["additionalProperties"];
    const below = (first?.instancePath ?? "").split("/").filter((part) => part !== "");
    const fields = Array.isArray(named) ? [...below, String(named[0])] : below;
    this.where = where;
    this.field = fields.join(".") || where;
    this.problem = first?.message ?? "invalid";
  }
}

function ownError(error: unknown, request: FastifyRequest): unknown {
  if (!(error instanceof ValidationRefused)) return fromFastify(error, request, maxBodyBytes);
  const { where, field, problem } = error;
  const holder: unknown = where === "body" ? request.body : where === "params" ? request.params : request.query;
  const value = field.split(".").reduce((at: unknown, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined), holder);
  return new KarkhanaError("INVALID_ARGUMENT", { field: `${where === "querystring" ? "query" : where}.${field}`, problem, value: shown(value) });
}

function shown(value: unknown): unknown {
  if (value === undefined) return "nothing";
  return typeof value === "string" ? value.slice(0, 100) : value;
}
