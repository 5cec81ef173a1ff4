/**
 * What the serving processes of one machine ask each other, on a loopback port of each: the port that clients know leads to any of them.
 * Only the platform's own processes know the token.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { KarkhanaError, toErrorRecord } from "../../kernel/error.ts";
import type { StatisticsReport } from "../oip/statistics.ts";
import type { PushOrigin } from "../faces.ts";
import type { ProcessState } from "./process-reports.ts";

/** What a process answers for itself alone. */
export interface OwnFace {
  state(): ProcessState;
  metrics(contentType: string): Promise<string>;
  /** @throws INFER_MODEL_UNKNOWN, MODEL_VERSION_NOT_LOADED */
  statistics(name: string | undefined, version: string | undefined): StatisticsReport[];
  /** @throws DEPLOYMENTS_UNREADABLE */
  refresh(): Promise<void>;
  load(name: string): Promise<void>;
  unload(name: string): Promise<void>;
  push(source: string, rows: readonly Readonly<Record<string, unknown>>[], origin: PushOrigin): Promise<unknown>;
}

export interface PeerServer {
  readonly port: number;
  close(): Promise<void>;
}

export async function listenToPeers(token: string, face: OwnFace): Promise<PeerServer> {
  const wanted = digestOf(`Bearer ${token}`);
  const server = createServer((request, response) => {
    const send = (status: number, body: string): void => void response.writeHead(status, { "content-type": "application/json" }).end(body);
    if (!timingSafeEqual(digestOf(request.headers.authorization ?? ""), wanted)) {
      send(401, JSON.stringify(toErrorRecord(new KarkhanaError("ACCESS_UNAUTHENTICATED", {}))));
      return;
    }
    answerOf(request, face).then(
      (body) => send(200, body),
      (error: unknown) => send(500, JSON.stringify(toErrorRecord(error))),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type PassedPush = PushOrigin & { readonly source: string; readonly rows: readonly Readonly<Record<string, unknown>>[] };

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

async function answerOf(request: IncomingMessage, face: OwnFace): Promise<string> {
  const { url = "/", method } = request;
  const { pathname, searchParams } = new URL(url, "http://peer");
  const name = searchParams.get("name") ?? undefined;
  switch (`${method} ${pathname}`) {
    case "GET /state":
      return JSON.stringify(face.state());
    case "GET /metrics":
      return face.metrics(searchParams.get("type") ?? "");
    case "GET /statistics":
      return JSON.stringify(face.statistics(name, searchParams.get("version") ?? undefined));
    case "POST /refresh":
      await face.refresh();
      return "{}";
    case "POST /load":
      await face.load(name ?? "");
      return "{}";
    case "POST /unload":
      await face.unload(name ?? "");
      return "{}";
    case "POST /push": {
      const { source, rows, producer, sequence } = JSON.parse(await textOf(request)) as PassedPush;
      return JSON.stringify(await face.push(source, rows, { producer, sequence }));
    }
    default:
      throw new KarkhanaError("ROUTE_NOT_FOUND", { method: method ?? "", path: pathname.slice(0, 200) });
  }
}

/** Of one length, so that comparing tells nothing. */
function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
