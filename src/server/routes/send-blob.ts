/** Files of any size to a client, through a few buffers that are used again: a fresh one for each part would have the garbage collector look through everything every ten megabytes. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { ByteRange, OpenBlob } from "../../storage/blobs/port.ts";

const bufferBytes = 512 * 1024;
/** As many downloads go on without making one. */
const maxKept = 4;
const kept: Buffer[] = [];

/**
 * Answers with the blob, or the part of it that `rangeOf` gives, and closes it, whatever happens.
 * A disk that fails half way ends the connection: the client then sees fewer bytes than were announced.
 */
export async function sendBlob(
  { method, raw: { socket } }: FastifyRequest,
  reply: FastifyReply,
  blob: OpenBlob,
  rangeOf: (sizeBytes: number) => ByteRange | undefined = () => undefined,
): Promise<FastifyReply> {
  try {
    const { sizeBytes } = blob;
    const range = rangeOf(sizeBytes);
    const [from, end] = range === undefined ? [0, sizeBytes] : [range.from, Math.min(range.to + 1, sizeBytes)];
    void reply.header("content-length", end - from);
    if (range !== undefined) void reply.code(206).header("content-range", `bytes ${from}-${end - 1}/${sizeBytes}`);
    reply.hijack();
    reply.raw.statusCode = reply.statusCode;
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value);
    if (method !== "HEAD") await sendBytes(reply.raw, blob, from, end);
    reply.raw.end();
  } catch (error) {
    if (!reply.sent) throw error;
    socket.destroy();
  } finally {
    await blob.close();
  }
  return reply;
}

async function sendBytes(response: ServerResponse, blob: OpenBlob, from: number, end: number): Promise<void> {
  const buffer = kept.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
  const closed = once(response, "close");
  for (let at = from; at < end;) {
    const bytes = await blob.read(buffer.subarray(0, Math.min(buffer.length, end - at)), at);
    if (bytes === 0) throw new Error(`a blob ended at byte ${at} of ${end}`);
    // The buffer is the socket's until the system has all of it.
    const isTaken = await Promise.race([written(response, buffer.subarray(0, bytes)), closed.then(() => false)]);
    if (!isTaken) return;
    at += bytes;
  }
  if (kept.length < maxKept) kept.push(buffer);
}

/** @returns false if the client went away */
function written(response: ServerResponse, bytes: Buffer): Promise<boolean> {
  return new Promise((resolve) => response.write(bytes, (error) => resolve(error === null || error === undefined)));
}
