/** Files of runs and logged models: MLflow's artifact proxy, uploads in parts and signed addresses, and the fetches of its pages. */
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { KarkhanaError } from "../../kernel/error.ts";
import { defaultWorkspace } from "../../kernel/workspace.ts";
import { parseBlobPath } from "../../storage/blobs/path.ts";
import { deleteFile, listProxied, openFile, writeFile } from "../../tracking/mlflow/artifact-calls.ts";
import { proxiedFile, type ProxiedFile } from "../../tracking/mlflow/artifact-uri.ts";
import type { MlflowTracking } from "../../tracking/mlflow/call.ts";
import { refuse, refuseMissing, type Message } from "../../tracking/mlflow/message.ts";
import { attachment } from "./attachment.ts";
import { sendBlob } from "./send-blob.ts";
import { bodyOf } from "./body-stream.ts";
import { byteRange } from "./byte-range.ts";
import { answerErrors, answerThrown, hidden, messageOf, queryOf, readJson, readStream } from "./mlflow-request.ts";

/** Of a file that comes in one request from a page; clients' uploads are streamed to disk without a limit. */
const maxUploadBytes = 10 * 1024 * 1024;
const maxParts = 10_000;
const signedLifetimeMs = 60 * 60 * 1000;
/** Blob folder of a version's files; empty if they are not kept here. */
export type VersionFolder = (request: FastifyRequest, model: string, version: number) => Promise<string>;
/** The files of the workspace that a request names. */
export type TrackingOf = (request: FastifyRequest) => MlflowTracking;
type Below = { Params: { "*": string } };

/** Files of runs and models as MLflow's own pages, and scripts made after them, fetch and put them. */
export function addPageFiles(scope: FastifyInstance, trackingOf: TrackingOf, versionFolder: VersionFolder): void {
  answerThrown(scope);
  readStream(scope);
  const runFile = async (request: FastifyRequest): Promise<ProxiedFile> => {
    const message = messageOf(request);
    const path = message.text("path") || refuse("Request must specify path.");
    const { run } = await trackingOf(request).runs.get(message.runId());
    return { kind: "run", file: { experimentId: run.experimentId, runId: run.runId, path } };
  };
  scope.get("/get-artifact", hidden, async (request, reply) => sendFile(request, reply, trackingOf(request), await runFile(request)));
  scope.get("/ajax-api/2.0/mlflow/logged-models/:model_id/artifacts/files", hidden, async (request, reply) => {
    const message = messageOf(request);
    const tracking = trackingOf(request);
    const path = message.text("artifact_file_path");
    if (path === undefined || path === "") throw new KarkhanaError("REQUEST_MALFORMED", { problem: 'its query has no "artifact_file_path"' });
    const { modelId, experimentId } = await tracking.loggedModels.get(message.requiredText("model_id"));
    return sendFile(request, reply, tracking, { kind: "model", file: { experimentId, modelId, path } });
  });
  scope.get("/model-versions/get-artifact", hidden, async (request, reply) => {
    const message = messageOf(request);
    const path = message.text("path") || refuse("Request must specify path.");
    parseBlobPath(path);
    const version = message.integer("version") ?? refuseMissing("version");
    const folder = await versionFolder(request, message.requiredText("name"), version);
    if (folder === "") refuse("The files of this version are kept at a place that this server does not read.");
    const tracking = trackingOf(request);
    return sendFile(request, reply, tracking, await proxiedFile(tracking, `${folder}/${path}`));
  });
  scope.post("/ajax-api/2.0/mlflow/upload-artifact", hidden, async (request) => {
    const message = queryOf(request);
    const [runId, path] = [message.text("run_uuid") || refuse("Request must specify run_uuid."), message.text("path") || refuse("Request must specify path.")];
    parseBlobPath(path);
    const body = request.body instanceof Readable ? await readUpload(request.body) : Buffer.alloc(0);
    if (body.length === 0) refuse("Request must specify data.");
    const tracking = trackingOf(request);
    const { run } = await tracking.runs.get(runId);
    await tracking.files.write({ experimentId: run.experimentId, runId, path }, Readable.from([body]));
    return {};
  });
}

async function readUpload(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxUploadBytes) refuse("Artifact size is too large. Max size is 10MB.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export interface ProxyTracking {
  readonly of: TrackingOf;
  /** For an address that says its workspace itself. */
  readonly inWorkspace: (workspace: string) => MlflowTracking;
}

