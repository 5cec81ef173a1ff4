import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createControl, createControlApp, type Control } from "../control.ts";
import { controlWorld, type ControlWorld } from "../test-world.ts";

// What the stock client never sends: the words of refusals, other clients' ways to ask, and hostile paths. The client itself: test/protocol.
let world: ControlWorld;
let app: FastifyInstance;
let runId: string;

beforeAll(async () => {
  world = await controlWorld(0);
  app = await createControlApp(world.rooms, { consoleFolder: "/dev/null/nowhere" });
  runId = (await post("runs/create", { experiment_id: "0", start_time: 1 })).json().run.info.run_id;
});

afterAll(async () => {
  await app.close();
  await world.close();
});

const headers = { host: "127.0.0.1:4700" };

function post(path: string, payload: unknown, prefix = "/api/2.0/mlflow/"): Promise<LightMyRequestResponse> {
  const body = typeof payload === "string" ? payload : JSON.stringify(payload);
  return app.inject({ method: "POST", url: `${prefix}${path}`, headers: { ...headers, "content-type": "application/json" }, payload: body });
}

function get(url: string): Promise<LightMyRequestResponse> {
  return app.inject({ url, headers });
}

function put(path: string, payload: string): Promise<LightMyRequestResponse> {
  return app.inject({ method: "PUT", url: `/api/2.0/mlflow-artifacts/artifacts/${path}`, headers, payload });
}

