import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import { KarkhanaError } from "../../kernel/error.ts";
import type { RunFile } from "../../tracking/run-files.ts";
import type { ArtifactFolder, ArtifactPreview } from "../api-runs.ts";
import type { RouteContext } from "../control-rooms.ts";
import { extensionOf, imageType, kindOf, textOf } from "../preview/kinds.ts";
import { previewTable } from "../preview/table-preview.ts";
import { runSchemas as schemas } from "../schemas-runs.ts";
import { workspaceRooms } from "../workspace-rooms.ts";
import { attachment } from "./attachment.ts";
import { sendBlob } from "./send-blob.ts";

const runParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 200 }) });
const folderQuery = Type.Object({ path: Type.Optional(Type.String({ maxLength: 2000 })) });
const fileQuery = Type.Object({ path: Type.String({ minLength: 1, maxLength: 2000 }) });

const maxEntries = 1000;
const maxText = 256 * 1024;
const maxImage = 20 * 1024 * 1024;
const maxParquet = 256 * 1024 * 1024;
const maxCsv = 1024 * 1024;

type FileRequest = { Params: Static<typeof runParams>; Querystring: Static<typeof fileQuery> };

export function addArtifactRoutes(app: FastifyInstance, context: RouteContext): void {
  const roomsOf = workspaceRooms(context);
  const fileOf = async ({ tracking }: RouteContext, runId: string, path: string): Promise<RunFile> => {
    const { run, artifactUri, artifactsAreHere } = await tracking.runs.get(runId);
    if (!artifactsAreHere)
      throw new KarkhanaError("INVALID_ARGUMENT", { field: "run", problem: "its artifacts are kept at a place this server does not read", value: artifactUri });
    return { experimentId: run.experimentId, runId, path };
  };

  app.get<{ Params: Static<typeof runParams>; Querystring: Static<typeof folderQuery> }>(
    "/runs/:id/artifacts",
    { schema: { summary: "A folder of a run's artifacts", params: runParams, querystring: folderQuery, response: { 200: schemas.folder } } },
    async (request): Promise<ArtifactFolder> => {
      const path = request.query.path ?? "";
      const rooms = roomsOf(request);
      const found = await rooms.tracking.files.list(await fileOf(rooms, request.params.id, path));
      const entries = found
        .map((f) => ({ ...f, path: path === "" ? f.name : `${path}/${f.name}` }))
        .sort((a, b) => Number(b.isFolder) - Number(a.isFolder) || (a.name < b.name ? -1 : 1));
      return { path, entries: entries.slice(0, maxEntries), more: entries.length > maxEntries };
    },
  );

  app.get<FileRequest>(
    "/runs/:id/preview",
    {
      schema: {
        summary: "The beginning of an artifact, as something to look at",
        params: runParams,
        querystring: fileQuery,
        response: { 200: schemas.preview },
      },
    },
    async (request): Promise<ArtifactPreview> => {
      const { params, query } = request;
      const rooms = roomsOf(request);
      const { sizeBytes, content } = await rooms.tracking.files.read(await fileOf(rooms, params.id, query.path));
      return preview(query.path, sizeBytes, content);
    },
  );

  app.get<FileRequest>(
    "/runs/:id/image",
    {
      schema: { summary: "An artifact that is a PNG, JPEG, GIF or WebP picture", params: runParams, querystring: fileQuery, response: { 200: Type.Unknown() } },
    },
    async (request, reply) => {
      const { params, query } = request;
      const rooms = roomsOf(request);
      const { sizeBytes, content } = await rooms.tracking.files.read(await fileOf(rooms, params.id, query.path));
      const data = sizeBytes > maxImage ? new Uint8Array() : await startOf(content, sizeBytes);
      const type = imageType(data);
      if (type === undefined)
        throw new KarkhanaError("INVALID_ARGUMENT", { field: "query.path", problem: "it is not a picture that is shown here", value: query.path });
      return reply.headers({ "content-type": type, "content-security-policy": "default-src 'none'; sandbox", "content-length": data.length }).send(data);
    },
  );

  app.get<FileRequest>(
    "/runs/:id/download",
    { schema: { summary: "An artifact as a file to keep", params: runParams, querystring: fileQuery, response: { 200: Type.Unknown() } } },
    async (request, reply) => {
      const { params, query } = request;
      const rooms = roomsOf(request);
      const blob = await rooms.tracking.files.open(await fileOf(rooms, params.id, query.path));
      void reply.headers({
        "content-type": "application/octet-stream",
        "content-disposition": attachment(query.path),
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "no-store",
      });
      return sendBlob(request, reply, blob);
    },
  );
}

async function preview(path: string, sizeBytes: number, content: AsyncIterable<Uint8Array>): Promise<ArtifactPreview> {
  const file = { path, sizeBytes };
  const none = (why: string): ArtifactPreview => ({ kind: "none", ...file, why });
  const kind = kindOf(path);
  if (kind === "none") return none("A binary file. This program never loads it to look inside.");
  if (kind === "image") return sizeBytes > maxImage ? none("A picture of more than 20 MB.") : imagePreview(file, await startOf(content, 32));
  if (kind === "table") {
    const format = extensionOf(path) === "parquet" ? "parquet" : "csv";
    if (format === "parquet" && sizeBytes > maxParquet) return none("A Parquet file of more than 256 MB.");
    const table = await previewTable(content, format, format === "parquet" ? maxParquet : maxCsv);
    if (typeof table !== "string") return { kind: "table", ...file, ...table };
    return none(`It could not be read as a table: ${table}`);
  }
  const text = textOf(await startOf(content, maxText));
  if (text === undefined) return none("It is not text.");
  return { kind, ...file, truncated: sizeBytes > maxText, text };
}

function imagePreview(file: { path: string; sizeBytes: number }, start: Uint8Array): ArtifactPreview {
  return imageType(start) === undefined ? { kind: "none", ...file, why: "Its name says picture, its content does not." } : { kind: "image", ...file };
}

async function startOf(content: AsyncIterable<Uint8Array>, bytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of content) {
    chunks.push(chunk);
    held += chunk.length;
    if (held >= bytes) break;
  }
  return Buffer.concat(chunks).subarray(0, bytes);
}
