import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { ConnectionTurns } from "./connection-turns.ts";
import { InFlight } from "./in-flight.ts";

const open: (() => void)[] = [];
afterEach(() => open.splice(0).forEach((close) => close()));

/** A real server whose requests are answered when the test says so, and whose event loop is as busy as the test says. */
async function serve(maxInFlight: number) {
  const world = { utilization: 1, nowMs: 0, read: 0, refused: 0 };
  const inFlight = new InFlight<string>({ maxInFlight, answerTimeoutMs: 60_000, targetLatencyMs: 60_000 }, () => {});
  const turns = new ConnectionTurns({ inFlight, timerMs: () => world.nowMs, utilization: () => world.utilization });
  turns.look();
  const underWay: { readonly asked: string; readonly answer: () => void }[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    world.read++;
    request.resume();
    if (inFlight.isFull) {
      inFlight.countRefusal();
      world.refused++;
      response.writeHead(503, { "content-length": 0 }).end();
      turns.refused(request);
      return;
    }
    const ticket = inFlight.enter("", { startedMs: world.nowMs, model: "m", tenant: "t" });
    const answer = (): void => {
      inFlight.leave(ticket, world.nowMs);
      response.writeHead(200, { "content-length": 0 }).end();
      turns.answered(request.socket, ticket);
    };
    underWay.push({ asked: request.url ?? "", answer });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  open.push(() => (server.closeAllConnections(), server.close()));
  const client = async (): Promise<Socket> => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    open.push(() => socket.destroy());
    return socket;
  };
  /** Resolves once something the server does has come about. */
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise(setImmediate);
  };
  return { world, inFlight, turns, underWay, client, until };
}

function ask(socket: Socket, path: string): void {
  socket.write(`POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}`);
}

async function statusOf(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, "data")) as [Buffer];
  return chunk.toString("latin1").slice(9, 12);
}

/** Whatever was sent before is read before this is answered, unless it is not read at all. */
async function readMeanwhile(world: Awaited<ReturnType<typeof serve>>): Promise<string[]> {
  const other = await world.client();
  let answers = 0;
  other.on("data", () => answers++);
  ask(other, "/other");
  await world.until(() => world.underWay.at(-1)?.asked === "/other" || answers === 1);
  return world.underWay.map(({ asked }) => asked);
}

test("while more is under way than a busy server needs, a connection that was answered is read again in its turn", async () => {
  const server = await serve(1024);
  const clients = await Promise.all(Array.from({ length: 80 }, server.client));
  for (const [i, client] of clients.entries()) ask(client, `/${i}`);
  await server.until(() => server.underWay.length === 80);
  const [first, second, ...others] = server.underWay.splice(0);
  first!.answer();
  second!.answer();
  const place = (path: string): Socket => clients[Number(path.slice(1))]!;
  expect([server.turns.waiting, server.inFlight.waiting, server.inFlight.size]).toEqual([2, 2, 78]);
  ask(place(second!.asked), "/second-again");
  ask(place(first!.asked), "/first-again");
  expect(await readMeanwhile(server)).toEqual(["/other"]);
  // 79 under way now: places come free below 64, and those in line first take theirs.
  for (const one of others.slice(0, 16)) one.answer();
  await server.until(() => server.underWay.some(({ asked }) => asked === "/first-again"));
  expect(server.underWay.map(({ asked }) => asked)).toEqual(["/other", "/first-again"]);
  others[16]!.answer();
  await server.until(() => server.underWay.some(({ asked }) => asked === "/second-again"));
});

test("a server with time to spare reads every connection, however many are under way", async () => {
  const server = await serve(1024);
  server.world.utilization = 0.5;
  server.world.nowMs = 100;
  server.turns.look();
  const clients = await Promise.all(Array.from({ length: 80 }, server.client));
  for (const client of clients) ask(client, "/");
  await server.until(() => server.underWay.length === 80);
  for (const one of server.underWay.splice(0)) one.answer();
  expect(server.turns.waiting).toBe(0);
  for (const client of clients) ask(client, "/again");
  await server.until(() => server.underWay.length === 80);
});

