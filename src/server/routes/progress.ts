import type { FastifyInstance } from "fastify";
import type { RouteContext } from "../control-rooms.ts";
import { schemas } from "../schemas.ts";

const heartbeatMs = 15_000;

/**
 * `GET /progress`: server-sent events. First `state` with the whole LoopProgress, then `loop` with each event.
 * A reader too slow to take the events misses some and is sent the whole state instead, so that it never holds memory.
 */
export function addProgressRoutes(app: FastifyInstance, { progress }: Pick<RouteContext, "progress">): void {
  app.get("/progress", { schema: { summary: "The running loop, live (server-sent events)", response: { 200: schemas.progress } } }, (request, reply) => {
    reply.hijack();
    const { raw } = reply;
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
    raw.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store", "x-accel-buffering": "no" });
    const write = (event: string, data: unknown): boolean => raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    let isFull = !write("state", progress.current());
    raw.on("drain", () => {
      isFull = !write("state", progress.current());
    });
    const unsubscribe = progress.subscribe((event) => {
      if (!isFull) isFull = !write("loop", event);
    });
    const heartbeat = setInterval(() => {
      if (!isFull) isFull = !raw.write(": still here\n\n");
    }, heartbeatMs);
    request.raw.on("close", () => {
      clearInterval(heartbeat);
      unsubscribe();
      raw.end();
    });
  });
}
