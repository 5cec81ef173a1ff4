<<<<<<< HEAD
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDirectory } from "../access/directory.ts";
import { Gate } from "../access/gate.ts";
import type { Role } from "../access/roles.ts";
import { accessMigrations } from "../access/tables.ts";
import { ManualClock } from "../kernel/clock.ts";
import { migrate } from "../storage/sql/migrate.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { openSqlite } from "../storage/sql/sqlite.ts";
import { statusOf } from "../server/error-status.ts";
import { roleForServing } from "./access.ts";
import { lateRide, openWorld, type World } from "./test-world.ts";

let world: World;
let folder: string;
let database: SqlDatabase;
const clock = new ManualClock(1_000_000_000);
const tokens = new Map<Role, string>();

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-access-"));
  database = await openSqlite(path.join(folder, "meta.db"));
  await migrate(database, accessMigrations);
  const directory = createDirectory({ database, clock });
  for (const role of ["viewer", "editor", "admin"] as const) {
    await directory.addUser(role, role);
    tokens.set(role, await directory.addToken(role, "test"));
  }
  world = await openWorld({ statusOf, serving: { gate: new Gate({ directory, clock, internalToken: "inner" }) } });
});
afterAll(async () => {
  await world.close();
  await database.close();
  await rm(folder, { recursive: true });
});

const routes: readonly (readonly [method: string, path: string, needed: Role])[] = [
  ["GET", "/v1/models", "viewer"],
  ["GET", "/v1/stats", "viewer"],
  ["GET", "/metrics", "viewer"],
  ["POST", `/v1/models/${lateRide.name}/predict`, "viewer"],
  ["POST", `/v1/models/${lateRide.name}/labels`, "editor"],
  ["POST", "/v1/sources/rides/push", "editor"],
  ["POST", "/v1/admin/refresh", "editor"],
];

async function ask(method: string, path: string, authorization?: string): Promise<number> {
  const headers = { "content-type": "application/json", ...(authorization === undefined ? {} : { authorization }) };
  const response = await fetch(`${world.url}${path}`, { method, headers, ...(method === "GET" ? {} : { body: "{}" }) });
  await response.arrayBuffer();
  return response.status;
}

describe.each(routes)("%s %s", (method, path, needed) => {
  test("answers who is known and may, remembered or not", async () => {
    const order: readonly Role[] = ["viewer", "editor", "admin"];
    for (const authorization of [undefined, "Bearer nonsense", "Basic eDp5"]) expect(await ask(method, path, authorization)).toBe(401);
    for (const role of [...order, ...order]) {
      const status = await ask(method, path, `Bearer ${tokens.get(role) ?? ""}`);
      expect([role, status === 403]).toEqual([role, order.indexOf(role) < order.indexOf(needed)]);
      expect(status).not.toBe(401);
    }
    expect([401, 403]).not.toContain(await ask(method, path, "Bearer inner"));
  });
});

test("health asks nobody, so that whoever restarts the process can see it", async () => {
  expect(await ask("GET", "/health")).toBe(200);
});

test("a path that is no route says so and nothing else", async () => {
  expect(await ask("GET", "/v1/none")).toBe(404);
});

test("roles of protocols to come: asking is a viewer's, loading an admin's", () => {
  expect(roleForServing("POST", "/v2/models/:name/infer")).toBe("viewer");
  expect(roleForServing("POST", "/invocations")).toBe("viewer");
  expect(roleForServing("GET", "/v2/health/ready")).toBeUndefined();
  expect(roleForServing("POST", "/v2/repository/models/:name/load")).toBe("admin");
  expect(roleForServing("POST", "/anything/new")).toBe("editor");
=======
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { afterEach, expect, test } from "vitest";
import { KarkhanaError } from "../kernel/error.ts";
import { statusOf } from "../server/error-status.ts";
import { Access } from "./access.ts";
import { openWorld, predictPath, question, type World } from "./test-world.ts";

let world: World;
afterEach(() => world.close());
const token = "a-token-of-some-length";

test("without a token nothing listens beyond this machine", async () => {
  world = await openWorld({ statusOf });
  await expect(world.serving.listen({ host: "0.0.0.0", port: 0 })).rejects.toMatchObject({
    code: "INVALID_CONFIG",
    message: expect.stringContaining("KARKHANA_SERVING_TOKEN"),
  });
});

test("beyond this machine every question needs the token; probes and metrics do not", async () => {
  world = await openWorld({ statusOf, listenHost: "0.0.0.0", grpc: true, serving: { token } });
  for (const path of ["/health", "/ping", "/metrics", "/v2/health/live", "/v2/health/ready?x=1"])
    expect((await fetch(world.url + path)).status, path).toBe(200);
  for (const path of ["/v1/models", "/v1/stats", "/v2", "/v2/models/late_ride", "/nowhere"]) expect((await fetch(world.url + path)).status, path).toBe(401);
  const ask = async (headers: Record<string, string>): Promise<number> => (await world.post(predictPath, question("q"), headers)).status;
  expect(await ask({})).toBe(401);
  for (const wrong of ["", "Bearer", "Bearer x", `Basic ${token}`, `Bearer ${token}x`, token]) expect(await ask({ authorization: wrong }), wrong).toBe(401);
  expect(await ask({ authorization: `Bearer ${token}` })).toBe(200);
  expect(await ask({ authorization: `bearer ${token}`, host: "replica-3.example" })).toBe(200);
  expect((await world.log.predictions(0, 10)).length).toBe(2);
});

test("gRPC asks for the same token", async () => {
  world = await openWorld({ statusOf, listenHost: "0.0.0.0", grpc: true, serving: { token } });
  const client = new Client(`127.0.0.1:${world.grpcPort}`, credentials.createInsecure());
  const call = (method: string, authorization?: string): Promise<number> =>
    new Promise((resolve) => {
      const metadata = new Metadata();
      if (authorization !== undefined) metadata.set("authorization", authorization);
      const asIs = (value: Buffer): Buffer => value;
      client.makeUnaryRequest(`/inference.GRPCInferenceService/${method}`, asIs, asIs, Buffer.alloc(0), metadata, (error: ServiceError | null) =>
        resolve(error?.code ?? status.OK),
      );
    });
  expect(await call("ServerReady")).toBe(status.OK);
  for (const method of ["ServerMetadata", "ModelInfer", "RepositoryIndex"]) expect(await call(method), method).toBe(status.UNAUTHENTICATED);
  expect(await call("ServerMetadata", `Bearer ${token}`)).toBe(status.OK);
  expect(await call("ModelInfer", `Bearer ${token}`)).toBe(status.NOT_FOUND);
  client.close();
  const access = new Access();
  access.token = token;
  expect(() => access.refuseUnlessToken(undefined)).toThrow(KarkhanaError);
>>>>>>> 16b77a0 (karkhana k8s writes manifests that Kubernetes' own schemas take; a serving process alone may listen beyond this machine, with a token)
});
