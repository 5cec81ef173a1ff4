/** Open Inference Protocol v2 over HTTP, with Triton's extensions. A plugin of its own: bodies are bytes here, whatever their content type says. */
import type { FastifyInstance } from "fastify";
import type { ReadBodies } from "../http-bodies.ts";
import type { AnswerWork } from "../http-call.ts";
import { isObject } from "../request-fields.ts";
import type { FileModel } from "./file-model.ts";
import { infer, questionOf, type InferOptions } from "./infer.ts";
import { parseJson, readInferHttp, writeInferHttp, type InferReply } from "./infer-http.ts";
import { refusedInfer, unsupportedInfer, type InferLimits } from "./infer-request.ts";
import { configOf, metadataOf } from "./model-face.ts";
import type { OipServer } from "./server.ts";
import { shortly } from "./tensor-wire.ts";

interface ModelParams {
  Params: { name: string; version?: string };
}

const jsonLengthHeader = "inference-header-content-length";

export interface OipRoutesOptions extends InferOptions {
  readonly server: OipServer;
  readonly answer: AnswerWork;
  readonly readBodies: ReadBodies;
  readonly inferLimits: InferLimits;
  readonly maxBodyBytes: number;
}

export function addOipRoutes(parent: FastifyInstance, options: OipRoutesOptions): void {
  const { server, answer, readBodies, inferLimits, maxBodyBytes } = options;
  void parent.register((app, _options, done) => {
    readBodies(app, "*", (body) => body, maxBodyBytes);

    const fileOf = ({ name, version }: ModelParams["Params"]): FileModel | undefined => {
      const file = server.files.get(name);
      file?.check(version);
      return file;
    };
    app.get("/v2/health/live", () => ({ live: true }));
    app.get("/v2/health/ready", (_request, reply) => reply.code(server.isReady() ? 200 : 400).send({ ready: server.isReady() }));
    app.get("/v2", () => server.metadata());
    for (const model of ["/v2/models/:name", "/v2/models/:name/versions/:version"]) {
      app.get<ModelParams>(model, ({ params }) => {
        const file = fileOf(params);
        if (file !== undefined) return file.metadata();
        const { model, version } = server.find(params.name, params.version);
        return metadataOf(model, version);
      });
      app.get<ModelParams>(`${model}/ready`, ({ params }, reply) => {
        const isReady = server.isModelReady(params.name, params.version);
        return reply.code(isReady ? 200 : 400).send({ name: params.name, ready: isReady });
      });
      app.get<ModelParams>(`${model}/config`, ({ params }) => {
        const file = fileOf(params);
        if (file !== undefined) return file.config(server.maxRows);
        const { model, version } = server.find(params.name, params.version);
        return configOf(model, version, server.maxRows);
      });
      app.get<ModelParams>(`${model}/stats`, async ({ params }) => ({ model_stats: await server.statistics(params.name, params.version) }));
      app.post<ModelParams>(`${model}/infer`, (request, reply) => {
        const { params } = request;
        const file = fileOf(params);
        const served = file === undefined ? server.model(params.name) : undefined;
        answer(request, reply, params.name, async (call) => {
          const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
          const jsonLength = readJsonLength(request.headers[jsonLengthHeader]);
          const raw = jsonLength === 0 ? (file === undefined ? server.find(params.name, params.version).version.rows.matrix : file.rawInput) : undefined;
          const asked = readInferHttp(body, jsonLength, raw, inferLimits);
          if (asked.timeoutUs > 0) call.deadlineMs = Math.min(call.deadlineMs, call.startedMs + asked.timeoutUs / 1000);
          const answered =
            served === undefined
              ? await (server.files.get(params.name) ?? file!).infer(asked, call, options)
              : await infer(served, params.version ?? "", questionOf(asked), call, options);
          const wanted = asked.outputs;
          const written = writeInferHttp(answered, (name) => wanted?.find((output) => output.name === name)?.binary ?? asked.binaryByDefault);
          const said = fallbackHeader(answered.fallback);
          if (written.jsonLength === undefined) return { body: written.body, headers: { "content-type": "application/json", ...said } };
          return { body: written.body, headers: { "content-type": "application/octet-stream", [jsonLengthHeader]: String(written.jsonLength), ...said } };
        });
      });
    }
    app.get("/v2/models/stats", async () => ({ model_stats: await server.statistics(undefined, undefined) }));

    app.post("/v2/repository/index", (request) => {
      const body = optionalJson(request.body);
      return server.index(body["ready"] === true);
    });
    app.post<ModelParams>("/v2/repository/models/:name/load", async ({ params, body }, reply) => {
      refuseLoadParameters(optionalJson(body)["parameters"]);
      await server.load(params.name);
      return reply.send({});
    });
    app.post<ModelParams>("/v2/repository/models/:name/unload", async ({ params }, reply) => {
      await server.unload(params.name);
      return reply.send({});
    });
    for (const [path, feature] of [
      ["systemsharedmemory", "regions of shared memory"],
      ["cudasharedmemory", "regions of CUDA's shared memory"],
      ["trace", "trace settings"],
      ["logging", "log settings"],
    ] as const) {
      app.all(`/v2/${path}`, () => {
        throw unsupportedInfer(feature);
      });
      app.all(`/v2/${path}/*`, () => {
        throw unsupportedInfer(feature);
      });
    }
    done();
  });
}

/** Says to whoever reads no parameters, as MLflow's clients, that another answered: `previous` or `rule`. */
export function fallbackHeader(fallback: InferReply["fallback"]): Readonly<Record<string, string>> {
  return fallback === undefined ? {} : { "x-karkhana-fallback": fallback };
}

/** @throws INFER_REFUSED */
function readJsonLength(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  const length = typeof header === "string" && /^\d{1,10}$/.test(header) ? Number(header) : Number.NaN;
  if (!Number.isInteger(length)) throw refusedInfer(`Inference-Header-Content-Length is ${shortly(header)}, expected a whole number from 0`);
  return length;
}

/** Clients send nothing, or `{}`. @throws INFER_REFUSED */
function optionalJson(body: unknown): Readonly<Record<string, unknown>> {
  if (!Buffer.isBuffer(body) || body.length === 0) return {};
  const value = parseJson(body);
  if (!isObject(value)) throw refusedInfer("the body is not an object");
  return value;
}

/** @throws INFER_UNSUPPORTED */
export function refuseLoadParameters(parameters: unknown): void {
  if (!isObject(parameters)) return;
  const [name] = Object.keys(parameters);
  if (name !== undefined)
    throw unsupportedInfer(`load parameter ${name.slice(0, 100)}: versions come from the registry, so files or configurations sent along`);
}
