import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Role } from "../access/roles.ts";
import { createControl, createControlApp } from "./control.ts";
import { roleForRoute } from "./route-role.ts";
import { controlWorld, type ControlWorld } from "./test-world.ts";

// Every class of route, asked by nobody, by each role, and by a browser that somebody else's page drives.
let world: ControlWorld;
let app: FastifyInstance;
const tokens = new Map<Role, string>();
const host = "127.0.0.1:4700";
const password = "correct horse battery";

beforeAll(async () => {
  world = await controlWorld(0);
  app = await createControlApp(world.rooms, { consoleFolder: "/dev/null/nowhere" });
  const { directory } = world.rooms;
  for (const role of ["viewer", "editor", "admin"] as const) {
    await directory.addUser(role, role);
    tokens.set(role, await directory.addToken(role, "test"));
  }
  await directory.setPassword("editor", password);
  await app.inject({ method: "POST", url: "/api/2.0/mlflow/registered-models/create", headers: bearer("editor"), payload: { name: "m" } });
});
afterAll(async () => {
  await app.close();
  await world.close();
});
/** What is remembered is looked at again after a second. */
beforeEach(() => world.machineClock.advanceBy(2_000_000));

function bearer(role: Role): Record<string, string> {
  return { host, "content-type": "application/json", authorization: `Bearer ${tokens.get(role) ?? ""}` };
}

