import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { statusOf } from "../server/error-status.ts";
import { openWorld } from "./test-world.ts";

test("a connection on which nothing was asked does not hold up the end of the server", async () => {
  // Far beyond the test's own patience: only what closes it before that lets the test pass.
  const world = await openWorld({ statusOf, serving: { limits: { drainTimeoutMs: 600_000 } } });
  const socket = connect(world.port, "127.0.0.1");
  await once(socket, "connect");
  expect((await world.get("/health")).status).toBe(200);
  const closed = once(socket, "close");
  socket.on("error", () => {});
  socket.resume();
  await world.close();
  await closed;
});
