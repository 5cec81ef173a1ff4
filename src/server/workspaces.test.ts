import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createControlApp } from "./control.ts";
import { isInWorkspace, roleForRoute } from "./route-role.ts";
import { controlWorld, type ControlWorld } from "./test-world.ts";

// Every route that looks into a workspace, asked in one for what lies in another; and whom each workspace answers.
let world: ControlWorld;
let app: FastifyInstance;
const mlflow = "/api/2.0/mlflow";
const admin3 = "/api/3.0/mlflow/workspaces";
const json = { "content-type": "application/json" };

interface Ids {
  readonly experiment: string;
  readonly run: string;
  readonly model: string;
  readonly webhook: string;
  /** An upload in parts that was begun. */
  readonly upload: string;
}
let hidden: Ids;

beforeAll(async () => {
  world = await controlWorld(0, { webhookTargets: "127.0.0.1" });
  app = await createControlApp(world.rooms, { consoleFolder: "/dev/null/nowhere" });
  for (const name of ["team-a", "team-b"]) await world.rooms.workspaces.create(name, {});
  hidden = await fill("team-a");
});
afterAll(async () => {
  await app.close();
  await world.close();
});
/** What a gate remembers is looked at again after a second. */
beforeEach(() => world.machineClock.advanceBy(2_000_000));

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