const basic = (user: string, secret: string): Record<string, string> => ({
  host,
  authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`,
});

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
const mlflow = "/api/2.0/mlflow";

/** One route of each class and whom it answers. */
const classes: readonly (readonly [Method, string, Role])[] = [
  ["GET", "/api/v1/overview", "viewer"],
  ["GET", "/api/v1/progress/../overview", "viewer"],
  ["GET", "/api/openapi.json", "viewer"],
  ["GET", `${mlflow}/experiments/get?experiment_id=0`, "viewer"],
  ["GET", "/ajax-api/2.0/mlflow/experiments/get?experiment_id=0", "viewer"],
  ["POST", `${mlflow}/runs/search`, "viewer"],
  ["POST", `${mlflow}/experiments/search`, "viewer"],
  ["POST", `${mlflow}/registered-models/get-latest-versions`, "viewer"],
  ["GET", `${mlflow}/model-versions/search`, "viewer"],
  ["GET", "/api/3.0/mlflow/server-info", "viewer"],
  ["GET", `/api/2.0/mlflow-artifacts/artifacts?path=0/${"0".repeat(32)}/artifacts`, "viewer"],
  ["GET", `/api/2.0/mlflow-artifacts/artifacts/0/${"0".repeat(32)}/artifacts/x`, "viewer"],
  ["GET", `/get-artifact?run_uuid=${"0".repeat(32)}&path=x`, "viewer"],
  ["GET", "/ajax-api/2.0/mlflow/logged-models/m-1/artifacts/files?artifact_file_path=x", "viewer"],
  ["POST", `${mlflow}/logged-models/search`, "viewer"],
  ["POST", `${mlflow}/logged-models`, "editor"],
  ["POST", "/ajax-api/2.0/mlflow/upload-artifact?run_uuid=1&path=x", "editor"],
  ["POST", "/api/2.0/mlflow-artifacts/mpu/create/0", "editor"],
  ["GET", `/api/2.0/mlflow-artifacts/presigned/0/${"0".repeat(32)}/artifacts/x`, "viewer"],
  ["PUT", "/api/v1/views/mine", "editor"],
  ["POST", `${mlflow}/runs/create`, "editor"],
  ["POST", `${mlflow}/runs/log-batch`, "editor"],
  ["POST", `${mlflow}/experiments/delete`, "editor"],
  ["POST", `${mlflow}/registered-models/create`, "editor"],
  ["PATCH", `${mlflow}/registered-models/update`, "editor"],
  ["DELETE", `${mlflow}/registered-models/delete`, "editor"],
  ["POST", `${mlflow}/model-versions/create`, "editor"],
  ["POST", `${mlflow}/registered-models/alias`, "editor"],
  ["PUT", `/api/2.0/mlflow-artifacts/artifacts/0/${"0".repeat(32)}/artifacts/x`, "editor"],
  ["DELETE", `/api/2.0/mlflow-artifacts/artifacts/0/${"0".repeat(32)}/artifacts/x`, "editor"],
  ["GET", `${mlflow}/webhooks`, "admin"],
  ["POST", `${mlflow}/webhooks`, "admin"],
  ["PATCH", `${mlflow}/webhooks/1`, "admin"],
  ["DELETE", `${mlflow}/webhooks/1`, "admin"],
  ["POST", `${mlflow}/webhooks/1/test`, "admin"],
  ["POST", "/ajax-api/2.0/mlflow/webhooks", "admin"],
  ["POST", "/api/v1/models/late_arrival/rollback", "admin"],
  ["PUT", "/api/v1/models/late_arrival/traffic", "admin"],
  ["POST", "/api/v1/path/labs/any/grade", "admin"],
  ["POST", "/api/v1/deleted/purge", "admin"],
  ["GET", "/api/v1/deleted", "viewer"],
  ["POST", "/api/3.0/mlflow/workspaces", "admin"],
  ["DELETE", "/ajax-api/3.0/mlflow/workspaces/any", "admin"],
];
const order: readonly Role[] = ["viewer", "editor", "admin"];

describe.each(classes)("%s %s", (method, url, needed) => {
  test("answers nobody who is not named", async () => {
    for (const headers of [
      { host },
      { host, authorization: "Bearer kk_0000000000000000_" + "x".repeat(43) },
      { host, cookie: "karkhana_session=" + "x".repeat(43) },
    ]) {
      const reply = await app.inject({ method, url, headers });
      expect([reply.statusCode, reply.headers["www-authenticate"]]).toEqual([401, 'Bearer realm="karkhana"']);
    }
  });

  test.each(order)("asked by %s", async (role) => {
    const reply = await app.inject({ method, url, headers: bearer(role), ...(method === "GET" ? {} : { payload: {} }) });
    const isRefused = order.indexOf(role) < order.indexOf(needed);
    expect([reply.statusCode === 403, reply.body.includes(`${role} is ${role}; this needs ${needed}`)]).toEqual([isRefused, isRefused]);
    expect(reply.statusCode).not.toBe(401);
  });
});

test("what the console is made of, its sign-in and the probes ask nobody", async () => {
  for (const url of ["/", "/models", "/nothing.js", "/health", "/version", "/api/v1/session"])
    expect([url, [401, 403].includes((await app.inject({ url, headers: { host } })).statusCode)]).toEqual([url, false]);
});

test("every route is somebody's: those that are open to all are known by name", async () => {
  const open = new Set<string>();
  const all: string[] = [];
  const listed = await createControlApp(world.rooms, {
    consoleFolder: "/dev/null/nowhere",
    onRoute: ({ method, url }) => {
      all.push(url);
      if (roleForRoute(method, url) === undefined) open.add(url);
    },
  });
  await listed.close();
  expect(all.length).toBeGreaterThan(150);
  expect([...open].sort()).toEqual([
    "/ajax-api/2.0/mlflow-artifacts/signed/artifacts/*",
    "/ajax-api/2.0/mlflow-artifacts/signed/parts/:uploadId/:part",
    "/api/2.0/mlflow-artifacts/signed/artifacts/*",
    "/api/2.0/mlflow-artifacts/signed/parts/:uploadId/:part",
    "/api/v1/session",
    "/health",
    "/version",
  ]);
});

test("no spelling of a path goes round its role", async () => {
  for (const path of [
    "//api/v1/overview",
    "/api//v1/overview",
    "/API/v1/overview",
    "/api/v1/%6fverview",
    "/api/v1/overview/",
    "/./api/v1/overview",
    "/x/../api/v1/overview",
  ]) {
    const reply = await app.inject({ url: path, headers: { host } });
    expect([path, reply.statusCode === 200 && reply.headers["content-type"]?.includes("json")]).toEqual([path, false]);
  }
  for (const path of [`${mlflow}/%77ebhooks`, `${mlflow}/webhooks?x=/search`, `${mlflow}/webhooks/search`])
    expect([401, 403, 404]).toContain((await app.inject({ method: "POST", url: path, headers: bearer("editor"), payload: {} })).statusCode);
});

describe("refusals", () => {
  test("have the shape of the API they are of", async () => {
    expect((await app.inject({ url: "/api/v1/overview", headers: { host } })).json().error).toMatchObject({ code: "ACCESS_UNAUTHENTICATED" });
    expect((await app.inject({ url: `${mlflow}/experiments/get?experiment_id=0`, headers: { host } })).json()).toMatchObject({ error_code: "UNAUTHENTICATED" });
    expect((await app.inject({ method: "POST", url: `${mlflow}/runs/create`, headers: bearer("viewer"), payload: {} })).json()).toMatchObject({
      error_code: "PERMISSION_DENIED",
    });
  });
});

describe("who asks", () => {
  const overview = (headers: Record<string, string>): Promise<LightMyRequestResponse> => app.inject({ url: "/api/v1/overview", headers });

  test("shows a token, or a name with a password or a token, as MLflow's client does", async () => {
    expect((await overview(bearer("viewer"))).statusCode).toBe(200);
    expect((await overview(basic("editor", password))).statusCode).toBe(200);
    expect((await overview(basic("editor", tokens.get("editor")!))).statusCode).toBe(200);
  });

  test.each([
    ["a wrong password", basic("editor", "wrong horse battery")],
    ["a name without a password", basic("viewer", "")],
    ["nobody's name", basic("nobody", password)],
    ["another's token", basic("viewer", "kk_no")],
    ["a token cut short", { host, authorization: "Bearer kk_" }],
    ["a scheme that is none", { host, authorization: "Digest x" }],
    ["an empty header", { host, authorization: "" }],
    ["characters that are no base64", { host, authorization: "Basic %%%" }],
  ])("is not %s", async (_what, headers) => {
    expect((await overview(headers)).statusCode).toBe(401);
    expect((await overview(headers)).statusCode).toBe(401);
  });

  test("is not another user by their token", async () => {
    expect((await overview(basic("admin", tokens.get("editor")!))).statusCode).toBe(401);
  });

  test("loses what is taken from them within a second", async () => {
    const { directory } = world.rooms;
    await directory.addUser("leaving", "editor");
    const token = await directory.addToken("leaving", "t");
    const headers = { host, authorization: `Bearer ${token}` };
    expect((await overview(headers)).statusCode).toBe(200);
    await directory.setRole("leaving", "viewer");
    world.machineClock.advanceBy(1_000_001);
    expect((await app.inject({ method: "POST", url: `${mlflow}/runs/create`, headers, payload: {} })).statusCode).toBe(403);
    await directory.removeToken(token.split("_")[1]!);
    world.machineClock.advanceBy(1_000_001);
    expect((await overview(headers)).statusCode).toBe(401);
    await directory.removeUser("leaving");
  });

  test("stops with a token whose time is over", async () => {
    const { directory } = world.rooms;
    const token = await directory.addToken("viewer", "short", world.machineClock.nowUs() + 10_000_000);
    const headers = { host, authorization: `Bearer ${token}` };
    expect((await overview(headers)).statusCode).toBe(200);
    world.machineClock.advanceBy(10_000_001);
    expect((await overview(headers)).statusCode).toBe(401);
  });

  test("names the one workspace or none", async () => {
    expect((await overview({ ...bearer("viewer"), "x-mlflow-workspace": "default" })).statusCode).toBe(200);
    const reply = await app.inject({ url: `${mlflow}/experiments/get?experiment_id=0`, headers: { ...bearer("viewer"), "x-mlflow-workspace": "other" } });
    expect([reply.statusCode, reply.json().error_code]).toEqual([404, "RESOURCE_DOES_NOT_EXIST"]);
  });
});

describe("the console's session", () => {
  const signIn = (payload: Record<string, string>, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> =>
    app.inject({ method: "POST", url: "/api/v1/session", headers: { host, "content-type": "application/json", ...headers }, payload });
  const cookieOf = (reply: LightMyRequestResponse): string => String(reply.headers["set-cookie"]).split(";")[0]!;

  test("starts with a password or a token, in a cookie no script and no other site can use", async () => {
    const reply = await signIn({ user: "editor", password });
    expect(reply.json()).toEqual({ state: "signed-in", user: "editor", role: "editor" });
    expect(reply.headers["set-cookie"]).toMatch(/^karkhana_session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    expect((await app.inject({ url: "/api/v1/overview", headers: { host, cookie: cookieOf(reply) } })).statusCode).toBe(200);
    expect((await signIn({ token: tokens.get("admin")! })).json()).toMatchObject({ user: "admin", role: "admin" });
    expect((await signIn({ user: "editor", password }, { "x-forwarded-proto": "https" })).headers["set-cookie"]).toMatch(/; Secure$/);
  });

  test("does not start with what is wrong, or from another site", async () => {
    expect((await signIn({ user: "editor", password: "x" })).statusCode).toBe(401);
    expect((await signIn({ user: "viewer", password: "x" })).statusCode).toBe(401);
    expect((await signIn({ token: "x" })).statusCode).toBe(401);
    expect((await signIn({ user: "editor" })).statusCode).toBe(400);
    expect((await signIn({ user: "editor", password }, { origin: "https://evil.example" })).statusCode).toBe(403);
  });

  test("changes something only from a page of this very server", async () => {
    const cookie = cookieOf(await signIn({ user: "editor", password }));
    const create = async (headers: Record<string, string>): Promise<number> =>
      (
        await app.inject({
          method: "POST",
          url: `${mlflow}/experiments/create`,
          headers: { host, cookie, ...headers },
          payload: { name: `by page ${Object.values(headers).join()}` },
        })
      ).statusCode;
    expect(await create({ origin: `http://${host}` })).toBe(200);
    expect(await create({})).toBe(403);
    expect(await create({ origin: "null" })).toBe(403);
    expect(await create({ origin: "http://127.0.0.1:9999" })).toBe(403);
    expect(await create({ origin: "https://evil.example" })).toBe(403);
  });

  test("ends when it is signed out, when the password changes, and by itself", async () => {
    const { directory } = world.rooms;
    const seen = async (cookie: string): Promise<unknown> => (await app.inject({ url: "/api/v1/session", headers: { host, cookie } })).json().state;
    const first = cookieOf(await signIn({ user: "editor", password }));
    const second = cookieOf(await signIn({ user: "editor", password }));
    expect(await seen(first)).toBe("signed-in");
    const out = await app.inject({ method: "DELETE", url: "/api/v1/session", headers: { host, cookie: first } });
    expect(out.headers["set-cookie"]).toMatch(/^karkhana_session=; Path=\/; Max-Age=0/);
    world.machineClock.advanceBy(1_000_001);
    expect([await seen(first), await seen(second)]).toEqual(["signed-out", "signed-in"]);
    await directory.setPassword("editor", password);
    world.machineClock.advanceBy(1_000_001);
    expect(await seen(second)).toBe("signed-out");
    const third = cookieOf(await signIn({ user: "editor", password }));
    world.machineClock.advanceBy(12 * 3600 * 1_000_000);
    expect(await seen(third)).toBe("signed-out");
  });
});

