import { createHmac } from "node:crypto";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openFileBlobs } from "../storage/blobs/files.ts";
import { adoptVersion } from "../workflows/adopt-model.ts";
import { createControlApp } from "./control.ts";
import { controlWorld, type ControlWorld } from "./test-world.ts";

// Words of refusals, limits, and sources that reach for what is not theirs. The stock client itself: test/protocol.
let world: ControlWorld;
let app: FastifyInstance;
let runId: string;
let otherRunId: string;

beforeAll(async () => {
  world = await controlWorld(0);
  app = await createControlApp(world.rooms, { consoleFolder: "/dev/null/nowhere" });
  const newRun = async (): Promise<string> => (await send("POST", "runs/create", { experiment_id: "0", start_time: 1 })).json().run.info.run_id;
  runId = await newRun();
  otherRunId = await newRun();
  await send("POST", "registered-models/create", { name: "m" });
  await send("POST", "model-versions/create", { name: "m", source: `mlflow-artifacts:/0/${runId}/artifacts/model`, run_id: runId });
});

afterAll(async () => {
  await app.close();
  await world.close();
});

type Method = "GET" | "POST" | "PATCH" | "DELETE";

function send(method: Method, path: string, body: Record<string, unknown> = {}): Promise<LightMyRequestResponse> {
  const headers = { host: "127.0.0.1:4700", "content-type": "application/json" };
  if (method !== "GET") return app.inject({ method, url: `/api/2.0/mlflow/${path}`, headers, payload: JSON.stringify(body) });
  const query = new URLSearchParams(Object.fromEntries(Object.entries(body).map(([key, value]) => [key, String(value)])));
  return app.inject({ url: `/api/2.0/mlflow/${path}?${query.toString()}`, headers: { host: "127.0.0.1:4700" } });
}

const hint = "See the API docs for more information about request parameters.";

describe("refusals are in MLflow's words", () => {
  const tooMany = "Invalid value 200001 for parameter 'max_results' supplied. It must be at most 200000";
  test.each<[Method, string, Record<string, unknown>, number, string, string]>([
    ["POST", "registered-models/create", {}, 400, "INVALID_PARAMETER_VALUE", `Missing value for required parameter 'name'. ${hint}`],
    ["POST", "registered-models/create", { name: " " }, 400, "INVALID_PARAMETER_VALUE", "Missing value for required parameter 'name'."],
    ["POST", "registered-models/create", { name: "a/b" }, 400, "INVALID_PARAMETER_VALUE", "Invalid model name 'a/b'. Names cannot contain '/' or ':'."],
    ["POST", "registered-models/create", { name: "m" }, 400, "RESOURCE_ALREADY_EXISTS", "Registered Model (name=m) already exists."],
    ["GET", "registered-models/get", { name: "none" }, 404, "RESOURCE_DOES_NOT_EXIST", "Registered Model with name=none not found"],
    ["POST", "registered-models/rename", { name: "m" }, 400, "INVALID_PARAMETER_VALUE", `Missing value for required parameter 'new_name'. ${hint}`],
    [
      "GET",
      "registered-models/search",
      { max_results: 1001 },
      400,
      "INVALID_PARAMETER_VALUE",
      "Invalid value 1001 for parameter 'max_results' supplied. It must be at most 1000",
    ],
    ["GET", "model-versions/search", { max_results: 200_001 }, 400, "INVALID_PARAMETER_VALUE", tooMany],
    ["GET", "model-versions/search", { page_token: "junk" }, 400, "INVALID_PARAMETER_VALUE", "Invalid page token, could not base64-decode"],
    ["GET", "model-versions/get", { name: "m", version: "x" }, 400, "INVALID_PARAMETER_VALUE", "Parameter 'version' must be an integer, got 'x'."],
    ["GET", "model-versions/get", { name: "m", version: "9" }, 404, "RESOURCE_DOES_NOT_EXIST", "Model Version (name=m, version=9) not found"],
    ["GET", "registered-models/alias", { name: "m", alias: "none" }, 400, "INVALID_PARAMETER_VALUE", "Registered model alias none not found."],
    ["POST", "registered-models/alias", { name: "m", alias: "v12", version: "1" }, 400, "INVALID_PARAMETER_VALUE", "Version alias name 'v12' is reserved."],
    [
      "POST",
      "registered-models/alias",
      { name: "m", alias: "LATEST", version: "1" },
      400,
      "INVALID_PARAMETER_VALUE",
      "'latest' alias name (case insensitive) is reserved.",
    ],
    [
      "POST",
      "registered-models/alias",
      { name: "m", alias: "a b", version: "1" },
      400,
      "INVALID_PARAMETER_VALUE",
      "Invalid alias name: 'a b'. Names may only contain alphanumerics, underscores (_), and dashes (-).",
    ],
    [
      "POST",
      "model-versions/transition-stage",
      { name: "m", version: "1", stage: "Live" },
      400,
      "INVALID_PARAMETER_VALUE",
      "Invalid Model Version stage: Live. Value must be one of None, Staging, Production, Archived.",
    ],
    [
      "POST",
      "registered-models/set-tag",
      { name: "m", key: "a//b", value: "" },
      400,
      "INVALID_PARAMETER_VALUE",
      "Invalid value \"a//b\" for parameter 'key' supplied: Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to 'a/b'",
    ],
    [
      "POST",
      "model-versions/set-tag",
      { name: "m", version: "1", key: "k", value: "v".repeat(100_001) },
      400,
      "INVALID_PARAMETER_VALUE",
      "'value' exceeds the maximum length of 100000 characters",
    ],
    ["POST", "model-versions/create", { name: "none", source: "s3://b/m" }, 404, "RESOURCE_DOES_NOT_EXIST", "Registered Model with name=none not found"],
  ])("%s %s %j", async (method, path, body, status, code, message) => {
    const reply = await send(method, path, body);
    expect([reply.statusCode, reply.json()]).toEqual([status, { error_code: code, message }]);
  });
});

