import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
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
  world = await openWorld({ statusOf, grpc: true, serving: { gate: new Gate({ directory, clock, internalToken: "inner" }) } });
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

describe("over gRPC", () => {
  const ask = (service: string, method: string, authorization?: string): Promise<number> => {
    const client = new Client(`127.0.0.1:${world.grpcPort}`, credentials.createInsecure());
    const metadata = new Metadata();
    if (authorization !== undefined) metadata.set("authorization", authorization);
    const asIs = (value: Buffer): Buffer => value;
    return new Promise((resolve) => {
      client.makeUnaryRequest(`/${service}/${method}`, asIs, asIs, Buffer.alloc(0), metadata, (error) => {
        client.close();
        resolve(error?.code ?? status.OK);
      });
    });
  };
  const inference = "inference.GRPCInferenceService";
  const refused: readonly number[] = [status.UNAUTHENTICATED, status.PERMISSION_DENIED];

  test.each([
    ["ModelInfer", "viewer"],
    ["ModelMetadata", "viewer"],
    ["RepositoryIndex", "viewer"],
    ["RepositoryModelLoad", "admin"],
    ["RepositoryModelUnload", "admin"],
  ] as const)("%s answers from %s on", async (method, needed) => {
    expect(await ask(inference, method)).toBe(status.UNAUTHENTICATED);
    expect(await ask(inference, method, "Bearer nonsense")).toBe(status.UNAUTHENTICATED);
    expect(refused.includes(await ask(inference, method, `Bearer ${tokens.get("viewer") ?? ""}`))).toBe(needed !== "viewer");
    expect(refused).not.toContain(await ask(inference, method, `Bearer ${tokens.get("admin") ?? ""}`));
  });

  test("whether it lives asks nobody", async () => {
    expect(await ask(inference, "ServerLive")).toBe(status.OK);
    expect(await ask("grpc.health.v1.Health", "Check")).toBe(status.OK);
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
});
