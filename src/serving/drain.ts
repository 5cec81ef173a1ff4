import type { IncomingMessage } from "node:http";

const maxDrainedBytes = 64 * 1024 * 1024;
const maxDrainMs = 2000;

/**
 * Resolves when the client has sent what it was about to send. A connection closed with unread bytes is reset, and then most clients report a
 * broken connection in place of the refusal they were sent. What is drained is not kept; endless or slow bodies are given up on.
 */
export function drained(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let numBytes = 0;
    const done = (): void => {
      clearTimeout(timer);
      request.off("data", count).off("end", done).off("close", done).off("error", done);
      resolve();
    };
    const count = (chunk: Buffer): void => {
      numBytes += chunk.length;
      if (numBytes > maxDrainedBytes) done();
    };
    const timer = setTimeout(done, maxDrainMs);
    if (request.readableEnded || request.destroyed) done();
    else request.on("data", count).once("end", done).once("close", done).once("error", done);
  });
}
