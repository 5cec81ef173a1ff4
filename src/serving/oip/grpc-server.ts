/**
 * Open Inference Protocol v2 over gRPC with Triton's extensions, and gRPC's health service. Messages reach the handlers as bytes: a request
 * that there is no room for is refused before it is decoded, and one that cannot be decoded is the client's error, not ours.
 */
import {
  Server,
  ServerCredentials,
  status as grpcStatus,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  type ServerErrorResponse,
  type ServerUnaryCall,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { createServer, type Server as NetServer } from "node:net";
import { requireRole, type Gate } from "../../access/gate.ts";
import type { ErrorCode } from "../../kernel/error-catalogue.ts";
import { KarkhanaError, toErrorRecord } from "../../kernel/error.ts";
import { roleForMethod } from "../access.ts";
import type { Call } from "../call.ts";
import type { StatusOf } from "../http-errors.ts";
import type { InFlight, Refuse } from "../in-flight.ts";
import { readTraceparent, type TraceParent } from "../traceparent.ts";
import { traceAnswer, type TraceSink } from "../traces.ts";
import { tenantHeader } from "../http-call.ts";
import { refuseLoadParameters } from "./http-routes.ts";
import { infer, questionOf, type InferOptions } from "./infer.ts";
import { readInferGrpc, writeInferGrpc } from "./infer-grpc.ts";
import { refusedInfer, unsupportedInfer, type InferLimits } from "./infer-request.ts";
import { configOf, metadataOf } from "./model-face.ts";
import { messageType, serviceMethods, textOf, type Message, type MessageType } from "./proto.ts";
import type { OipServer } from "./server.ts";

export interface GrpcOptions extends InferOptions {
  readonly server: OipServer;
  readonly inFlight: InFlight<Refuse>;
  readonly inferLimits: InferLimits;
  readonly maxBodyBytes: number;
  readonly maxConnections: number;
  readonly statusOf: StatusOf;
  readonly drainTimeoutMs: number;
  /** Without one nobody is asked who they are. */
  readonly gate?: Gate | undefined;
  readonly traces?: TraceSink | undefined;
}

export interface Grpc {
  /** @throws PORT_IN_USE */
  listen(address: { readonly host: string; readonly port: number; readonly reusePort?: boolean }): Promise<{ readonly host: string; readonly port: number }>;
  /** Takes no more calls, lets those under way end, then cuts what is left. */
  close(): Promise<void>;
}

const inferenceService = "inference.GRPCInferenceService";
const healthService = "grpc.health.v1.Health";
/** Beside the body: names, shapes, parameters. */
const maxMetadataBytes = 65_536;

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Handler = (message: Message) => Message | Promise<Message>;

export function createGrpc(options: GrpcOptions): Grpc {
  const { drainTimeoutMs, maxBodyBytes, maxConnections } = options;
  const grpc = new Server({
    "grpc.max_receive_message_length": maxBodyBytes,
    "grpc.max_send_message_length": -1,
    "grpc.max_metadata_size": maxMetadataBytes,
    "grpc.max_concurrent_streams": 1000,
  });
  grpc.addService(definitionOf(inferenceService), implementation(inferenceService, inferenceHandlers(options), options));
  grpc.addService(definitionOf(healthService), implementation(healthService, healthHandlers(options), options));
  // Sockets are ours, so that address errors, limits and shared ports are as in the HTTP server.
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets: NetServer = createServer({ noDelay: true, pauseOnConnect: false }, (socket) => {
    socket.on("error", () => socket.destroy());
    injector.injectConnection(socket);
  });
  sockets.maxConnections = maxConnections;
  return {
    listen: ({ host, port, reusePort = false }) =>
      new Promise((resolve, reject) => {
        sockets.once("error", (cause: NodeJS.ErrnoException) =>
          reject(cause.code === "EADDRINUSE" ? new KarkhanaError("PORT_IN_USE", { host, port, flag: "--grpc-port" }, { cause }) : cause),
        );
        sockets.listen({ host, port, reusePort }, () => {
          const address = sockets.address();
          resolve({ host, port: typeof address === "object" && address !== null ? address.port : port });
        });
      }),
    close: async () => {
      sockets.close();
      const cut = setTimeout(() => grpc.forceShutdown(), drainTimeoutMs);
      injector.drain(drainTimeoutMs);
      await new Promise<void>((resolve) => grpc.tryShutdown(() => resolve()));
      clearTimeout(cut);
      grpc.forceShutdown();
      injector.destroy();
    },
  };
}

const asIs = (bytes: Buffer): Buffer => bytes;

function definitionOf(service: string): ServiceDefinition {
  const methods = serviceMethods(service).map(({ name, streams }): [string, MethodDefinition<Buffer, Buffer>] => [
    name,
    {
      path: `/${service}/${name}`,
      requestStream: streams,
      responseStream: streams,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  ]);
  return Object.fromEntries(methods);
}

function implementation(service: string, handlers: Readonly<Record<string, Handler>>, options: GrpcOptions): UntypedServiceImplementation {
  const unary: Record<string, handleUnaryCall<Buffer, Buffer>> = {};
  for (const { name, request, reply, streams } of serviceMethods(service)) {
    if (streams) continue;
    const [asked, answered] = [messageType(request), messageType(reply)];
    const handle =
      handlers[name] ??
      (() => {
        throw unsupportedInfer(`calls of ${name}`);
      });
    const run = async (bytes: Buffer): Promise<Buffer> => answered.encode(await handle(decode(asked, bytes)));
    unary[name] =
      name === "ModelInfer"
        ? (call, send) => answerInfer(call, send, options)
        : (call, send) =>
            run(call.request).then(
              (bytes) => send(null, bytes),
              (error: unknown) => send(grpcError(error, options.statusOf)),
            );
    unary[name] = guarded(service, name, unary[name], options);
  }
  if (service !== inferenceService) return unary;
  const stream: handleServerStreamingCall<Buffer, Buffer> = (call) =>
    void call.emit("error", grpcError(unsupportedInfer("streams: ask ModelInfer; they"), options.statusOf));
  return { ...unary, ModelStreamInfer: stream };
}

/** Asks who calls before the message is looked at. */
function guarded(service: string, name: string, handle: handleUnaryCall<Buffer, Buffer>, { gate, statusOf }: GrpcOptions): handleUnaryCall<Buffer, Buffer> {
  const needed = roleForMethod(service, name);
  if (gate === undefined || needed === undefined) return handle;
  return (call, send) => {
    const shown = call.metadata.get("authorization")[0];
    const credentials = { authorization: typeof shown === "string" ? shown : undefined };
    const fail = (error: unknown): void => send(grpcError(error, statusOf));
    const known = gate.known(credentials);
    if (known === undefined) {
      gate.admit(credentials, needed).then(() => handle(call, send), fail);
      return;
    }
    try {
      requireRole(known, needed);
    } catch (error) {
      fail(error);
      return;
    }
    handle(call, send);
  };
}

function decode(type: MessageType, bytes: Uint8Array): Message {
  try {
    return type.decode(bytes);
  } catch (error) {
    throw refusedInfer(`the message cannot be read: ${error instanceof Error ? error.message.slice(0, 200) : ""}`);
  }
}

function answerInfer(call: Unary, send: Parameters<handleUnaryCall<Buffer, Buffer>>[1], options: GrpcOptions): void {
  const { inFlight, inferLimits, server, statusOf, timerMs, clock, traces } = options;
  const startedMs = timerMs();
  const fail = (error: unknown): void => send(grpcError(error, statusOf));
  let parent: TraceParent | undefined;
  let ticket: ReturnType<typeof inFlight.enter>;
  let work: (of: Call) => Promise<Buffer>;
  try {
    inFlight.refuseIfFull();
    const { model, version, request } = readInferGrpc(call.request, inferLimits);
    const file = server.files.get(model);
    file?.check(version);
    const served = file === undefined ? server.model(model) : undefined;
    const header = call.metadata.get("traceparent")[0];
    parent = typeof header === "string" ? readTraceparent(header) : undefined;
    const tenant = call.metadata.get(tenantHeader)[0];
    const timeouts = [request.timeoutUs > 0 ? request.timeoutUs / 1000 : Infinity, millisecondsLeft(call)];
    ticket = inFlight.enter(fail, {
      startedMs,
      clientMs: Math.min(...timeouts),
      model,
      tenant: typeof tenant === "string" ? tenant.slice(0, 100) : "",
      traceId: parent?.traceId,
    });
    work = async (of) =>
      writeInferGrpc(
        served === undefined
          ? await (server.files.get(model) ?? file!).infer(request, of, options)
          : await infer(served, version, questionOf(request), of, options),
      );
  } catch (error) {
    fail(error);
    return;
  }
  const finish = (answer: () => void, code?: string): void => {
    const doneMs = timerMs();
    inFlight.leave(ticket, doneMs);
    if (traces !== undefined) traceAnswer(traces, clock, ticket, parent, doneMs, "grpc", code);
    if (!ticket.expired) answer();
  };
  work(ticket).then(
    (bytes) => finish(() => send(null, bytes)),
    (error: unknown) => finish(() => fail(error), toErrorRecord(error).code),
  );
}

/** Of the deadline that the client set on the call; Infinity without one. gRPC states it by the machine's clock, so that clock is read. */
function millisecondsLeft(call: Unary): number {
  const deadline = call.getDeadline();
  return Math.max(0, (typeof deadline === "number" ? deadline : deadline.getTime()) - Date.now());
}

function inferenceHandlers({ server }: GrpcOptions): Readonly<Record<string, Handler>> {
  return {
    ServerLive: () => ({ live: true }),
    ServerReady: () => ({ ready: server.isReady() }),
    ModelReady: (message) => ({ ready: server.isModelReady(textOf(message, "name"), textOf(message, "version")) }),
    ServerMetadata: () => ({ ...server.metadata() }),
    ModelMetadata: (message) => {
      const file = server.files.get(textOf(message, "name"));
      file?.check(textOf(message, "version"));
      if (file !== undefined) return { ...file.metadata() };
      const { model, version } = server.find(textOf(message, "name"), textOf(message, "version"));
      return { ...metadataOf(model, version) };
    },
    ModelConfig: (message) => {
      const file = server.files.get(textOf(message, "name"));
      file?.check(textOf(message, "version"));
      if (file !== undefined) return { config: withEnums(file.config(server.maxRows)) };
      const { model, version } = server.find(textOf(message, "name"), textOf(message, "version"));
      return { config: withEnums(configOf(model, version, server.maxRows)) };
    },
    ModelStatistics: async (message) => ({ model_stats: await server.statistics(textOf(message, "name"), textOf(message, "version")) }),
    RepositoryIndex: (message) => ({ models: server.index(message["ready"] === true) }),
    RepositoryModelLoad: async (message) => {
      refuseLoadParameters(message["parameters"]);
      await server.load(textOf(message, "model_name"));
      return {};
    },
    RepositoryModelUnload: async (message) => {
      await server.unload(textOf(message, "model_name"));
      return {};
    },
  };
}

function healthHandlers({ server }: GrpcOptions): Readonly<Record<string, Handler>> {
  return {
    Check: (message) => {
      const service = textOf(message, "service");
      if (service !== "" && service !== inferenceService) throw new KarkhanaError("ROUTE_NOT_FOUND", { method: "health of", path: service.slice(0, 100) });
      return { status: server.isReady() ? 1 : 2 };
    },
  };
}

const enumNumbers: Readonly<Record<string, number>> = {
  FORMAT_NONE: 0,
  REJECT: 0,
  KIND_CPU: 2,
  TYPE_BOOL: 1,
  TYPE_UINT8: 2,
  TYPE_UINT16: 3,
  TYPE_UINT32: 4,
  TYPE_UINT64: 5,
  TYPE_INT8: 6,
  TYPE_INT16: 7,
  TYPE_INT32: 8,
  TYPE_INT64: 9,
  TYPE_FP16: 10,
  TYPE_FP32: 11,
  TYPE_FP64: 12,
  TYPE_STRING: 13,
  TYPE_BF16: 14,
};

/** The encoder wants enumeration values as numbers. */
function withEnums(value: unknown): Message {
  return JSON.parse(JSON.stringify(value), (key, item: unknown) =>
    (key === "data_type" || key === "format" || key === "kind" || key === "timeout_action") && typeof item === "string" ? enumNumbers[item] : item,
  ) as Message;
}

type GrpcCode = (typeof grpcStatus)[keyof typeof grpcStatus];

const byHttpStatus: Readonly<Record<number, GrpcCode>> = {
  400: grpcStatus.INVALID_ARGUMENT,
  401: grpcStatus.UNAUTHENTICATED,
  403: grpcStatus.PERMISSION_DENIED,
  404: grpcStatus.NOT_FOUND,
  409: grpcStatus.FAILED_PRECONDITION,
  413: grpcStatus.RESOURCE_EXHAUSTED,
  429: grpcStatus.RESOURCE_EXHAUSTED,
  501: grpcStatus.UNIMPLEMENTED,
  503: grpcStatus.UNAVAILABLE,
};

const byCode: Partial<Record<ErrorCode, GrpcCode>> = {
  SERVER_OVERLOADED: grpcStatus.RESOURCE_EXHAUSTED,
  MODEL_QUEUE_FULL: grpcStatus.RESOURCE_EXHAUSTED,
  DISK_FULL: grpcStatus.RESOURCE_EXHAUSTED,
  ANSWER_TIMEOUT: grpcStatus.DEADLINE_EXCEEDED,
  DEADLINE_PASSED: grpcStatus.DEADLINE_EXCEEDED,
};

function grpcError(
  error: unknown,
  statusOf: StatusOf,
): Partial<ServerErrorResponse> & { readonly code: GrpcCode; readonly details: string; readonly metadata: Metadata } {
  const { code, message, remedy } = toErrorRecord(error);
  const metadata = new Metadata();
  const grpcCode: GrpcCode = byCode[code] ?? byHttpStatus[statusOf(code)] ?? grpcStatus.INTERNAL;
  if (grpcCode === grpcStatus.RESOURCE_EXHAUSTED || grpcCode === grpcStatus.UNAVAILABLE) metadata.set("retry-after", "1");
  return { code: grpcCode, details: `${code}: ${message}. ${remedy}`, metadata };
}