describe("refusals are in MLflow's words", () => {
  const hint = "See the API docs for more information about request parameters.";
  test.each([
    ["experiments/create", {}, `Missing value for required parameter 'name'. ${hint}`],
    ["experiments/create", { name: 123 }, `Invalid value 123 for parameter 'name' supplied:  Hint: Value was of type 'int'. ${hint}`],
    [
      "experiments/create",
      { name: { b: 1, a: "é" } },
      `Invalid value {"a":"\\u00e9","b":1} for parameter 'name' supplied:  Hint: Value was of type 'dict'. ${hint}`,
    ],
    ["experiments/get-by-name", {}, null],
    ["experiments/search", {}, "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer"],
    ["experiments/search", { max_results: 50_001 }, "Invalid value 50001 for parameter 'max_results' supplied. It must be at most 50000"],
    ["runs/create", { experiment_id: "x" }, "Invalid experiment ID 'x'. Experiment ID must be a valid integer."],
    [
      "runs/log-metric",
      { run_id: "RUN", key: "a", value: "NaNs", timestamp: 1 },
      `Invalid value "NaNs" for parameter 'value' supplied:  Hint: Value was of type 'str'. ${hint}`,
    ],
    ["runs/log-metric", { run_id: "RUN", key: "a", value: 1 }, `Missing value for required parameter 'timestamp'. ${hint}`],
    ["runs/log-batch", { run_id: "RUN", metrics: [{ key: "a", timestamp: 1 }] }, `Missing value for required parameter 'metrics[0].value'. ${hint}`],
    ["runs/log-batch", { run_id: "RUN", params: [{ value: "1" }] }, `Missing value for required parameter 'params[0].key'. ${hint}`],
    [
      "runs/log-batch",
      { run_id: "RUN", metrics: Array.from({ length: 1001 }, () => ({ key: "a", value: 1, timestamp: 1 })) },
      "A batch logging request can contain at most 1000 metrics. Got 1001 metrics. Please split up metrics across multiple requests and try again.",
    ],
    [
      "runs/log-batch",
      { run_id: "RUN", params: [{ key: "a" }, { key: "a" }] },
      "Duplicate parameter keys have been submitted: ['a']. Please ensure the request contains only one param value per param key.",
    ],
    [
      "runs/set-tag",
      { run_id: "RUN", key: "a//b", value: "" },
      "Invalid value \"a//b\" for parameter 'key' supplied: Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to 'a/b'",
    ],
    ["runs/log-inputs", { run_id: "RUN", datasets: [{ tags: [] }] }, `Missing value for required parameter 'datasets[0].dataset'. ${hint}`],
    [
      "runs/log-inputs",
      { run_id: "RUN", datasets: [{ dataset: { name: "a", digest: "d".repeat(37), source_type: "s", source: "s" } }] },
      "'digest' exceeds the maximum length of 36 characters",
    ],
    ["runs/log-inputs", { run_id: "RUN", models: [{ id: "m-1" }] }, `Missing value for required parameter 'models[0].model_id'. ${hint}`],
    ["experiments/create", '{"name":9.0}', `Invalid value 9.0 for parameter 'name' supplied:  Hint: Value was of type 'float'. ${hint}`],
    ["runs/log-parameter", { run_id: "RUN", key: "k".repeat(251), value: "" }, "'Param key' exceeds the maximum length of 250 characters"],
  ])("%s %j", async (path, body, message) => {
    const asked = typeof body === "string" ? body : JSON.parse(JSON.stringify(body).replace("RUN", runId));
    const reply = path.endsWith("by-name") ? await get(`/api/2.0/mlflow/${path}`) : await post(path, asked);
    expect([reply.statusCode, reply.json()]).toEqual([
      400,
      { error_code: "INVALID_PARAMETER_VALUE", message: message ?? `Missing value for required parameter 'experiment_name'. ${hint}` },
    ]);
  });

  test("what is not there is 404 by name, and renaming a deleted experiment is a wrong state", async () => {
    expect((await get(`/api/2.0/mlflow/runs/get?run_id=${"0".repeat(32)}`)).json()).toEqual({
      error_code: "RESOURCE_DOES_NOT_EXIST",
      message: `Run with id=${"0".repeat(32)} not found`,
    });
    expect((await get("/api/2.0/mlflow/experiments/get?experiment_id=99")).json().message).toBe("No Experiment with id=99 exists");
    const { experiment_id } = (await post("experiments/create", { name: "gone" })).json();
    await post("experiments/delete", { experiment_id });
    const reply = await post("experiments/update", { experiment_id, new_name: "back" });
    expect([reply.statusCode, reply.json().error_code]).toEqual([500, "INVALID_STATE"]);
  });

  test("families that are not spoken, and bodies that are not JSON, get MLflow's shape", async () => {
    for (const url of ["/api/2.0/mlflow/traces/search", "/api/3.0/mlflow/traces/x", "/ajax-api/2.0/mlflow/none", "/api/2.0/other", "/ajax-api/3.0/x"]) {
      const reply = await get(url);
      expect([url, reply.statusCode, reply.json().error_code]).toEqual([url, 404, "ENDPOINT_NOT_FOUND"]);
    }
    expect((await post("runs/create", "{")).json().error_code).toBe("BAD_REQUEST");
    const form = await app.inject({ method: "POST", url: "/api/2.0/mlflow/runs/create", headers: { ...headers, "content-type": "text/plain" }, payload: "{}" });
    expect([form.statusCode, form.json().error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
  });

  test("the same beside a console that is built, whose files answer what no route does", async () => {
    const consoleFolder = await mkdtemp(path.join(tmpdir(), "karkhana-console-"));
    await writeFile(path.join(consoleFolder, "index.html"), "<title>console</title>");
    const built = await createControlApp(world.rooms, { consoleFolder });
    try {
      expect((await built.inject({ url: "/runs", headers })).body).toContain("console");
      for (const url of [
        "/api/2.0/mlflow/traces/search",
        "/api/3.0/mlflow/traces/x",
        "/ajax-api/2.0/mlflow/none",
        "/api/2.0/other",
        "/ajax-api/3.0/x",
        "/api/2.0",
      ]) {
        const reply = await built.inject({ url, headers });
        expect([url, reply.statusCode, reply.json().error_code]).toEqual([url, 404, "ENDPOINT_NOT_FOUND"]);
      }
    } finally {
      await built.close();
      await rm(consoleFolder, { recursive: true });
    }
  });

  test("a web page of another site, and a name rebound to this address, change nothing", async () => {
    for (const hostile of [{ host: "evil.example" }, { ...headers, origin: "http://evil.example" }]) {
      const reply = await app.inject({
        method: "POST",
        url: "/api/2.0/mlflow/experiments/create",
        headers: { ...hostile, "content-type": "application/json" },
        payload: '{"name":"evil"}',
      });
      expect([reply.statusCode, reply.json().error_code]).toEqual([403, "PERMISSION_DENIED"]);
    }
  });
});

describe("other clients' ways to ask", () => {
  test("the browser's prefix, numbers as strings, nulls, run_uuid, JSON in a JSON string, unknown fields", async () => {
    const sent = { run_uuid: runId, key: "loose", value: "0.5", timestamp: "12", step: "3", run_id: null, unknown: { deep: [] } };
    expect((await post("runs/log-metric", JSON.stringify(JSON.stringify(sent)), "/ajax-api/2.0/mlflow/")).json()).toEqual({});
    expect((await get(`/ajax-api/2.0/mlflow/metrics/get-history?run_uuid=${runId}&metric_key=loose`)).json()).toEqual({
      metrics: [{ key: "loose", value: 0.5, timestamp: 12, step: 3 }],
    });
  });

  test("NaN and the infinities are sent and answered as JSON can hold them", async () => {
    const metrics = ["NaN", "Infinity", "-Infinity"].map((value, step) => ({ key: "odd", value, timestamp: 1, step }));
    await post("runs/log-batch", { run_id: runId, metrics });
    const reply = await get(`/api/2.0/mlflow/metrics/get-history?run_id=${runId}&metric_key=odd`);
    expect(reply.json().metrics.map((m: { value: unknown }) => m.value)).toEqual(["NaN", Number.MAX_VALUE, -Number.MAX_VALUE]);
  });

  test("a list of one in a query is a list, and views go by name or number", async () => {
    const reply = await get("/api/2.0/mlflow/experiments/search?max_results=5&order_by=name%20DESC&view_type=1");
    expect(reply.json().experiments.map((e: { name: string }) => e.name)).toContain("Default");
  });

  test("a run is made with tags of any characters, and set-tag is as strict as ever", async () => {
    const tags = [
      { key: "git(branch)", value: "main" },
      { key: "owner@team", value: "a" },
    ];
    const { run } = (await post("runs/create", { experiment_id: "0", start_time: 1, tags })).json();
    expect(run.data.tags).toEqual(expect.arrayContaining(tags));
    expect((await post("runs/search", { experiment_ids: ["0"], filter: "tags.`git(branch)` = 'main'" })).json().runs).toMatchObject([
      { info: { run_id: run.info.run_id } },
    ]);
    expect((await post("runs/set-tag", { run_id: run.info.run_id, key: "git(branch)", value: "b" })).statusCode).toBe(400);
    for (const key of ["k".repeat(251), "a\0b"])
      expect((await post("runs/create", { experiment_id: "0", start_time: 1, tags: [{ key, value: "" }] })).statusCode).toBe(400);
  });

  test("probes", async () => {
    expect((await get("/health")).body).toBe("OK");
    expect((await get("/version")).body).toMatch(/^3\.\d+\.\d+$/);
    expect((await get("/api/3.0/mlflow/server-info")).json()).toMatchObject({ store_type: "SqlStore", workspaces_enabled: true });
  });
});

describe("the artifact proxy", () => {
  test("gives a file back as it came, as a download and never as a page", async () => {
    const path = `0/${runId}/artifacts/pages/x%20%C3%BC.html`;
    expect((await put(path, "<script>")).json()).toEqual({});
    const reply = await get(`/api/2.0/mlflow-artifacts/artifacts/${path}`);
    expect([reply.body, reply.headers["content-type"], reply.headers["x-content-type-options"]]).toEqual(["<script>", "application/octet-stream", "nosniff"]);
    expect(reply.headers["content-disposition"]).toBe("attachment; filename=\"x _.html\"; filename*=UTF-8''x%20%C3%BC.html");
    expect((await get(`/api/2.0/mlflow-artifacts/artifacts?path=0/${runId}/artifacts/pages`)).json()).toEqual({
      files: [{ path: "x ü.html", is_dir: false, file_size: 8 }],
    });
  });

  test.each([
    ["50%accuracy.png", "50%ACcuracy.png", "50\ufffdcuracy.png"],
    ["100%.txt", "100%.txt", "100%.txt"],
    ["a%20b.txt", "a%20b.txt", "a b.txt"],
    ["%2e%2e.txt", "%2e%2e.txt", "...txt"],
    ["%zz + é.txt", "%zz%20+%20%C3%A9.txt", "%zz + é.txt"],
  ])("takes and gives back %j as a client sends it that does not encode the sign %%", async (name, sent, kept) => {
    const folder = `0/${runId}/artifacts/${Buffer.from(name).toString("hex")}`;
    expect((await put(`${folder}/${sent}`, name)).statusCode).toBe(200);
    expect((await get(`/api/2.0/mlflow-artifacts/artifacts?path=${folder}`)).json().files).toMatchObject([{ path: kept }]);
    // Before a download the client asks whether it is a folder, by the name encoded as it must be.
    expect((await get(`/api/2.0/mlflow-artifacts/artifacts?path=${encodeURIComponent(`${folder}/${name}`)}`)).json()).toEqual({});
    expect((await get(`/api/2.0/mlflow-artifacts/artifacts/${folder}/${sent}`)).body).toBe(name);
  });

  test("sends the part of a file that is asked for", async () => {
    const url = `/api/2.0/mlflow-artifacts/artifacts/0/${runId}/artifacts/digits.txt`;
    await put(`0/${runId}/artifacts/digits.txt`, "0123456789");
    const part = (range: string): Promise<LightMyRequestResponse> => app.inject({ url, headers: { ...headers, range } });
    const [middle, end, tail, beyond, several] = await Promise.all(["bytes=2-4", "bytes=7-", "bytes=-2", "bytes=10-", "bytes=0-1,3-4"].map(part));
    expect([middle!.statusCode, middle!.body, middle!.headers["content-range"]]).toEqual([206, "234", "bytes 2-4/10"]);
    expect([end!.body, tail!.body, several!.statusCode, several!.body]).toEqual(["789", "89", 200, "0123456789"]);
    expect([beyond!.statusCode, beyond!.json().error_code]).toEqual([416, "RANGE_NOT_SATISFIABLE"]);
  });

  describe("signed addresses", () => {
    const folder = (): string => `0/${runId}/artifacts/big`;
    const mpu = (verb: string, body: object): Promise<LightMyRequestResponse> => post(`${verb}/${folder()}`, body, "/api/2.0/mlflow-artifacts/mpu/");
    const begin = async (numParts: number): Promise<{ uploadId: string; urls: string[] }> => {
      const { upload_id, credentials } = (await mpu("create", { path: "/elsewhere/weights.bin", num_parts: numParts })).json();
      return { uploadId: upload_id, urls: credentials.map((c: { url: string }) => new URL(c.url).pathname + new URL(c.url).search) };
    };
    const send = async (url: string, payload: string): Promise<string> => String((await app.inject({ method: "PUT", url, headers, payload })).headers["etag"]);
    const read = async (): Promise<string> => (await get(`/api/2.0/mlflow-artifacts/artifacts/${folder()}/weights.bin`)).body;

    test("a file comes in parts, in any order, each again if need be, and appears when all are put together", async () => {
      const { uploadId, urls } = await begin(3);
      const etags = [await send(urls[2]!, "ghi"), await send(urls[0]!, "xxx"), await send(urls[1]!, "def")];
      etags[1] = await send(urls[0]!, "abc");
      expect((await get(`/api/2.0/mlflow-artifacts/artifacts/${folder()}/weights.bin`)).statusCode).toBe(404);
      const parts = [
        { part_number: 3, etag: etags[0] },
        { part_number: 1, etag: etags[1] },
        { part_number: 2, etag: etags[2] },
      ];
      const done = { path: "/elsewhere/weights.bin", upload_id: uploadId, parts };
      expect((await mpu("complete", { ...done, parts: parts.slice(0, 2) })).json().error_code).toBe("INVALID_PARAMETER_VALUE");
      expect((await mpu("complete", { ...done, parts: parts.map((part) => ({ ...part, etag: '"0"' })) })).json().error_code).toBe("INVALID_PARAMETER_VALUE");
      for (let time = 0; time < 2; time++) expect((await mpu("complete", done)).json()).toEqual({});
      expect(await read()).toBe("abcdefghi");
    });

    test("an upload is given up, and belongs to the file it was begun for", async () => {
      const { uploadId, urls } = await begin(1);
      await send(urls[0]!, "new");
      expect((await mpu("complete", { path: "other.bin", upload_id: uploadId, parts: [{ part_number: 1 }] })).statusCode).toBe(404);
      expect((await mpu("abort", { path: "weights.bin", upload_id: uploadId })).json()).toEqual({});
      expect((await app.inject({ method: "PUT", url: urls[0]!, headers, payload: "late" })).statusCode).toBe(404);
      expect((await mpu("complete", { path: "weights.bin", upload_id: uploadId, parts: [{ part_number: 1 }] })).statusCode).toBe(404);
      expect(await read()).toBe("abcdefghi");
    });

    test("an upload to where nothing may be written is refused before its first part", async () => {
      for (const at of ["../x", "elsewhere", "0/00000000000000000000000000000000/artifacts", `1/${runId}/artifacts`]) {
        const reply = await post(`create/${at}`, { path: "a", num_parts: 1 }, "/api/2.0/mlflow-artifacts/mpu/");
        expect([400, 404]).toContain(reply.statusCode);
      }
      expect((await mpu("create", { path: "a", num_parts: 10_001 })).statusCode).toBe(400);
      expect((await mpu("create", { path: "..", num_parts: 1 })).statusCode).toBe(400);
    });

    test("an address opens what it was signed for, until it is over, and nothing else", async () => {
      const { url, file_size } = (await get(`/api/2.0/mlflow-artifacts/presigned/${folder()}/weights.bin`)).json();
      const { pathname, search } = new URL(url);
      expect([(await get(pathname + search)).body, file_size]).toEqual(["abcdefghi", 9]);
      expect((await app.inject({ url: pathname + search, headers: { ...headers, range: "bytes=3-5" } })).body).toBe("def");
      const query = new URLSearchParams(search);
      const altered = [
        [pathname.replace("weights", "other"), search],
        [pathname, ""],
        [pathname, `?expires=${Number(query.get("expires")) + 1}&signature=${query.get("signature")}`],
        [pathname, `?expires=${query.get("expires")}&signature=${query.get("signature")!.replace(/./, (c) => (c === "A" ? "B" : "A"))}`],
      ];
      for (const [path, more] of altered) expect([path, more, (await get(`${path}${more}`)).statusCode]).toEqual([path, more, 403]);
      const { urls } = await begin(2);
      expect((await app.inject({ method: "PUT", url: urls[0]!.replace("/1?", "/2?"), headers, payload: "x" })).statusCode).toBe(403);
      world.machineClock.advanceBy(2 * 60 * 60 * 1_000_000);
      expect((await get(pathname + search)).json()).toMatchObject({ error_code: "PERMISSION_DENIED" });
    });

    test("an upload that nobody ended is gone a day later", async () => {
      const { urls } = await begin(1);
      await send(urls[0]!, "x");
      world.machineClock.advanceBy(25 * 60 * 60 * 1_000_000);
      await begin(1);
      expect(await world.rooms.tracking.uploads.putPart(urls[0]!.split("/").at(-2)!, 1, Readable.from([])).catch((e: { code: string }) => e.code)).toBe(
        "UPLOAD_NOT_FOUND",
      );
    });
  });

  const hostile = [
    "../meta.db",
    "..%2fmeta.db",
    "%2e%2e/%2e%2e/etc/passwd",
    "%252e%252e%252fmeta.db",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "models/late_arrival/1/model.json",
    "0/RUN/artifacts",
    "0/RUN/artifacts/",
    "0/RUN/artifacts/../../x",
    "0/RUN/artifacts/..%2f..%2fx",
    "0/RUN/artifacts/%252e%252e%252fx",
    "0/RUN/artifacts/a%00b",
    "0/RUN/artifacts/a%5c..%5cb",
    "0/RUN/artifacts/a//b",
    "0/RUN/artifacts/a%0ab",
    "1/RUN/artifacts/x",
    "0/RUN/other/x",
    "0/00000000000000000000000000000000/artifacts/x",
    "file%3a%2f%2f%2fetc%2fpasswd",
    "0%2fRUN%2fartifacts%2f..%2fx",
  ];
  test.each(hostile)("neither reads, lists, writes nor deletes %s", async (path) => {
    const at = path.replace("RUN", runId);
    const url = `/api/2.0/mlflow-artifacts/artifacts/${at}`;
    const before = await world.rooms.tracking.listArtifacts(runId);
    const replies = [await get(url), await put(at, "owned")];
    // An empty path below a run is its whole folder, which may be deleted.
    if (!/artifacts\/?$/.test(path))
      replies.push(await app.inject({ method: "DELETE", url, headers }), await get(`/api/2.0/mlflow-artifacts/artifacts?path=${at}`));
    for (const reply of replies) {
      expect([400, 404]).toContain(reply.statusCode);
      expect(reply.json()).toMatchObject({ error_code: expect.stringMatching(/^(INVALID_PARAMETER_VALUE|RESOURCE_DOES_NOT_EXIST|ENDPOINT_NOT_FOUND)$/) });
    }
    expect(await world.rooms.tracking.listArtifacts(runId)).toEqual(before);
  });

  test.each([
    "mlflow-artifacts:/1/../..",
    "mlflow-artifacts:/1",
    "mlflow-artifacts:/1/x",
    "mlflow-artifacts://host/x",
    "mlflow-artifacts:/a//b",
    "mlflow-artifacts:/a/./b",
    "mlflow-artifacts:/a%2fb",
    "mlflow-artifacts:/",
    "http://collects-logins.example/x",
    "HTTPS://collects-logins.example/x",
    "file:///etc",
    "relative/folder",
    "runs:/x/y",
    "models:/m/1",
    "/etc",
    "s3://bucket/../x",
    "s3://bucket/a#b",
    "file:///data/%2e%2e/x",
    "s3://a\nb",
  ])("an experiment cannot be kept at %s", async (artifact_location) => {
    const reply = await post("experiments/create", { name: `at ${artifact_location}`.trim().replaceAll("\n", " "), artifact_location });
    expect([reply.statusCode, reply.json().error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
  });

  test("an experiment kept elsewhere tells its clients where, and its files are not read here", async () => {
    const { experiment_id } = (await post("experiments/create", { name: "elsewhere", artifact_location: "s3://bucket/ours/" })).json();
    const { run } = (await post("runs/create", { experiment_id, start_time: 1 })).json();
    expect(run.info.artifact_uri).toBe(`s3://bucket/ours/${run.info.run_id}/artifacts`);
    expect((await get(`/api/2.0/mlflow/artifacts/list?run_id=${run.info.run_id}`)).json().message).toContain("s3://bucket/ours");
  });

  test("what a place says after its path stays after the paths below it", async () => {
    const { experiment_id } = (await post("experiments/create", { name: "asked", artifact_location: "s3://bucket/ours?region=eu" })).json();
    const { run } = (await post("runs/create", { experiment_id, start_time: 1 })).json();
    expect(run.info.artifact_uri).toBe(`s3://bucket/ours/${run.info.run_id}/artifacts?region=eu`);
    const { model } = (await post("logged-models", { experiment_id, name: "m" })).json();
    expect(model.info.artifact_uri).toBe(`s3://bucket/ours/models/${model.info.model_id}/artifacts?region=eu`);
  });
});

describe("over a socket", () => {
  let control: Control;
  beforeAll(async () => {
    control = await createControl(world.rooms, { host: "127.0.0.1", port: 0, consoleFolder: "/dev/null/nowhere" });
  });
  afterAll(() => control.close());

  test("an upload that breaks off leaves the file as it was, and nothing half-written", async () => {
    const path = `0/${runId}/artifacts/upload.bin`;
    await put(path, "whole");
    const broken = httpRequest(`${control.url}/api/2.0/mlflow-artifacts/artifacts/${path}`, { method: "PUT", headers: { "content-length": 1_000_000 } });
    const closed = new Promise((resolve) => broken.on("close", resolve));
    broken.on("error", () => {});
    broken.write("half", () => broken.destroy());
    await closed;
    expect((await get(`/api/2.0/mlflow-artifacts/artifacts/${path}`)).body).toBe("whole");
  });

  test("what is too large, or goes where it may not, is answered and not cut off", async () => {
    const tooLarge = await fetch(`${control.url}/api/2.0/mlflow/runs/log-batch`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ run_id: "x".repeat(11 * 1024 * 1024) }),
    });
    expect([tooLarge.status, await tooLarge.json()]).toMatchObject([400, { error_code: "BAD_REQUEST" }]);
    const elsewhere = await fetch(`${control.url}/api/2.0/mlflow-artifacts/artifacts/elsewhere`, { method: "PUT", body: "x".repeat(5_000_000) });
    expect([elsewhere.status, await elsewhere.json()]).toEqual([400, { error_code: "INVALID_PARAMETER_VALUE", message: "Invalid path" }]);
  });
});
