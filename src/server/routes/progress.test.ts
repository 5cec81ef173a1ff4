import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { fastify, type FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LoopEvent, LoopProgress, ProgressSource } from "../../workflows/progress.ts";
import { addProgressRoutes } from "./progress.ts";

/** A loop whose listeners can be counted. */
class Source implements ProgressSource {
  readonly listeners = new Set<(event: LoopEvent) => void>();
  last: LoopEvent = { event: "log", atUs: 0, text: "start" };
  /** Resolves when the last listener has gone. */
  readonly deserted: PromiseWithResolvers<void> = Promise.withResolvers();

  current(): LoopProgress {
    return { phases: [], replayUs: null, recent: [this.last], summary: null };
  }

  subscribe(listener: (event: LoopEvent) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.deserted.resolve();
    };
  }

  tell(text: string): void {
    this.last = { event: "log", atUs: 0, text };
    for (const listener of this.listeners) listener(this.last);
  }
}

let app: FastifyInstance;
let source: Source;
let response: ServerResponse | undefined;
beforeEach(async () => {
  source = new Source();
  app = fastify({ forceCloseConnections: true });
  app.addHook("onRequest", async (_request, reply) => {
    response = reply.raw;
  });
  addProgressRoutes(app, { progress: source });
  await app.listen({ host: "127.0.0.1", port: 0 });
});
afterEach(() => app.close());

async function follow(): Promise<Socket> {
  const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
  socket.write("GET /progress HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
  await once(socket, "data");
  return socket;
}

test("a reader that goes away is forgotten", async () => {
  const [one, two] = [await follow(), await follow()];
  expect(source.listeners.size).toBe(2);
  one.destroy();
  two.end();
  two.destroy();
  await source.deserted.promise;
  source.tell("to nobody");
});

test("a reader that does not read holds no memory, and has the latest state once it reads again", async () => {
  const socket = await follow();
  socket.pause();
  const text = "x".repeat(10_000);
  let largest = 0;
  for (let i = 0; i < 5000; i++) {
    source.tell(`${text}${i}`);
    largest = Math.max(largest, response?.writableLength ?? Infinity);
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  // 50 MB were told.
  expect(largest).toBeLessThan(100_000);
  source.tell("the end");
  let tail = "";
  socket.on("data", (chunk: Buffer) => (tail = (tail + chunk.toString()).slice(-20_000)));
  socket.resume();
  while (!tail.includes('"the end"')) await once(socket, "data");
  socket.destroy();
});