describe("a version's source", () => {
  test("is what its own run or another version contains", async () => {
    const create = async (body: Record<string, unknown>): Promise<Record<string, string>> =>
      (await send("POST", "model-versions/create", { name: "m", ...body })).json().model_version;
    const folder = `0/${runId}/artifacts/my model`;
    const made = await create({ source: `mlflow-artifacts:/${folder}`, run_id: runId });
    expect(made).toMatchObject({ source: `mlflow-artifacts:/${folder}`, run_id: runId, status: "READY", current_stage: "None" });
    const copied = await create({ source: `models:/m/${made["version"]}` });
    expect(copied).toMatchObject({ source: `models:/m/${made["version"]}`, run_id: runId });
    expect((await send("GET", "model-versions/get-download-uri", { name: "m", version: copied["version"] })).json()).toEqual({
      artifact_uri: `mlflow-artifacts:/${folder}`,
    });
    const ofRun = await create({ source: `runs:/${runId}/model`, run_id: runId });
    expect(await world.rooms.catalog.artifactPath("m", Number(ofRun["version"]))).toBe(`0/${runId}/artifacts/model`);
    expect(await world.rooms.catalog.artifactPath("m", Number(copied["version"]))).toBe(folder);
    expect(await create({ source: "s3://bucket/model" })).toMatchObject({ source: "s3://bucket/model" });
  });

  const hostile = [
    "/etc/passwd",
    "etc/passwd",
    "file:///etc",
    "file://RUN",
    "FILE:/etc/passwd",
    "C:\\windows",
    "//etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "https://evil.example/model",
    "ftp://evil.example/model",
    "sftp://evil.example/model",
    "HTTP://127.0.0.1:4700/api/2.0/mlflow-artifacts/artifacts/0/RUN/artifacts/model",
    "mlflow-artifacts:/0/OTHER/artifacts/model",
    "mlflow-artifacts:/0/RUN/artifacts/../../OTHER/artifacts/model",
    "mlflow-artifacts:/0/RUN/artifacts/..%2f..%2fOTHER",
    "mlflow-artifacts:/0/RUN/artifacts/%252e%252e%252fOTHER",
    "mlflow-artifacts:/0/RUN/artifacts/%25252e%25252e%25252fOTHER",
    "mlflow-artifacts:/0/RUN/artifacts/a\\..\\b",
    "mlflow-artifacts:/0/RUN/artifacts/a%5c..%5cb",
    "mlflow-artifacts:/0/RUN/artifacts/a//b",
    "mlflow-artifacts:/0/RUN/artifacts%2fmodel",
    "mlflow-artifacts:/0/RUN/artifacts/a\u0000b",
    "mlflow-artifacts:/0/RUN/artifacts/a%00b",
    "mlflow-artifacts:/0/RUN/artifacts/a\nb",
    "mlflow-artifacts:/0/RUN/artifactsx/model",
    "mlflow-artifacts:/0/RUN",
    "mlflow-artifacts:/",
    "mlflow-artifacts://evil.example/0/RUN/artifacts/model",
    "mlflow-artifacts:///0/RUN/artifacts/model",
    "runs:/OTHER/model",
    "runs://evil.example/RUN/model",
    "runs:/RUN/../OTHER/model",
    "runs:/RUN",
    "models:/m/1/../../x",
    "models:/m-0123456789abcdef0123456789abcdef",
    "models://evil.example/m/1",
    "models:/m/99",
    "models:/m@none",
    "models:/none/1",
    "models:/",
    "s3://bucket/../other",
    "s3://bucket/%2e%2e/other",
    "dummy-source",
    `s3://${"x".repeat(3000)}`,
    "",
  ];
  test.each(hostile)("%j is refused, and no version is made", async (source) => {
    const before = (await world.rooms.registry.listVersions("m")).length;
    const named = source.replaceAll("RUN", runId).replaceAll("OTHER", otherRunId);
    for (const owner of [{ run_id: runId }, {}]) {
      const reply = await send("POST", "model-versions/create", { name: "m", source: named, ...owner });
      expect([400, 404]).toContain(reply.statusCode);
      expect(reply.json().error_code).toMatch(/^(INVALID_PARAMETER_VALUE|RESOURCE_DOES_NOT_EXIST)$/);
    }
    expect(await world.rooms.registry.listVersions("m")).toHaveLength(before);
  });

  test("of a run whose files are elsewhere may be there, and is never read here", async () => {
    // As an import from elsewhere leaves it; over the wire only object stores are taken.
    const experiment_id = await world.rooms.tracking.experiments.create({ name: "own disk", artifactLocation: "file:///data/ml", tags: {} });
    const { run } = (await send("POST", "runs/create", { experiment_id, start_time: 1 })).json();
    const inside = `${run.info.artifact_uri}/model`;
    const made = (await send("POST", "model-versions/create", { name: "m", source: inside, run_id: run.info.run_id })).json().model_version;
    expect(made.source).toBe(inside);
    expect(await world.rooms.catalog.artifactPath("m", Number(made.version))).toBe("");
    for (const source of ["file:///data", "file:///data/ml", `${run.info.artifact_uri}/../x`, `${run.info.artifact_uri}/%2e%2e/x`, "/data/ml"]) {
      const reply = await send("POST", "model-versions/create", { name: "m", source, run_id: run.info.run_id });
      expect([reply.statusCode, reply.json().error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    }
  });
});

describe("what the platform deploys", () => {
  test("is not renamed, deleted or called otherwise over the wire", async () => {
    const trained = { model: "live", runId, artifactPath: `0/${runId}/artifacts/model`, definitionHash: "d", serviceHash: "s", datasetHash: "t" };
    const { registry } = world;
    for (const requestId of ["1", "2"]) await registry.registerVersion({ ...trained, requestId });
    for (const kind of ["offline-evaluation", "shadow", "ab", "monitors", "rollback"] as const) await registry.waive("live", 1, kind, "a test");
    await registry.promote("live", 1, "first");
    const refused = async (method: Method, path: string, body: Record<string, unknown>): Promise<unknown> => {
      const reply = await send(method, path, body);
      return [reply.statusCode, reply.json().error_code];
    };
    expect(await refused("POST", "registered-models/alias", { name: "live", alias: "champion", version: "2" })).toEqual([403, "PERMISSION_DENIED"]);
    expect(await refused("DELETE", "registered-models/alias", { name: "live", alias: "champion" })).toEqual([403, "PERMISSION_DENIED"]);
    expect(await refused("POST", "registered-models/rename", { name: "live", new_name: "x" })).toEqual([403, "PERMISSION_DENIED"]);
    expect(await refused("DELETE", "registered-models/delete", { name: "live" })).toEqual([403, "PERMISSION_DENIED"]);
    expect(await refused("DELETE", "model-versions/delete", { name: "live", version: "1" })).toEqual([403, "PERMISSION_DENIED"]);
    expect((await send("GET", "registered-models/alias", { name: "live", alias: "champion" })).json().model_version.version).toBe("1");
  });
});

describe("webhooks", () => {
  const webhook = { name: "hook", url: "https://93.184.216.34/x", events: [{ entity: "REGISTERED_MODEL", action: "CREATED" }], secret: "s3cret" };
  const made = async (over: Record<string, unknown> = {}): Promise<LightMyRequestResponse> => send("POST", "webhooks", { ...webhook, ...over });

  test("are made, read, changed, listed and deleted, and never tell their secret", async () => {
    const reply = await made({ description: "d" });
    const { webhook_id: id } = reply.json().webhook;
    expect(reply.json().webhook).toEqual({
      webhook_id: id,
      name: "hook",
      url: webhook.url,
      events: webhook.events,
      description: "d",
      status: "ACTIVE",
      creation_timestamp: expect.any(Number),
      last_updated_timestamp: expect.any(Number),
    });
    expect((await send("GET", `webhooks/${id}`)).json()).toEqual(reply.json());
    const patched = await send("PATCH", `webhooks/${id}`, { status: "DISABLED", events: [{ entity: "MODEL_VERSION_TAG", action: "SET" }] });
    expect(patched.json().webhook).toMatchObject({ name: "hook", status: "DISABLED", events: [{ entity: "MODEL_VERSION_TAG", action: "SET" }] });
    expect((await send("GET", "webhooks", { max_results: 10 })).json().webhooks).toHaveLength(1);
    expect((await send("DELETE", `webhooks/${id}`)).json()).toEqual({});
    const gone = await send("GET", `webhooks/${id}`);
    expect([gone.statusCode, gone.json()]).toEqual([404, { error_code: "RESOURCE_DOES_NOT_EXIST", message: `Webhook with ID ${id} not found.` }]);
  });

  test.each([
    ["http://example.com/x", "Invalid webhook URL scheme: 'http'. Allowed schemes are: https."],
    ["file:///etc/passwd", "Invalid webhook URL scheme: 'file'. Allowed schemes are: https."],
    ["example.com", "Invalid webhook URL scheme: ''. Allowed schemes are: https."],
    [" ", "Webhook URL cannot be empty or just whitespace: ' '"],
    ["https://", "Webhook URL must include a hostname: 'https://'"],
    ["https://user:pass@93.184.216.34/", "Webhook URL must not hold a user name or a password; use the webhook's secret."],
    ["https://127.0.0.1/x", "Webhook URL must not resolve to a non-public IP address: 127.0.0.1 is at 127.0.0.1."],
    ["https://localhost:4700/api/v1", /^Webhook URL must not resolve to a non-public IP address: localhost is at /],
    ["https://169.254.169.254/latest/meta-data", /non-public/],
    ["https://[::1]/", /non-public/],
    ["https://[::ffff:10.0.0.1]/", /non-public/],
    ["https://2130706433/", /non-public/],
    ["https://0x7f.1/", /non-public/],
  ])("are not sent to %s", async (url, message) => {
    const reply = await made({ url });
    expect([reply.statusCode, reply.json()]).toEqual([400, { error_code: "INVALID_PARAMETER_VALUE", message: expect.stringMatching(message) }]);
  });

  test("are refused by name where they are not whole", async () => {
    const message = async (over: Record<string, unknown>): Promise<string> => (await made(over)).json().message;
    expect(await message({ name: "-x" })).toMatch(/^Webhook name '-x' is invalid/);
    expect(await message({ events: [] })).toMatch(/^Missing value for required parameter 'events'/);
    expect(await message({ events: [{ entity: "MODEL_VERSION", action: "DELETED" }] })).toBe("Invalid action 'deleted' for entity 'model_version'.");
    expect(await message({ status: "SLEEPING" })).toBe("Invalid value \"SLEEPING\" for parameter 'status' supplied.");
    expect((await send("GET", "webhooks", { max_results: 1001 })).json().message).toBe("max_results must be between 1 and 1000.");
  });

  test("a test of one that may not be reached says why", async () => {
    const own = await controlWorld(0, { webhookTargets: "127.0.0.1" });
    const inner = await createControlApp(own.rooms, { consoleFolder: "/dev/null/nowhere" });
    const post = (path: string, payload: object): Promise<LightMyRequestResponse> =>
      inner.inject({ method: "POST", url: `/api/2.0/mlflow/${path}`, headers: { host: "127.0.0.1:4700", "content-type": "application/json" }, payload });
    const seen: { headers: IncomingHttpHeaders; body: string }[] = [];
    const receiver = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += String(chunk)));
      request.on("end", () => {
        seen.push({ headers: request.headers, body });
        response.writeHead(202).end("taken");
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const { port } = receiver.address() as AddressInfo;
    try {
      const { webhook: hook } = (await post("webhooks", { ...webhook, url: `http://127.0.0.1:${port}/x` })).json();
      expect((await post(`webhooks/${hook.webhook_id}/test`, {})).json()).toEqual({ result: { success: true, response_status: 202, response_body: "taken" } });
      const { "x-mlflow-delivery-id": id, "x-mlflow-timestamp": time, "x-mlflow-signature": signature } = seen[0]!.headers;
      const expected = createHmac("sha256", "s3cret")
        .update(`${String(id)}.${String(time)}.${seen[0]!.body}`)
        .digest("base64");
      expect(signature).toBe(`v1,${expected}`);
      expect(JSON.parse(seen[0]!.body)).toMatchObject({ entity: "registered_model", action: "created", data: { name: "example_model" } });
    } finally {
      receiver.closeAllConnections();
      receiver.close();
    }
    const { webhook: dead } = (await post("webhooks", { ...webhook, url: `http://127.0.0.1:${port}/x` })).json();
    expect((await post(`webhooks/${dead.webhook_id}/test`, { event: { entity: "MODEL_VERSION", action: "CREATED" } })).json().result).toMatchObject({
      success: false,
      error_message: expect.stringMatching(/^Failed to test webhook: /),
    });
    await inner.close();
    await own.close();
  });
});

describe("adopting", () => {
  test("reads no file that lies elsewhere by a link, and leaves no version behind", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "karkhana-adopt-"));
    const blobs = await openFileBlobs(path.join(folder, "blobs"));
    const at = `0/${runId}/artifacts/linked`;
    await blobs.put(
      `${at}/MLmodel`,
      new TextEncoder().encode("flavors:\n  lightgbm:\n    data: model.lgb\nmetadata:\n  karkhana.categories:\n    origin: [ATL]\n"),
    );
    await writeFile(path.join(folder, "outside.lgb"), "tree\n");
    await symlink(path.join(folder, "outside.lgb"), path.join(folder, "blobs", ...at.split("/"), "model.lgb"));
    const source = `mlflow-artifacts:/${at}`;
    const { model_version: made } = (await send("POST", "model-versions/create", { name: "m", source, run_id: runId })).json();
    const before = await world.registry.listVersions(world.model.name);
    const parts = { ...world.rooms, registry: world.registry, tracking: world.tracking, blobs, projectName: "small-airline" };
    const adopting = adoptVersion(parts, world.model, `models:/m/${made.version}`, { waive: "a test" });
    await expect(adopting).rejects.toMatchObject({ code: "MODEL_FOLDER_REFUSED", message: expect.stringMatching(/model\.lgb is not in the folder/) });
    expect(await world.registry.listVersions(world.model.name)).toEqual(before);
    await rm(folder, { recursive: true });
  });

  test("of a model whose features are not the project's is refused, and the run that tried says so", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "karkhana-adopt-"));
    const blobs = await openFileBlobs(path.join(folder, "blobs"));
    const at = `0/${runId}/artifacts/other`;
    await blobs.put(
      `${at}/MLmodel`,
      new TextEncoder().encode("flavors:\n  lightgbm:\n    data: model.lgb\nmetadata:\n  karkhana.categories:\n    origin: [ATL]\n"),
    );
    await blobs.put(`${at}/model.lgb`, new TextEncoder().encode("tree\nversion=v4\nnum_class=1\n"));
    const { model_version: made } = (await send("POST", "model-versions/create", { name: "m", source: `mlflow-artifacts:/${at}`, run_id: runId })).json();
    const parts = { ...world.rooms, registry: world.registry, tracking: world.tracking, blobs, projectName: "small-airline" };
    await expect(adoptVersion(parts, world.model, `models:/m/${made.version}`, { waive: "a test" })).rejects.toMatchObject({ code: "ARTIFACT_INVALID" });
    const { experimentId } = await world.tracking.experiment("small-airline");
    expect((await world.tracking.listRuns(experimentId)).runs[0]).toMatchObject({ status: "FAILED", name: `adopted m/${made.version}` });
    await rm(folder, { recursive: true });
  });
});