test("when it has time to spare again, those in line are read at once", async () => {
  const server = await serve(1024);
  const clients = await Promise.all(Array.from({ length: 80 }, server.client));
  for (const client of clients) ask(client, "/");
  await server.until(() => server.underWay.length === 80);
  for (const one of server.underWay.splice(0, 10)) one.answer();
  expect(server.turns.waiting).toBe(10);
  server.world.utilization = 0.1;
  server.world.nowMs = 100;
  server.turns.look();
  expect([server.turns.waiting, server.inFlight.waiting]).toEqual([0, 0]);
});

test("a refused connection is not read while there is no room, and is refused once more when Retry-After has passed", async () => {
  const server = await serve(2);
  const [a, b, c] = await Promise.all([server.client(), server.client(), server.client()]);
  ask(a, "/a");
  ask(b, "/b");
  await server.until(() => server.underWay.length === 2);
  ask(c, "/c");
  expect(await statusOf(c)).toBe("503");
  await server.until(() => server.turns.resting === 1);
  ask(c, "/c-again");
  await readMeanwhile(server);
  server.world.nowMs = 999;
  server.turns.look();
  await readMeanwhile(server);
  // The first three, and the two others that showed that it is not.
  expect(server.world.read).toBe(5);
  const refused = once(c, "data");
  server.world.nowMs = 1001;
  server.turns.look();
  await refused;
  expect(server.underWay.map(({ asked }) => asked).toSorted()).toEqual(["/a", "/b"]);
});

test("it is read as soon as half of the room was free for a while", async () => {
  const server = await serve(4);
  const clients = await Promise.all(Array.from({ length: 5 }, server.client));
  for (const [i, client] of clients.entries()) {
    ask(client, `/${i}`);
    await server.until(() => server.world.read === i + 1);
  }
  const last = clients[4]!;
  await server.until(() => server.turns.resting === 1);
  ask(last, "/again");
  for (const one of server.underWay.splice(0, 3)) one.answer();
  // It was full since the last look.
  server.turns.look();
  expect(server.turns.resting).toBe(1);
  server.turns.look();
  expect(server.turns.resting).toBe(0);
  await server.until(() => server.underWay.some(({ asked }) => asked === "/again"));
});

test("a server that ends reads everybody, and lets nobody wait from then on", async () => {
  const server = await serve(80);
  const clients = await Promise.all(Array.from({ length: 82 }, server.client));
  for (const client of clients.slice(0, 80)) ask(client, "/");
  await server.until(() => server.underWay.length === 80);
  for (const client of clients.slice(80)) ask(client, "/");
  await server.until(() => server.turns.resting === 2);
  for (const one of server.underWay.splice(0, 5)) one.answer();
  expect(server.turns.waiting).toBe(5);
  server.turns.end();
  expect([server.turns.waiting, server.turns.resting, server.inFlight.waiting]).toEqual([0, 0, 0]);
  for (const one of server.underWay.splice(0, 5)) one.answer();
  expect(server.turns.waiting).toBe(0);
});

test("who waits in line holds room: with the line full whoever comes is refused, and nobody's share is larger for waiting", () => {
  const inFlight = new InFlight<string>({ maxInFlight: 100, answerTimeoutMs: 1000, targetLatencyMs: 100 }, () => {});
  const refusalOf = (tenant: string): unknown => {
    try {
      return inFlight.enter("", { startedMs: 0, tenant }).tenant;
    } catch (error) {
      return codeOf(error);
    }
  };
  inFlight.beginWait({ model: "", tenant: "small" }, 0);
  for (let i = 0; i < 50; i++) inFlight.beginWait({ model: "", tenant: "flood" }, 0);
  expect([refusalOf("flood"), refusalOf("small")]).toEqual(["SHARE_EXCEEDED", "small"]);
  for (let i = 0; i < 48; i++) inFlight.beginWait({ model: "", tenant: "small" }, 0);
  expect([inFlight.isFull, refusalOf("small"), inFlight.takePeak()]).toEqual([true, "SERVER_OVERLOADED", 100]);
  for (let i = 0; i < 50; i++) inFlight.endWait({ model: "", tenant: "flood" }, 10);
  expect([inFlight.waiting, inFlight.isFull, refusalOf("flood")]).toEqual([49, false, "flood"]);
});