test("an editor cannot put a version live by calling it champion; an admin can, with its proofs", async () => {
  const { registry } = world;
  const trained = { model: "live", runId: "r", artifactPath: "0/r/artifacts/model", definitionHash: "d", serviceHash: "s", datasetHash: "t" };
  for (const version of [1, 2]) {
    await registry.registerVersion({ ...trained, requestId: String(version) });
    for (const kind of ["offline-evaluation", "shadow", "ab", "monitors", "rollback"] as const) await registry.waive("live", version, kind, "a test");
  }
  await registry.promote("live", 1, "first");
  const set = async (role: Role): Promise<number> =>
    (
      await app.inject({
        method: "POST",
        url: `${mlflow}/registered-models/alias`,
        headers: bearer(role),
        payload: { name: "live", alias: "champion", version: "2" },
      })
    ).statusCode;
  expect(await set("editor")).toBe(403);
  expect(await registry.getDeployment("live")).toMatchObject({ champion: 1 });
  expect(await set("admin")).toBe(200);
  expect(await registry.getDeployment("live")).toMatchObject({ champion: 2 });
  expect((await registry.listEvents("live")).at(-1)?.reason).toBe("alias champion was set by admin through MLflow's API");
});

describe("while no user is known", () => {
  test("this machine may do everything, and no other is listened to; the first user ends that", async () => {
    const empty = await controlWorld(0);
    const open = await createControlApp(empty.rooms, { consoleFolder: "/dev/null/nowhere" });
    expect((await open.inject({ url: "/api/v1/overview", headers: { host } })).statusCode).toBe(200);
    expect((await open.inject({ url: "/api/v1/session", headers: { host } })).json()).toEqual({ state: "open", user: null, role: null });
    await expect(createControl(empty.rooms, { host: "0.0.0.0", port: 0 })).rejects.toMatchObject({ code: "ACCESS_NOT_CONFIGURED" });
    await empty.rooms.directory.addUser("ada", "admin");
    empty.machineClock.advanceBy(1_000_001);
    expect((await open.inject({ url: "/api/v1/overview", headers: { host } })).statusCode).toBe(401);
    // Others were let in once there were users: without any again, nobody is.
    await empty.rooms.gate.require("0.0.0.0");
    await empty.rooms.directory.removeUser("ada");
    empty.machineClock.advanceBy(1_000_001);
    expect((await open.inject({ url: "/api/v1/overview", headers: { host } })).statusCode).toBe(401);
    await open.close();
    await empty.close();
  });
});

test("nothing that could be used is kept as it is", async () => {
  const { rows } = await sql`select user_name, password_hash as kept from access_users union all select token_id, secret_hash from access_tokens
    union all select user_name, digest from access_sessions`.execute(world.database.db);
  const kept = JSON.stringify(rows);
  expect(rows.length).toBeGreaterThan(4);
  expect(kept).not.toContain(password);
  for (const token of tokens.values()) expect(kept).not.toContain(token.slice("kk_0123456789abcdef_".length));
});