async function call(method: Method, url: string, payload?: object | string, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> {
  return app.inject({ method, url, headers: { ...(typeof payload === "object" ? json : {}), ...headers }, ...(payload === undefined ? {} : { payload }) });
}

const at = (workspace: string): Record<string, string> => ({ "x-mlflow-workspace": workspace });

/** What the routes that make something answer, each a part of it. */
interface Made {
  readonly experiment_id: string;
  readonly run: { readonly info: { readonly run_id: string } };
  readonly model: { readonly info: { readonly model_id: string } };
  readonly webhook: { readonly webhook_id: string };
}

async function fill(workspace: string): Promise<Ids> {
  const post = async (path: string, body: object): Promise<Made> => {
    const reply = await call("POST", `${mlflow}/${path}`, body, at(workspace));
    expect([path, reply.statusCode]).toEqual([path, 200]);
    return reply.json();
  };
  const { experiment_id: experiment } = await post("experiments/create", { name: "secret" });
  const run = (await post("runs/create", { experiment_id: experiment, tags: [{ key: "t", value: "1" }] })).run.info.run_id;
  await post("runs/log-batch", { run_id: run, params: [{ key: "p", value: "1" }], metrics: [{ key: "m", value: 1, timestamp: 1, step: 0 }] });
  const model = (await post("logged-models", { experiment_id: experiment, name: "lm" })).model.info.model_id;
  await post("registered-models/create", { name: "secret" });
  await post("model-versions/create", { name: "secret", source: "s3://b/m" });
  await post("registered-models/alias", { name: "secret", alias: "best", version: "1" });
  const events = [{ entity: "REGISTERED_MODEL", action: "CREATED" }];
  const { webhook_id: webhook } = (await post("webhooks", { name: "secret", url: "http://127.0.0.1:9/", events })).webhook;
  for (const place of [`${experiment}/${run}/artifacts/a.txt`, `${experiment}/models/${model}/artifacts/a.txt`])
    expect((await call("PUT", `/api/2.0/mlflow-artifacts/artifacts/workspaces/${workspace}/${place}`, "hello", at(workspace))).statusCode).toBe(200);
  const target = `workspaces/${workspace}/${experiment}/${run}/artifacts`;
  const begun = await call("POST", `/api/2.0/mlflow-artifacts/mpu/create/${target}`, { path: "big", num_parts: 1 }, at(workspace));
  expect((await call("PUT", "/api/v1/views/secret", { query: "q" }, at(workspace))).statusCode).toBe(200);
  return { experiment, run, model, webhook, upload: begun.json().upload_id };
}

const artifacts = (ids: Ids): string => `${ids.experiment}/${ids.run}/artifacts`;
/** For each route how to ask for what is hidden: its address below the family, and its body. */
type Ask = (ids: Ids) => { readonly url?: string; readonly body?: object | string };
const byExperiment: Ask = (ids) => ({ url: `?experiment_id=${ids.experiment}`, body: { experiment_id: ids.experiment, key: "k", value: "v", new_name: "n" } });
const byRun: Ask = (ids) => ({
  url: `?run_id=${ids.run}&run_uuid=${ids.run}&run_ids=${ids.run}&metric_key=m&path=a.txt&key=m`,
  body: {
    run_id: ids.run,
    key: "k",
    value: "1",
    timestamp: 1,
    model_json: JSON.stringify({ artifact_path: "m", flavors: {}, utc_time_created: "2026", run_id: ids.run }),
    datasets: [],
    models: [{ model_id: ids.model, step: 0 }],
  },
});
const byModel: Ask = (ids) => ({
  url: `?artifact_file_path=a.txt`,
  body: { model_id: ids.model, status: "LOGGED_MODEL_READY", tags: [{ key: "k", value: "v" }], params: [{ key: "q", value: "1" }] },
});
const byName: Ask = () => ({
  url: "?name=secret&version=1&alias=best&path=a.txt&key=k",
  body: { name: "secret", version: "1", alias: "best", key: "k", value: "v", new_name: "n", stage: "Staging", description: "d", source: "s3://b/other" },
});
const byWebhook: Ask = () => ({ body: { name: "renamed" } });
const byFile: Ask = () => ({ body: "bytes" });

const asks: Readonly<Record<string, Ask>> = {
  "GET experiments/get": byExperiment,
  "POST experiments/update": byExperiment,
  "POST experiments/delete": byExperiment,
  "POST experiments/restore": byExperiment,
  "POST experiments/purge": byExperiment,
  "POST experiments/set-experiment-tag": byExperiment,
  "POST experiments/delete-experiment-tag": byExperiment,
  "GET experiments/get-by-name": () => ({ url: "?experiment_name=secret" }),
  "POST runs/create": byExperiment,
  "GET runs/get": byRun,
  "POST runs/update": byRun,
  "POST runs/delete": byRun,
  "POST runs/restore": byRun,
  "POST runs/purge": byRun,
  "POST runs/log-metric": byRun,
  "POST runs/log-parameter": byRun,
  "POST runs/log-batch": byRun,
  "POST runs/log-model": byRun,
  "POST runs/log-inputs": byRun,
  "POST runs/outputs": byRun,
  "POST runs/set-tag": byRun,
  "POST runs/delete-tag": byRun,
  "GET metrics/get-history": byRun,
  "GET metrics/get-history-bulk-interval": byRun,
  "GET artifacts/list": byRun,
  "POST logged-models": byExperiment,
  "GET logged-models/:model_id": byModel,
  "PATCH logged-models/:model_id": byModel,
  "DELETE logged-models/:model_id": byModel,
  "POST logged-models/:model_id/params": byModel,
  "PATCH logged-models/:model_id/tags": byModel,
  "DELETE logged-models/:model_id/tags/:tag_key": byModel,
  "GET logged-models/:model_id/artifacts/directories": byModel,
  "GET logged-models/:model_id/artifacts/files": byModel,
  "GET registered-models/get": byName,
  "POST registered-models/rename": byName,
  "PATCH registered-models/update": byName,
  "DELETE registered-models/delete": byName,
  "POST registered-models/set-tag": byName,
  "DELETE registered-models/delete-tag": byName,
  "POST registered-models/alias": byName,
  "GET registered-models/alias": byName,
  "DELETE registered-models/alias": byName,
  "POST registered-models/get-latest-versions": byName,
  "GET registered-models/get-latest-versions": byName,
  "POST model-versions/create": byName,
  "GET model-versions/get": byName,
  "PATCH model-versions/update": byName,
  "DELETE model-versions/delete": byName,
  "POST model-versions/set-tag": byName,
  "DELETE model-versions/delete-tag": byName,
  "POST model-versions/transition-stage": byName,
  "GET model-versions/get-download-uri": byName,
  "GET webhooks/:webhook_id": byWebhook,
  "PATCH webhooks/:webhook_id": byWebhook,
  "DELETE webhooks/:webhook_id": byWebhook,
  "POST webhooks/:webhook_id/test": byWebhook,
  "POST upload-artifact": (ids) => ({ url: `?run_uuid=${ids.run}&path=x.txt`, body: "bytes" }),
  "GET artifacts/*": byFile,
  "PUT artifacts/*": byFile,
  "DELETE artifacts/*": byFile,
  "GET presigned/*": byFile,
  "POST mpu/create/*": () => ({ body: { path: "big", num_parts: 1 } }),
  "POST mpu/complete/*": (ids) => ({ body: { path: "big", upload_id: ids.upload, parts: [] } }),
  // An upload is known by an id nobody guesses, and ends nothing but itself.
  "GET artifacts": (ids) => ({ url: `?path=${artifacts(ids)}` }),
  "GET /get-artifact": byRun,
  "GET /model-versions/get-artifact": byName,
  "POST deleted/purge": (ids) => ({ body: { kind: "experiment", experimentId: ids.experiment } }),
  "GET runs/:id": () => ({}),
  "GET runs/:id/series": () => ({ url: "?key=m" }),
  "GET runs/:id/artifacts": () => ({}),
  "GET runs/:id/preview": () => ({ url: "?path=a.txt" }),
  "GET runs/:id/image": () => ({ url: "?path=a.txt" }),
  "GET runs/:id/download": () => ({ url: "?path=a.txt" }),
  "DELETE views/:name": () => ({}),
  "GET registry/models/:name": () => ({}),
  "GET registry/models/:name/versions/:version": () => ({}),
};

/** These answer, and must not show what is hidden. */
const lists: Readonly<Record<string, Ask>> = {
  "POST experiments/search": () => ({ body: { max_results: 1000, view_type: "ALL" } }),
  "GET experiments/search": () => ({ url: "?max_results=1000&view_type=ALL" }),
  "POST experiments/search-datasets": (ids) => ({ body: { experiment_ids: [ids.experiment] } }),
  "POST runs/search": (ids) => ({ body: { experiment_ids: [ids.experiment] } }),
  "POST runs/count": (ids) => ({ body: { experiment_ids: [ids.experiment] } }),
  "GET metrics/get-history-bulk": (ids) => ({ url: `?run_id=${ids.run}&metric_key=m` }),
  "POST logged-models/search": (ids) => ({ body: { experiment_ids: [ids.experiment] } }),
  "GET registered-models/search": () => ({}),
  "POST registered-models/search": () => ({}),
  "GET model-versions/search": () => ({}),
  "POST model-versions/search": () => ({}),
  "GET webhooks": () => ({}),
  "GET experiments": () => ({}),
  "GET runs": (ids) => ({ url: `?experimentId=${ids.experiment}` }),
  "GET runs/table": (ids) => ({ url: `?experimentId=${ids.experiment}` }),
  "GET runs/count": (ids) => ({ url: `?experimentId=${ids.experiment}` }),
  "GET runs/keys": (ids) => ({ url: `?experimentId=${ids.experiment}` }),
  "GET runs/groups": (ids) => ({ url: `?experimentId=${ids.experiment}&by=params.p` }),
  "GET views": () => ({}),
  "GET deleted": () => ({}),
  "GET registry/models": () => ({}),
};

/** These make something new in the workspace that asks, or name no record of one. */
const harmless = new Set([
  "POST experiments/create",
  "POST registered-models/create",
  "POST webhooks",
  "PUT views/:name",
  "POST mpu/abort/*",
  // Of addresses that say themselves what they allow.
  "GET signed/artifacts/*",
  "PUT signed/parts/:uploadId/:part",
]);

function nameOf(method: string, pattern: string): string {
  return `${method} ${pattern.replace(/^\/(ajax-)?api\/(2\.0\/mlflow(-artifacts)?|v1)\//, "")}`;
}

function addressOf(pattern: string, ids: Ids): string {
  const version = pattern.includes("/registry/") ? "1" : "x";
  return pattern
    .replace(":model_id", ids.model)
    .replace(":webhook_id", ids.webhook)
    .replace(":tag_key", "k")
    .replace("/*", `/${artifacts(ids)}/a.txt`)
    .replace(":id", ids.run)
    .replace(":name", "secret")
    .replace(":version", version);
}

async function routesWithin(): Promise<{ method: Method; pattern: string }[]> {
  const found: { method: Method; pattern: string }[] = [];
  const listed = await createControlApp(world.rooms, {
    consoleFolder: "/dev/null/nowhere",
    onRoute: ({ method, url }) => {
      if (method !== "HEAD" && method !== "OPTIONS" && isInWorkspace(url)) found.push({ method: method as Method, pattern: url });
    },
  });
  await listed.close();
  return found;
}

describe("what lies in a workspace", () => {
  test("is unknown in every other, whichever route asks for it", async () => {
    const routes = await routesWithin();
    const tried: string[] = [];
    const wrong: string[] = [];
    for (const { method, pattern } of routes) {
      const name = nameOf(method, pattern);
      if (harmless.has(name)) continue;
      const ask = asks[name] ?? lists[name];
      if (ask === undefined) {
        wrong.push(`${name} is not tried: say here how another workspace would be asked through it`);
        continue;
      }
      const { url = "", body } = ask(hidden);
      for (const workspace of ["default", "team-b"]) {
        const reply = await call(method, `${addressOf(pattern, hidden)}${url}`, method === "GET" ? undefined : (body ?? {}), at(workspace));
        const answer = name in asks ? `${reply.statusCode} ${codeIn(reply)}` : `${reply.statusCode}`;
        if (answer !== (name in asks ? "404 RESOURCE_DOES_NOT_EXIST" : "200")) wrong.push(`${name} in ${workspace}: ${answer} ${reply.body}`);
        for (const secret of [hidden.run, hidden.model, hidden.webhook, '"secret"'])
          if (name in lists && reply.body.includes(secret)) wrong.push(`${name} in ${workspace} tells ${secret}`);
      }
      tried.push(name);
    }
    expect(wrong).toEqual([]);
    expect(new Set(tried)).toEqual(new Set([...Object.keys(asks), ...Object.keys(lists)]));
  });

  test("was not touched by any of that, and is all there for its own", async () => {
    const own = at("team-a");
    const run = (await call("GET", `${mlflow}/runs/get?run_id=${hidden.run}`, undefined, own)).json().run;
    expect(run).toMatchObject({
      info: { lifecycle_stage: "active", artifact_uri: `mlflow-artifacts:/workspaces/team-a/${artifacts(hidden)}` },
      data: { params: [{ key: "p", value: "1" }], metrics: [{ key: "m" }], tags: [{ key: "t", value: "1" }, { key: "mlflow.runName" }] },
    });
    for (const { method, pattern } of await routesWithin()) {
      const name = nameOf(method, pattern);
      if (method !== "GET" || name === "GET model-versions/get-download-uri") continue;
      const ask = asks[name] ?? lists[name];
      if (ask === undefined) continue;
      const reply = await call(method, `${addressOf(pattern, hidden)}${ask(hidden).url ?? ""}`, undefined, own);
      // Of an object store's version there is no file to give, and a text is no picture.
      const status = name === "GET /model-versions/get-artifact" || name === "GET runs/:id/image" ? 400 : 200;
      expect([name, reply.statusCode]).toEqual([name, status]);
    }
  });

  test("is reached by a link that names the workspace, as a page's pictures and downloads do", async () => {
    const link = `/api/v1/runs/${hidden.run}/download?path=a.txt`;
    expect((await call("GET", `${link}&workspace=team-a`)).body).toBe("hello");
    expect((await call("GET", link)).statusCode).toBe(404);
  });

  test("is reached by an address that was signed in it, and by that one only", async () => {
    const place = `workspaces/team-a/${artifacts(hidden)}/a.txt`;
    const { url } = (await call("GET", `/api/2.0/mlflow-artifacts/presigned/${place}`, undefined, at("team-a"))).json();
    const signed = new URL(url);
    expect((await call("GET", `${signed.pathname}${signed.search}`)).body).toBe("hello");
    expect((await call("GET", `${signed.pathname}${signed.search.replace("team-a", "team-b")}`)).statusCode).toBe(403);
  });

  test("is told by a path of another in MLflow's words", async () => {
    const reply = await call("GET", `/api/2.0/mlflow-artifacts/artifacts/workspaces/team-a/${artifacts(hidden)}/a.txt`, undefined, at("team-b"));
    expect([reply.statusCode, reply.json()]).toEqual([
      400,
      {
        error_code: "INVALID_PARAMETER_VALUE",
        message: "Artifact path targets workspace 'team-a' but the workspace specified in the request is 'team-b'.",
      },
    ]);
  });
});

/** Our own API's codes all end alike. */
function codeIn(reply: LightMyRequestResponse): string {
  const body = reply.json();
  return body.error_code ?? (String(body.error?.code).endsWith("_NOT_FOUND") ? "RESOURCE_DOES_NOT_EXIST" : String(body.error?.code));
}

describe("workspaces are managed as MLflow's clients do it", () => {
  test("made, read, changed, listed and deleted, with its statuses and words", async () => {
    const made = await call("POST", admin3, { name: "short-lived", description: "d" });
    expect([made.statusCode, made.json()]).toEqual([201, { workspace: { name: "short-lived", description: "d" } }]);
    const again = await call("POST", admin3, { name: "short-lived" });
    expect([again.statusCode, again.json().error_code]).toEqual([400, "RESOURCE_ALREADY_EXISTS"]);
    const changed = await call("PATCH", `${admin3}/short-lived`, { default_artifact_root: "s3://bucket/x" });
    expect(changed.json()).toEqual({ workspace: { name: "short-lived", description: "d", default_artifact_root: "s3://bucket/x" } });
    expect((await call("GET", `${admin3}/short-lived`)).json().workspace.default_artifact_root).toBe("s3://bucket/x");
    expect((await call("GET", admin3)).json().workspaces.map((w: { name: string }) => w.name)).toEqual(["default", "short-lived", "team-a", "team-b"]);
    expect((await call("GET", "/api/v1/workspaces")).json().map((w: { name: string }) => w.name)).toEqual(["default", "short-lived", "team-a", "team-b"]);
    const gone = await call("DELETE", `${admin3}/short-lived`);
    expect([gone.statusCode, gone.body]).toEqual([204, ""]);
    expect((await call("GET", `${admin3}/short-lived`)).json()).toEqual({
      error_code: "RESOURCE_DOES_NOT_EXIST",
      message: "Workspace 'short-lived' not found",
    });
    // At once, for whoever still names it.
    expect((await call("GET", `${mlflow}/experiments/get?experiment_id=0`, undefined, at("short-lived"))).statusCode).toBe(404);
  });

  test.each([
    ["POST", "", { name: "default" }, "The 'default' workspace is reserved and cannot be created"],
    ["POST", "", { name: "X" }, "Workspace name 'X' must be between 2 and 63 characters."],
    ["POST", "", { name: "Team" }, "Workspace name 'Team' must match the pattern"],
    ["POST", "", { name: "workspaces" }, "Workspace name 'workspaces' is reserved and cannot be used."],
    ["POST", "", {}, "Missing value for required parameter 'name'."],
    ["POST", "", { name: "with-root", default_artifact_root: "/etc" }, "cannot be a folder of a machine"],
    ["PATCH", "/team-a", {}, "Workspace update must have at least one key"],
    ["DELETE", "/default", undefined, "The 'default' workspace is reserved and cannot be deleted"],
    ["DELETE", "/team-a?mode=ALL", undefined, "Invalid deletion mode 'ALL'. Must be one of: SET_DEFAULT, CASCADE, RESTRICT"],
  ] as const)("%s %s %o is refused", async (method, path, body, words) => {
    const reply = await call(method, `${admin3}${path}`, body);
    expect([reply.statusCode, reply.json().error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    expect(reply.json().message).toContain(words);
  });

  test("what is not empty stays unless it is said what becomes of it; the refusal is not one that clients repeat", async () => {
    const reply = await call("DELETE", `${admin3}/team-a`);
    expect([reply.statusCode, reply.json().error_code]).toEqual([409, "INVALID_STATE"]);
    expect(reply.json().message).toContain("Cannot delete workspace 'team-a': table 'registered_models' still contains 1 resource(s).");
  });

  test("a place for artifacts is the workspace's, not the experiment's", async () => {
    const reply = await call("POST", `${mlflow}/experiments/create`, { name: "placed", artifact_location: "s3://b/x" }, at("team-b"));
    expect(reply.json().message).toBe("artifact_location cannot be specified when workspaces are enabled");
    const taken = await call("POST", `${mlflow}/experiments/create`, { name: "placed", artifact_location: "mlflow-artifacts:/workspaces/team-a" });
    expect(taken.statusCode).toBe(400);
  });
});

// Last: from the first user on, somebody has to be named.
describe("roles are given in a workspace", () => {
  const tokens: Record<string, string> = {};
  const by = (user: string, workspace?: string): Record<string, string> => ({
    host: "127.0.0.1:4700",
    authorization: `Bearer ${tokens[user]}`,
    ...(workspace === undefined ? {} : at(workspace)),
  });
  beforeAll(async () => {
    const { directory } = world.rooms;
    await directory.addUser("root", "admin");
    await directory.addUser("ann", "editor", "team-a");
    await directory.addUser("bob", "admin", "team-b");
    await directory.addUser("eve", "viewer");
    for (const user of ["root", "ann", "bob", "eve"]) tokens[user] = await directory.addToken(user, "test");
    world.machineClock.advanceBy(2_000_000);
  });
  const create = async (headers: Record<string, string>, name: string): Promise<number> =>
    (await call("POST", `${mlflow}/experiments/create`, { name }, headers)).statusCode;

  test("and count there only", async () => {
    expect(await create(by("ann", "team-a"), "by ann")).toBe(200);
    expect(await create(by("ann", "team-b"), "by ann")).toBe(403);
    expect(await create(by("ann"), "by ann")).toBe(403);
    expect(await create(by("eve", "team-a"), "by eve")).toBe(403);
    expect((await call("GET", `${mlflow}/experiments/get?experiment_id=${hidden.experiment}`, undefined, by("bob", "team-a"))).statusCode).toBe(403);
    expect((await call("GET", `${mlflow}/webhooks`, undefined, by("ann", "team-a"))).statusCode).toBe(403);
    expect((await call("GET", `${mlflow}/webhooks`, undefined, by("bob", "team-b"))).statusCode).toBe(200);
  });

  test("an admin of `default` is one everywhere, since somebody must be of a new one", async () => {
    expect(await create(by("root", "team-b"), "by root")).toBe(200);
    expect((await call("POST", admin3, { name: "newest" }, by("root"))).statusCode).toBe(201);
    for (const user of ["ann", "bob", "eve"]) expect((await call("POST", admin3, { name: "theirs" }, by(user))).statusCode).toBe(403);
    expect((await call("DELETE", `${admin3}/team-b?mode=CASCADE`, undefined, by("bob", "team-b"))).statusCode).toBe(403);
  });

  test("an admin of one workspace is nobody where the platform's own models are, whatever workspace the request names", async () => {
    for (const workspace of ["team-b", "default"]) {
      const reply = await call("POST", "/api/v1/models/late_arrival/rollback", { reason: "x" }, by("bob", workspace));
      expect([workspace, reply.statusCode]).toEqual([workspace, 403]);
      expect((await call("GET", "/api/v1/overview", undefined, by("bob", workspace))).statusCode).toBe(403);
    }
  });

  test("each sees the workspaces they have a role in", async () => {
    const names = async (url: string, user: string): Promise<string[]> => {
      const body = (await call("GET", url, undefined, by(user))).json();
      return (body.workspaces ?? body).map((w: { name: string }) => w.name);
    };
    expect(await names(admin3, "ann")).toEqual(["team-a"]);
    expect(await names("/api/v1/workspaces", "bob")).toEqual(["team-b"]);
    expect(await names(admin3, "eve")).toEqual(["default"]);
    expect(await names(admin3, "root")).toEqual(["default", "newest", "team-a", "team-b"]);
    expect((await call("GET", `${admin3}/team-b`, undefined, by("ann"))).statusCode).toBe(403);
    expect((await call("GET", admin3, undefined, { host: "127.0.0.1:4700" })).statusCode).toBe(401);
    expect((await call("GET", "/api/v1/session", undefined, by("ann"))).json()).toEqual({ state: "signed-in", user: "ann", role: null });
    expect((await call("GET", "/api/v1/session", undefined, by("ann", "team-a"))).json()).toEqual({ state: "signed-in", user: "ann", role: "editor" });
  });

  test("whoever is not named learns nothing of which workspaces there are", async () => {
    for (const workspace of ["team-a", "nowhere"]) {
      const reply = await call("GET", `${mlflow}/experiments/get?experiment_id=0`, undefined, { host: "127.0.0.1:4700", ...at(workspace) });
      expect(reply.statusCode).toBe(401);
    }
  });

  test("every route knows whom it answers in which workspace", () => {
    expect(roleForRoute("GET", admin3)).toBe("known");
    expect(roleForRoute("DELETE", `${admin3}/:workspace_name`)).toBe("admin");
    expect([isInWorkspace("/api/v1/models/:model/rollback"), isInWorkspace("/api/v1/overview"), isInWorkspace("/api/v1/runs")]).toEqual([false, false, true]);
  });
});
