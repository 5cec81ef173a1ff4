import { KarkhanaError } from "../kernel/error.ts";
import type { Clock } from "../kernel/clock.ts";
import type { NewId } from "../kernel/ids.ts";
import type { BlobStore } from "../storage/blobs/port.ts";

/**
 * Files that come in parts, in any order, several at a time, each part whole or absent; the file appears when all are put together.
 *
 *   begin -> part 1..n (each may be sent again) -> complete -> the file, and a mark for whoever asks again
 *                                               -> abort    -> nothing
 *
 * Parts lie in the blob store under their upload's own id and never where a reader of artifacts looks. An upload that nobody ends is
 * removed by a later one's begin, a day on.
 */
export interface Uploads {
  begin(target: string, numParts: number): Promise<string>;
  /** @returns SHA-256 of the part @throws UPLOAD_NOT_FOUND */
  putPart(uploadId: string, part: number, data: AsyncIterable<Uint8Array>): Promise<string>;
  /** @throws UPLOAD_NOT_FOUND, UPLOAD_PART_MISSING, UPLOAD_PART_CHANGED; asked again, done already */
  complete(uploadId: string, target: string, parts: readonly UploadPart[], write: (data: AsyncIterable<Uint8Array>) => Promise<void>): Promise<void>;
  abort(uploadId: string, target: string): Promise<void>;
}

export interface UploadPart {
  readonly number: number;
  /** As `putPart` gave it; undefined: not compared. */
  readonly sha256?: string | undefined;
}

interface Header {
  readonly target: string;
  readonly numParts: number;
}

const folder = "mlflow-uploads";
const lifetimeMs = 24 * 60 * 60 * 1000;

export function createUploads({ blobs, clock, newId }: { blobs: BlobStore; clock: Clock; newId: NewId }): Uploads {
  const headerOf = async (uploadId: string): Promise<Header> => {
    if (!/^[0-9a-f]{32}$/.test(uploadId) || (await blobs.stat(`${folder}/${uploadId}/upload.json`)) === undefined)
      throw new KarkhanaError("UPLOAD_NOT_FOUND", { uploadId: uploadId.slice(0, 100) });
    return parseHeader(await blobs.get(`${folder}/${uploadId}/upload.json`));
  };
  const removeUpload = async (uploadId: string): Promise<void> => {
    for (const entry of await blobs.list(`${folder}/${uploadId}`)) await blobs.delete(entry.path);
  };
  const removeOld = async (): Promise<void> => {
    const oldestMs = Math.floor(clock.nowUs() / 1000) - lifetimeMs;
    for (const { path } of await blobs.list(folder)) {
      // An id begins with the millisecond it was made in.
      const uploadId = path.slice(folder.length + 1);
      if (Number.parseInt(uploadId.slice(0, 12), 16) < oldestMs) await removeUpload(uploadId);
    }
  };
  return {
    begin: async (target, numParts) => {
      await removeOld();
      const uploadId = newId();
      await blobs.put(`${folder}/${uploadId}/upload.json`, Buffer.from(JSON.stringify({ target, numParts })));
      return uploadId;
    },
    putPart: async (uploadId, part, data) => {
      const { numParts } = await headerOf(uploadId);
      if (part < 1 || part > numParts) throw new KarkhanaError("UPLOAD_NOT_FOUND", { uploadId: `${uploadId}, part ${part}` });
      const { sha256 } = await blobs.put(`${folder}/${uploadId}/part-${part}`, data);
      if (sha256 === undefined) throw new KarkhanaError("INTERNAL", { problem: "a blob was put without its hash" });
      // Beside the part, so that completing compares hashes without reading the parts twice.
      await blobs.put(`${folder}/${uploadId}/part-${part}.sha256`, Buffer.from(sha256));
      return sha256;
    },
    complete: async (uploadId, target, parts, write) => {
      const header = await headerOf(uploadId);
      if (header.target !== target) throw new KarkhanaError("UPLOAD_NOT_FOUND", { uploadId });
      if ((await blobs.stat(`${folder}/${uploadId}/completed`)) !== undefined) return;
      const ordered = [...parts].sort((a, b) => a.number - b.number);
      for (const [i, { number, sha256 }] of ordered.entries()) {
        const held = number === i + 1 ? await hashOf(blobs, uploadId, number) : undefined;
        if (held === undefined) throw new KarkhanaError("UPLOAD_PART_MISSING", { uploadId, part: i + 1 });
        if (sha256 !== undefined && sha256 !== held) throw new KarkhanaError("UPLOAD_PART_CHANGED", { uploadId, part: number });
      }
      if (ordered.length !== header.numParts) throw new KarkhanaError("UPLOAD_PART_MISSING", { uploadId, part: ordered.length + 1 });
      await write(joined(blobs, uploadId, header.numParts));
      // First the mark: a crash before it completes once more into the same file, a crash after it leaves parts for `removeOld`.
      await blobs.put(`${folder}/${uploadId}/completed`, Buffer.alloc(0));
      for (const { path } of await blobs.list(`${folder}/${uploadId}`)) if (path.includes("/part-")) await blobs.delete(path);
    },
    abort: async (uploadId, target) => {
      const header = await headerOf(uploadId);
      if (header.target !== target) throw new KarkhanaError("UPLOAD_NOT_FOUND", { uploadId });
      await removeUpload(uploadId);
    },
  };
}

async function hashOf(blobs: BlobStore, uploadId: string, part: number): Promise<string | undefined> {
  const at = `${folder}/${uploadId}/part-${part}.sha256`;
  return (await blobs.stat(at)) === undefined ? undefined : Buffer.from(await blobs.get(at)).toString("utf8");
}

async function* joined(blobs: BlobStore, uploadId: string, numParts: number): AsyncGenerator<Uint8Array> {
  for (let part = 1; part <= numParts; part++) yield* await blobs.stream(`${folder}/${uploadId}/part-${part}`);
}

function parseHeader(bytes: Uint8Array): Header {
  const header: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
  if (typeof header === "object" && header !== null && "target" in header && "numParts" in header) {
    const { target, numParts } = header;
    if (typeof target === "string" && typeof numParts === "number") return { target, numParts };
  }
  throw new KarkhanaError("INTERNAL", { problem: "an upload's header is unreadable" });
}
