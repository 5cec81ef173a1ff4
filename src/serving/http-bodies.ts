import type { FastifyInstance } from "fastify";
import type { Compression } from "./compression.ts";

/**
 * Makes a server, or a plugin of it, read the bodies of one content type (`*`: of every one) and of no other.
 * @param maxBytes received, and unpacked; default what the server's routes take
 */
export type ReadBodies = (app: FastifyInstance, contentType: string, read: (body: Buffer) => unknown, maxBytes?: number) => void;

export function bodiesRead(compression: Compression): ReadBodies {
  return (app, contentType, read, maxBytes) => {
    if (maxBytes !== undefined)
      app.addHook("onRoute", (route) => {
        route.bodyLimit = maxBytes;
      });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser<Buffer>(contentType, { parseAs: "buffer" }, (request, body, done) => {
      const finish = (bytes: Buffer): void => {
        let value: unknown;
        try {
          value = read(bytes);
        } catch (error) {
          done(error instanceof Error ? error : new Error(String(error)), undefined);
          return;
        }
        done(null, value);
      };
      if (compression.isPacked(request)) compression.unpack(request, body, request.routeOptions.bodyLimit).then(finish, done);
      else finish(body);
    });
  };
}
