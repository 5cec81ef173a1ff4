/** Paths of MLflow's scoring server, so that its clients, and whatever was built to call it, call this server. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ReadBodies } from "../http-bodies.ts";
import type { AnswerWork } from "../http-call.ts";
import { infer, type InferOptions } from "../oip/infer.ts";
import { fallbackHeader } from "../oip/http-routes.ts";
import { refusedInfer } from "../oip/infer-request.ts";
import { scoreOutput } from "../oip/model-face.ts";
import type { OipServer } from "../oip/server.ts";
import { toJson } from "../oip/tensor-wire.ts";
import { readInvocationCsv, readInvocationJson } from "./invocations.ts";

/** The release whose scoring protocol this is; clients ask for it. */
const mlflowVersion = "3.17.2";

export interface InvocationOptions extends InferOptions {
  readonly server: OipServer;
  readonly answer: AnswerWork;
  readonly readBodies: ReadBodies;
  readonly modelNames: readonly string[];
  readonly maxBodyBytes: number;
}

export function addMlflowRoutes(parent: FastifyInstance, options: InvocationOptions): void {
  const { server, readBodies, maxBodyBytes } = options;
  void parent.register((app, _options, done) => {
    readBodies(app, "*", (body) => body, maxBodyBytes);
    app.get("/ping", (_request, reply) =>
      reply
        .code(server.isReady() ? 200 : 404)
        .header("content-type", "application/json")
        .send("\n"),
    );
    app.get("/version", (_request, reply) => reply.header("content-type", "application/json").send(mlflowVersion));
    app.post("/invocations", (request, reply) => score(request, reply, theModel(options.modelNames), options));
    app.post<{ Params: { name: string } }>("/v1/models/:name/invocations", (request, reply) => score(request, reply, request.params.name, options));
    done();
  });
}

function theModel(names: readonly string[]): string {
  const [name] = names;
  if (name !== undefined && names.length === 1) return name;
  throw refusedInfer(`the project has the models ${names.join(", ")}, so say which: POST /v1/models/{name}/invocations`);
}

function score(request: FastifyRequest, reply: FastifyReply, name: string, options: InvocationOptions): FastifyReply | undefined {
  const { server, answer } = options;
  const type = contentType(request.headers["content-type"] ?? "");
  if (typeof type === "object") return reply.code(415).header("content-type", "text/plain; charset=utf-8").send(type.problem);
  const model = server.model(name);
  answer(request, reply, name, async (call) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const asked = type === "json" ? readInvocationJson(body, server.maxRows) : readInvocationCsv(utf8(body), server.maxRows);
    const { outputs, fallback } = await infer(model, "", { ...asked, outputs: [{ name: scoreOutput, binary: false, classification: 0 }] }, call, options);
    const text = JSON.stringify({ predictions: toJson(outputs[0]!) });
    return fallback === undefined ? text : { body: text, headers: fallbackHeader(fallback) };
  });
  return undefined;
}

/** Refusals in the words of MLflow's server, which are plain text. */
function contentType(header: string): "json" | "csv" | { readonly problem: string } {
  const [mime = "", ...parameters] = header.split(";").map((part) => part.trim());
  for (const parameter of parameters) {
    const [key = "", value = ""] = parameter.split("=");
    if (key.toLowerCase() !== "charset") return { problem: `Unrecognized content type parameters: ${key.slice(0, 100)}.` };
    if (value.toLowerCase() !== "utf-8") return { problem: "The scoring server only supports UTF-8" };
  }
  if (mime === "application/json") return "json";
  if (mime === "text/csv") return "csv";
  return { problem: `This predictor only supports the following content types: text/csv, application/json. Got '${header.slice(0, 100)}'.` };
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw refusedInfer("the CSV is not UTF-8 text");
  }
}
