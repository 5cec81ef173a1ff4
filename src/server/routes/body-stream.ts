import { Readable } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { FastifyRequest } from "fastify";

/**
 * Node's parser gives each piece of a body as a buffer of its own. They lie outside the heap, where the collector of young objects does not
 * count them; the bytes alone would then start a full collection every fifteen megabytes, which costs several times what writing them does.
 * So it is asked for a young one, half a millisecond, before that.
 */
const collectEveryBytes = 8 * 1024 * 1024;

/** A body as it comes. Left open where whoever reads it stops early: the rest is then drained, and the client hears why. */
export function bodyOf({ body }: FastifyRequest): AsyncIterable<Uint8Array> {
  return body instanceof Readable ? { [Symbol.asyncIterator]: () => piecesOf(body) } : Readable.from([]);
}

async function* piecesOf(body: Readable): AsyncGenerator<Uint8Array> {
  for await (const piece of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    received += piece.length;
    yield piece;
    if (received < collectEveryBytes) continue;
    received = 0;
    collectYoung();
  }
}

/** Of all uploads together. */
let received = 0;

const collectYoung: () => void = (() => {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  return typeof collect === "function" ? () => void collect({ type: "minor" }) : () => {};
})();