export function addProxy(scope: FastifyInstance, { of: trackingOf, inWorkspace }: ProxyTracking): void {
  answerErrors(scope);
  readStream(scope);
  scope.get("/artifacts", hidden, (request) => listProxied(messageOf(request), trackingOf(request)));
  scope.get<Below>("/artifacts/*", hidden, async (request, reply) => {
    const tracking = trackingOf(request);
    return sendFile(request, reply, tracking, await proxiedFile(tracking, request.params["*"]));
  });
  scope.put<Below>("/artifacts/*", hidden, async (request) => {
    const tracking = trackingOf(request);
    await writeFile(tracking, await proxiedFile(tracking, request.params["*"]), bodyOf(request));
    return {};
  });
  scope.delete<Below>("/artifacts/*", hidden, async (request) => {
    const tracking = trackingOf(request);
    await deleteFile(tracking, await proxiedFile(tracking, request.params["*"]));
    return {};
  });
  scope.get<Below>("/presigned/*", hidden, async (request) => {
    const path = request.params["*"];
    const tracking = trackingOf(request);
    const blob = await openFile(tracking, await proxiedFile(tracking, path));
    await blob.close();
    const query = `${signedQuery(await tracking.signing.sign(["GET", tracking.workspace, path], signedLifetimeMs))}&workspace=${tracking.workspace}`;
    return { url: `${baseOf(request)}/signed/artifacts/${path.split("/").map(encodeURIComponent).join("/")}?${query}`, headers: {}, file_size: blob.sizeBytes };
  });
  // Whoever holds such an address needs no login: it says itself what it allows and until when.
  scope.get<Below>("/signed/artifacts/*", hidden, async (request, reply) => {
    const path = request.params["*"];
    const workspace = queryOf(request).text("workspace") ?? defaultWorkspace;
    const tracking = inWorkspace(defaultWorkspace);
    await tracking.signing.require(["GET", workspace, path], signatureOf(request));
    const own = inWorkspace(workspace);
    return sendFile(request, reply, own, await proxiedFile(own, path));
  });
  scope.put<{ Params: { uploadId: string; part: string } }>("/signed/parts/:uploadId/:part", hidden, async (request, reply) => {
    const { uploadId, part } = request.params;
    const tracking = inWorkspace(defaultWorkspace);
    await tracking.signing.require(["PUT", uploadId, part], signatureOf(request));
    const sha256 = await tracking.uploads.putPart(uploadId, Number(part), bodyOf(request));
    return reply.header("etag", `"${sha256}"`).send({});
  });
  void scope.register(async (inner) => addUploads(inner, trackingOf), { prefix: "/mpu" });
}

/** The client puts the parts straight to the addresses it is given, and says here when all are there. */
function addUploads(scope: FastifyInstance, trackingOf: TrackingOf): void {
  readJson(scope);
  scope.post<Below>("/create/*", hidden, async (request) => {
    const message = messageOf(request);
    const tracking = trackingOf(request);
    const numParts = message.integer("num_parts") ?? 1;
    if (numParts < 1 || numParts > maxParts) refuse(`Invalid value ${numParts} for parameter 'num_parts' supplied. It must be from 1 to ${maxParts}.`);
    const target = targetOf(request.params["*"], message);
    // Refused now rather than after all its parts.
    const { kind, file } = await proxiedFile(tracking, target);
    await (kind === "run" ? tracking.files.requireWritable(file) : tracking.modelFiles.requireWritable(file));
    const uploadId = await tracking.uploads.begin(target, numParts);
    const credentials: object[] = [];
    for (let part = 1; part <= numParts; part++) {
      const query = signedQuery(await tracking.signing.sign(["PUT", uploadId, String(part)], signedLifetimeMs * 24));
      credentials.push({ url: `${baseOf(request)}/signed/parts/${uploadId}/${part}?${query}`, part_number: part, headers: {} });
    }
    return { upload_id: uploadId, credentials };
  });
  scope.post<Below>("/complete/*", hidden, async (request) => {
    const message = messageOf(request);
    const tracking = trackingOf(request);
    const target = targetOf(request.params["*"], message);
    const parts = message.items("parts").map(({ path, message: part }) => ({
      number: part.integer("part_number") ?? refuseMissing(`${path}.part_number`),
      sha256: part.text("etag")?.replaceAll('"', "") || undefined,
    }));
    const file = await proxiedFile(tracking, target);
    await tracking.uploads.complete(message.requiredText("upload_id"), target, parts, (data) => writeFile(tracking, file, data));
    return {};
  });
  scope.post<Below>("/abort/*", hidden, async (request) => {
    const message = messageOf(request);
    await trackingOf(request).uploads.abort(message.requiredText("upload_id"), targetOf(request.params["*"], message));
    return {};
  });
}

/** The client names the file by its path on its own disk. */
function targetOf(folder: string, message: Message): string {
  const name = message.requiredText("path").split(/[/\\]/).at(-1) ?? "";
  return `${folder.replace(/\/+$/, "")}/${name}`;
}

/** As the client wrote this server's address, up to and with the proxy's own prefix. */
function baseOf(request: FastifyRequest): string {
  const prefix = /^.*?\/mlflow-artifacts/.exec(request.url)?.[0] ?? "";
  return `${request.protocol}://${request.host}${prefix}`;
}

function signedQuery({ expiresMs, signature }: { expiresMs: number; signature: string }): string {
  return `expires=${expiresMs}&signature=${signature}`;
}

function signatureOf(request: FastifyRequest): { expiresMs: number; signature: string } {
  const message = queryOf(request);
  return { expiresMs: message.integer("expires") ?? 0, signature: message.text("signature") ?? "" };
}

/** Never shown in place: a page among the artifacts must not run as one of ours. */
async function sendFile(request: FastifyRequest, reply: FastifyReply, tracking: MlflowTracking, file: ProxiedFile): Promise<FastifyReply> {
  const blob = await openFile(tracking, file);
  void reply.headers({ "content-type": "application/octet-stream", "content-disposition": attachment(file.file.path), "accept-ranges": "bytes" });
  return sendBlob(request, reply, blob, (size) => byteRange(request.headers.range, size));
}
