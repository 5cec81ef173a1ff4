import { request as httpRequest } from "node:http";
import type { FastifyInstance } from "fastify";
import type { TSchema } from "typebox";
import { Check, Errors } from "typebox/value";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DatasetReport, Distributions, Features, ModelDetail, Monitoring, Overview, PipelineDetail, Prediction, RunPage } from "./api.ts";
import type { RegisteredModelDetail, RegisteredModelPage, RegisteredVersionDetail } from "./api-registry.ts";
import type { ArtifactFolder, MetricSeries, RunDetail } from "./api-runs.ts";
import type { PredictionExplanation } from "./explanation-api.ts";
import type { ExploredEntity, FeatureViewDetail, ViewInUse, ViewVersion } from "./api-features.ts";
import { createControl, createControlApp } from "./control.ts";
import { runSchemas } from "./schemas-runs.ts";
import { registrySchemas } from "./schemas-registry.ts";
import { servingSchemas } from "./schemas-serving.ts";
import { schemas } from "./schemas.ts";
import { controlWorld, type ControlWorld } from "./test-world.ts";

let world: ControlWorld;
let empty: ControlWorld;
let app: FastifyInstance;
let emptyApp: FastifyInstance;

beforeAll(async () => {
  world = await controlWorld(70);
  empty = await controlWorld(0);
  app = await createControlApp(world.rooms, { consoleFolder: "/dev/null/nowhere" });
  emptyApp = await createControlApp(empty.rooms, { consoleFolder: "/dev/null/nowhere" });
});

afterAll(async () => {
  await app.close();
  await emptyApp.close();
  await world.close();
  await empty.close();
});

const host = { host: "127.0.0.1:4700" };

async function get<T>(url: string, of: FastifyInstance = app): Promise<T> {
  const reply = await of.inject({ url, headers: host });
  expect(reply.statusCode, `${url}: ${reply.body.slice(0, 300)}`).toBe(200);
  return reply.json<T>();
}

async function refusal(
  url: string,
  options: { method?: "GET" | "POST"; payload?: object | string; headers?: Record<string, string> } = {},
): Promise<{ status: number; code: string; message: string }> {
  const reply = await app.inject({
    url,
    method: options.method ?? "GET",
    headers: { ...host, ...options.headers },
    ...(options.payload === undefined ? {} : { payload: options.payload }),
  });
  expect(misfit(schemas.error, reply.json())).toEqual([]);
  return { status: reply.statusCode, code: reply.json().error.code, message: reply.json().error.message };
}

function misfit(schema: TSchema, value: unknown): unknown[] {
  return Check(schema, value) ? [] : [...Errors(schema, value)].slice(0, 3);
}

async function runIds(): Promise<string[]> {
  const [experiment] = await get<{ experimentId: string }[]>("/api/v1/experiments");
  return (await get<RunPage>(`/api/v1/runs?experimentId=${experiment!.experimentId}`)).runs.map((r) => r.runId);
}

describe("answers have the shapes the console was told of", () => {
  const plain: readonly (readonly [string, TSchema])[] = [
    ["/overview", schemas.overview],
    ["/datasets", schemas.datasets],
    ["/features", schemas.features],
    ["/experiments", runSchemas.experiments],
    ["/views", runSchemas.views],
    ["/registry/models", registrySchemas.models],
    ["/models", schemas.models],
    ["/models/late_arrival", schemas.model],
    ["/models/late_arrival/monitoring", schemas.monitoring],
    ["/models/late_arrival/distributions", schemas.distributions],
    ["/models/late_arrival/predictions", schemas.predictions],
    ["/models/late_arrival/parity", schemas.parity],
    ["/exchanges?model=writer", servingSchemas.exchanges],
    ["/models/late_arrival/comparisons", servingSchemas.comparisons],
    ["/alerts", schemas.alerts],
    ["/pipelines", schemas.pipelines],
    ["/serving", servingSchemas.serving],
  ];
  test.each(plain)("%s, filled and on a first start", async (url, schema) => {
    expect(misfit(schema, await get(`/api/v1${url}`))).toEqual([]);
    expect(misfit(schema, await get(`/api/v1${url}`, emptyApp))).toEqual([]);
  });

  test("records by their id", async () => {
    const [dataset] = await get<{ hash: string }[]>("/api/v1/datasets");
    expect(misfit(schemas.dataset, await get(`/api/v1/datasets/${dataset!.hash}`))).toEqual([]);
    const [run] = await runIds();
    expect(misfit(runSchemas.run, await get(`/api/v1/runs/${run}`))).toEqual([]);
    expect(misfit(runSchemas.preview, await get(`/api/v1/runs/${run}/preview?path=model/manifest.json`))).toEqual([]);
    expect(misfit(runSchemas.folder, await get(`/api/v1/runs/${run}/artifacts?path=model`))).toEqual([]);
    expect(misfit(schemas.pipeline, await get("/api/v1/pipelines/train-late_arrival-2"))).toEqual([]);
  });

  test("the description lists every route and names the response of each", async () => {
    const { paths } = await get<{ paths: Record<string, Record<string, { summary?: string; responses: object }>> }>("/api/openapi.json");
    expect(Object.keys(paths).length).toBeGreaterThanOrEqual(18);
    expect(
      Object.entries(paths).filter(
        ([path, methods]) => !path.startsWith("/api/v1/") || Object.values(methods).some((m) => m.summary === undefined || !("200" in m.responses)),
      ),
    ).toEqual([]);
  });
});

describe("a feature view is shown with what both engines make of it", () => {
  test("what lookups gave stands beside what the champion was trained on, and what parity found of it", async () => {
    const hash = await viewNamed("from_airport");
    const url = `/api/v1/features/${hash}/profile`;
    const use = await get<ViewInUse>(url);
    expect(misfit(schemas.viewInUse, use)).toEqual([]);
    expect([use.lookups, use.notFound]).toEqual([600, 20]);
    const share = use.features.find(({ name }) => name === "late_share_1d")!;
    expect(share.shares.NOT_FOUND).toBeCloseTo(20 / 600, 10);
    expect(share.training).toMatchObject({ model: "late_arrival", version: 2 });
    expect(share.training!.distribution.current.reduce((sum, n) => sum + n, 0)).toBe(600);
    expect(share.training!.distribution.current).toHaveLength(share.training!.distribution.labels.length);
    expect(share.parity!.mismatches).toBeGreaterThanOrEqual(0);
    expect(use.features.reduce((sum, one) => sum + (one.parity?.mismatches ?? 0), 0)).toBeGreaterThan(0);
    expect(use.features.find(({ name }) => name === "flights_6h")!.shares.DEFAULT).toBeGreaterThan(0);
    expect(await get<ViewInUse>(url, emptyApp)).toMatchObject({ lookups: 0, fromUs: null });
    expect(misfit(schemas.viewInUse, await get(url, emptyApp))).toEqual([]);
    expect(await refusal(`${url}?days=9`)).toMatchObject({ status: 400, code: "INVALID_ARGUMENT" });
  });

  test("a changed view's page says from which version on, and what changed", async () => {
    const versions = await get<ViewVersion[]>(`/api/v1/features/${await viewNamed("on_route")}/history`);
    expect(misfit(schemas.viewVersions, versions)).toEqual([]);
    expect(versions.map(({ isCurrent }) => isCurrent)).toEqual([true, false]);
    expect(versions[0]?.changes).toEqual([
      { part: "feature flights_1d", kind: "removed", from: "count over 1d", to: null },
      { part: "feature flights_7d", kind: "added", from: null, to: "count over 7d" },
      { part: "feature late_share_7d", kind: "changed", from: "share of delay >= 30 over 7d", to: "share of delay >= 15 over 7d" },
    ]);
    expect(await get<ViewVersion[]>(`/api/v1/features/${await viewNamed("from_airport")}/history`)).toHaveLength(1);
  });

  test("/metrics tells Prometheus what parity found by feature, and how old the newest event is", async () => {
    const { body, headers } = await app.inject({ url: "/metrics", headers: host });
    expect(headers["content-type"]).toContain("text/plain");
    expect(body).toMatch(/^karkhana_feature_parity_mismatches_total\{view="from_airport",version="[0-9a-f]{12}",feature="late_share_1h"\} [1-9]/m);
    expect(body).toMatch(/^karkhana_feature_parity_compared_total\{view="on_route".*feature="flights_7d"\} [1-9]/m);
    expect(body).toMatch(/^karkhana_feature_freshness_seconds\{view="from_airport",source="flights"\} \d/m);
  });

  const viewNamed = async (name: string): Promise<string> => (await get<Features>("/api/v1/features")).views.find((view) => view.name === name)!.hash;

  test("its definition, what the online engine keeps, the health of its source and a question to begin with", async () => {
    const hash = await viewNamed("from_airport");
    const detail = await get<FeatureViewDetail>(`/api/v1/features/${hash}`);
    expect(misfit(schemas.featureView, detail)).toEqual([]);
    expect(detail.online.join("\n")).toMatch(/sums of: delay >= 15; delay/);
    expect(detail.health.rows).toBeGreaterThan(300);
    expect(detail.health.newestEventUs).toBeGreaterThan(0);
    expect(detail.example?.keys).toHaveLength(1);
    expect(misfit(schemas.featureView, await get(`/api/v1/features/${hash}`, emptyApp))).toEqual([]);
  });

  test("an entity as of a time: the same values online and offline, and the rows they come from", async () => {
    const hash = await viewNamed("from_airport");
    const atUs = Date.UTC(2001, 2, 31, 17, 5) * 1000;
    const found = await get<ExploredEntity>(`/api/v1/features/${hash}/entity?key=ORD&atUs=${atUs}`);
    expect(misfit(schemas.exploredEntity, found)).toEqual([]);
    expect(found.features.map((f) => [f.name, f.isEqual])).toEqual(found.features.map((f) => [f.name, true]));
    const week = found.features.find((f) => f.name === "mean_delay_7d")!;
    expect(week.events).toBe(found.events.length);
    expect(week.online).toBeCloseTo(found.events.reduce((sum, e) => sum + Number(e.values["delay"]), 0) / found.events.length, 9);
    for (const e of found.events) {
      expect(e.values["origin"]).toBe("ORD");
      expect(e.eventUs).toBeLessThan(atUs);
      expect(e.knownUs).toBeLessThanOrEqual(atUs);
    }
    expect(found.sql.join("\n")).toContain("ASOF LEFT JOIN");
  });

  test("a time that the online store has left behind is said to be so", async () => {
    const found = await get<ExploredEntity>(`/api/v1/features/${await viewNamed("from_airport")}/entity?key=ORD&atUs=${Date.UTC(2001, 1, 10) * 1000}`);
    expect(found.keptFromUs).toBeGreaterThan(found.atUs);
    expect(found.events.length).toBeGreaterThan(0);
  });

  test("a key nobody has seen has nothing, in both", async () => {
    const found = await get<ExploredEntity>(`/api/v1/features/${await viewNamed("from_airport")}/entity?key=XXX&atUs=986000000000000`);
    expect(found.events).toEqual([]);
    expect(found.features.map((f) => [f.online, f.offline, f.isEqual])).toEqual(
      found.features.map((f) => (f.name.startsWith("flights") ? [0, 0, true] : [null, null, true])),
    );
  });

  test("a wrong number of keys, an unknown view and a source that is not there yet are refused", async () => {
    const hash = await viewNamed("on_route");
    expect(await refusal(`/api/v1/features/${hash}/entity?key=ORD&atUs=0`)).toMatchObject({ status: 400, code: "INVALID_ARGUMENT" });
    expect(await refusal("/api/v1/features/nothing")).toMatchObject({ status: 404, code: "FEATURE_NOT_FOUND" });
    const reply = await emptyApp.inject({ url: `/api/v1/features/${hash}/entity?key=ORD&key=DEN&atUs=0`, headers: host });
    expect([reply.statusCode, reply.json().error.code]).toEqual([404, "DATASET_NOT_FOUND"]);
  });
});

describe("what the records say is what is shown", () => {
  test("a version is traced to its run, its data and the views that made its features, and shows its proofs", async () => {
    const version = await get<RegisteredVersionDetail>("/api/v1/registry/models/late_arrival/versions/1");
    expect(misfit(registrySchemas.version, version)).toEqual([]);
    expect(version.lineage.run).toMatchObject({ runId: world.trainedRun, experiment: "small-airline" });
    expect(version.lineage.datasets).toEqual([{ name: "flights", digest: version.datasetHash, hash: version.datasetHash }]);
    expect(version.lineage.views.map((v) => [v.name, v.features])).toEqual([
      ["from_airport", 6],
      ["on_route", 2],
    ]);
    expect(version.proofs.map((p) => p.state)).toEqual(["proved", "waived", "waived", "proved", "waived"]);
    const model = await get<RegisteredModelDetail>("/api/v1/registry/models/late_arrival");
    expect(misfit(registrySchemas.model, model)).toEqual([]);
    expect(model.versions.map((v) => v.version)).toEqual([3, 2, 1]);
    const found = await get<RegisteredModelPage>("/api/v1/registry/models?text=ARRIV");
    expect(found.models.map((m) => m.name)).toEqual(["late_arrival"]);
    expect((await get<RegisteredModelPage>("/api/v1/registry/models?text=it's")).models).toEqual([]);
    expect(await refusal("/api/v1/registry/models/late_arrival/versions/99")).toMatchObject({ status: 404, code: "VERSION_NOT_FOUND" });
  });

  test("the quality report counts every rule and names the rows that fail one", async () => {
    const [dataset] = await get<{ hash: string }[]>("/api/v1/datasets");
    const report = await get<DatasetReport>(`/api/v1/datasets/${dataset!.hash}`);
    expect(report.state).toBe("quarantined");
    expect(report.rules.find((r) => r.column === "delay" && r.rule === "≤ 1440")).toEqual({ column: "delay", rule: "≤ 1440", failed: 5, checked: 4000 });
    expect(report.rules.find((r) => r.column === "origin" && r.rule === "not null")?.failed).toBe(0);
    expect(report.failingRows[0]).toEqual({ row: 5, column: "delay", rule: "≤ 1440", value: "5000" });
    expect(report.columns.map((c) => c.name)).toEqual(["date", "delay", "distance", "origin", "destination"]);
  });

  test("a run shows its curve, its evaluation and the version it became", async () => {
    const run = await get<RunDetail>(`/api/v1/runs/${world.trainedRun}`);
    const points = Object.fromEntries(run.metrics.map((m) => [m.key, m.points]));
    expect(points).toMatchObject({ valid_log_loss: 90, holdout_auc: 1 });
    const series = await get<MetricSeries>(`/api/v1/runs/${world.trainedRun}/series?key=valid_log_loss`);
    expect(misfit(runSchemas.series, series)).toEqual([]);
    expect(series).toMatchObject({ total: 90, thinned: false, x: Array.from({ length: 90 }, (_, i) => i + 1) });
    expect(run.evaluation?.metrics["AUC"]?.value).toBeCloseTo(Number(run.metrics.find((m) => m.key === "holdout_auc")?.value), 12);
    expect(run.evaluation?.slices.length).toBe(8);
    expect(run.evaluation?.roc.at(-1)).toEqual([1, 1]);
    expect(run.versions).toEqual([{ model: "late_arrival", version: 1 }]);
    const folder = await get<ArtifactFolder>(`/api/v1/runs/${world.trainedRun}/artifacts?path=model`);
    expect(folder.entries.map((a) => a.path)).toContain("model/evaluation.json");
  });

  test("five proofs a version, each proved, failed, waived or missing", async () => {
    const { all } = await get<ModelDetail>("/api/v1/models/late_arrival");
    const states = Object.fromEntries(all.map((v) => [v.version, v.proofs.map((p) => p.state).join(" ")]));
    expect(states).toEqual({ 1: "proved waived waived proved waived", 2: "proved proved proved proved proved", 3: "failed missing missing proved missing" });
    expect(all.map((v) => v.place)).toEqual([null, "champion", "previous"]);
  });

  test("windows carry their thresholds, and a cell's bins add up to its rows", async () => {
    const m = await get<Monitoring>("/api/v1/models/late_arrival/monitoring");
    expect(m.drift.length).toBeGreaterThan(60);
    expect(new Set(m.drift.map((w) => w.psi.length))).toEqual(new Set([m.slots.length]));
    expect(m.marks.filter((k) => k.kind === "promoted").map((k) => k.version)).toEqual([1, 2]);
    expect(m.quality.some((q) => q.role === "shadow" && q.version === 2)).toBe(true);
    expect(m.quality.some((q) => q.breach && q.auc!.high < q.threshold!)).toBe(true);
    const window = m.drift[10]!;
    const d = await get<Distributions>(`/api/v1/models/late_arrival/distributions?atUs=${window.fromUs}`);
    expect([d.fromUs, d.currentRows]).toEqual([window.fromUs, window.rows]);
    for (const slot of d.slots) {
      expect(
        slot.current.reduce((a, b) => a + b, 0),
        slot.slot,
      ).toBe(window.rows);
      expect([slot.labels.length, slot.reference.length], slot.slot).toEqual([slot.current.length, slot.current.length]);
    }
    expect(d.slots.find((s) => s.slot === "origin")?.labels).toContain("ATL");
  });

  test("predictions come newest first with named features and their outcome", async () => {
    const rows = await get<Prediction[]>("/api/v1/models/late_arrival/predictions?limit=5");
    expect(rows).toHaveLength(5);
    expect(rows.map((r) => r.askedUs)).toEqual(rows.map((r) => r.askedUs).toSorted((a, b) => b - a));
    expect(rows[0]!.features.map((f) => f.slot)).toEqual(world.model.service.slots.map((s) => s.name));
    expect(rows[0]!.features.find((f) => f.slot === "origin")?.value).toBe(rows[0]!.fields["origin"]);
    expect([0, 1]).toContain(rows[0]!.label);
  });

  test("one logged prediction is explained on demand: what each feature added, largest first, summing to its raw score", async () => {
    const [prediction] = await get<Prediction[]>("/api/v1/models/late_arrival/predictions?limit=1");
    const path = `/api/v1/models/late_arrival/predictions/${prediction!.id}/explanation`;
    const explained = await get<PredictionExplanation>(`${path}?role=${prediction!.role}`);
    expect(explained).toMatchObject({ id: prediction!.id, version: prediction!.version, role: prediction!.role, loggedScore: prediction!.score });
    expect(explained.contributions.map((c) => c.slot).toSorted()).toEqual(prediction!.features.map((f) => f.slot).toSorted());
    for (const { slot, value } of explained.contributions) expect(value).toEqual(prediction!.features.find((f) => f.slot === slot)!.value);
    const sizes = explained.contributions.map((c) => Math.abs(c.contribution));
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(sizes[0]).toBeGreaterThan(0);
    const sum = explained.contributions.reduce((total, c) => total + c.contribution, explained.baseline);
    expect(sum).toBeCloseTo(explained.rawScore, 10);
    expect(explained.score).toBeCloseTo(1 / (1 + Math.exp(-explained.rawScore)), 12);
    // The thread has the version now.
    expect(await get<PredictionExplanation>(`${path}?role=${prediction!.role}`)).toEqual(explained);
    expect(await refusal("/api/v1/models/late_arrival/predictions/nobody/explanation")).toMatchObject({ status: 404, code: "PREDICTION_NOT_FOUND" });
    expect(await refusal(`${path}?role=king`)).toMatchObject({ status: 400, code: "INVALID_ARGUMENT" });
  });

  test("a failed pipeline and an open alert are what needs attention, until a later run succeeds", async () => {
    const run = await get<PipelineDetail>("/api/v1/pipelines/train-late_arrival-2");
    expect([run.state, run.cached, run.error?.message]).toEqual(["failed", 2, expect.stringContaining("one class")]);
    const overview = await get<Overview>("/api/v1/overview");
    expect(overview.attention.some((a) => a.page.startsWith("/pipelines"))).toBe(false);
    expect(overview.attention.some((a) => a.page === "/monitoring")).toBe(true);
    expect(overview.stops.find((s) => s.id === "serving")?.state).toBe("working");
  });

  test("a first start names every stop as empty and needs nothing", async () => {
    const overview = await get<Overview>("/api/v1/overview", emptyApp);
    expect(overview.stops.map((s) => s.state)).toEqual(["empty", "ready", "empty", "empty", "empty", "empty", "empty"]);
    expect(overview.attention).toEqual([]);
  });
});

describe("bad input is refused by name", () => {
  test.each([
    ["/api/v1/models/nobody", 404, "MODEL_NOT_IN_PROJECT"],
    ["/api/v1/models/nobody/monitoring", 404, "MODEL_NOT_IN_PROJECT"],
    ["/api/v1/datasets/abc", 404, "DATASET_NOT_FOUND"],
    ["/api/v1/datasets/..%2f..%2fetc", 400, "INVALID_ARGUMENT"],
    ["/api/v1/runs/none", 404, "RUN_NOT_FOUND"],
    ["/api/v1/runs", 400, "INVALID_ARGUMENT"],
    ["/api/v1/runs?experimentId=1&limit=0", 400, "INVALID_ARGUMENT"],
    ["/api/v1/pipelines?limit=many", 400, "INVALID_ARGUMENT"],
    ["/api/v1/pipelines/none", 404, "PIPELINE_RUN_NOT_FOUND"],
    ["/api/v1/models/late_arrival/distributions?atUs=-5", 400, "INVALID_ARGUMENT"],
    ["/api/v1/nothing", 404, "ROUTE_NOT_FOUND"],
  ])("%s", async (url, status, code) => {
    expect(await refusal(url)).toMatchObject({ status, code });
  });

  test("the message names the field and the value", async () => {
    expect((await refusal("/api/v1/pipelines?limit=many")).message).toMatch(/query\.limit.*many/);
    expect((await refusal("/api/v1/models/late_arrival/rollback", { method: "POST", payload: {} })).message).toMatch(/body\.reason/);
  });

  test("an artifact path that leaves its run is refused", async () => {
    const answer = await refusal(`/api/v1/runs/${world.trainedRun}/preview?path=${encodeURIComponent("../../../meta.db")}`);
    expect(answer).toMatchObject({ status: 400, code: "BLOB_PATH_REFUSED" });
    expect(await refusal(`/api/v1/runs/${world.trainedRun}/preview?path=none.json`)).toMatchObject({ status: 404 });
  });

  test("a body that is too large, malformed or not JSON changes nothing", async () => {
    const url = "/api/v1/models/late_arrival/rollback";
    const before = await world.rooms.registry.getDeployment("late_arrival");
    const json = { "content-type": "application/json" };
    expect(await refusal(url, { method: "POST", payload: JSON.stringify({ reason: "x".repeat(100_000) }), headers: json })).toMatchObject({
      status: 413,
      code: "BODY_TOO_LARGE",
    });
    expect(await refusal(url, { method: "POST", payload: "{", headers: json })).toMatchObject({ status: 400, code: "REQUEST_MALFORMED" });
    expect(await refusal(url, { method: "POST", payload: "reason=x", headers: { "content-type": "application/x-www-form-urlencoded" } })).toMatchObject({
      status: 415,
      code: "CONTENT_TYPE_REFUSED",
    });
    expect(await world.rooms.registry.getDeployment("late_arrival")).toEqual(before);
  });
});

describe("only this machine's own pages and programs are answered", () => {
  test("a name that was rebound to this address is refused", async () => {
    expect(await refusal("/api/v1/overview", { headers: { host: "evil.example" } })).toMatchObject({ status: 403, code: "HOST_REFUSED" });
  });

  test("another site's page cannot roll back", async () => {
    const before = await world.rooms.registry.getDeployment("late_arrival");
    const answer = await refusal("/api/v1/models/late_arrival/rollback", {
      method: "POST",
      payload: { reason: "no" },
      headers: { origin: "https://evil.example" },
    });
    expect(answer).toMatchObject({ status: 403, code: "ORIGIN_REFUSED" });
    expect(await world.rooms.registry.getDeployment("late_arrival")).toEqual(before);
  });

  test("every answer carries a policy that allows nothing inline", async () => {
    for (const url of ["/", "/api/v1/overview", "/api/v1/nothing"]) {
      const { headers } = await app.inject({ url, headers: host });
      expect(headers["content-security-policy"]).toContain("script-src 'self'; style-src 'self'");
      expect(headers["x-content-type-options"]).toBe("nosniff");
    }
  });

  test("a host that others can reach is refused before anything listens", async () => {
    await expect(createControl(empty.rooms, { host: "0.0.0.0", port: 0 })).rejects.toMatchObject({ code: "ACCESS_NOT_CONFIGURED" });
  });

  test("a port in use is named", async () => {
    const first = await createControl(empty.rooms, { host: "127.0.0.1", port: 0 });
    const port = Number(new URL(first.url).port);
    await expect(createControl(empty.rooms, { host: "127.0.0.1", port })).rejects.toMatchObject({ code: "PORT_IN_USE" });
    await first.close();
  });
});

test("the event stream starts with the whole state, then tells each event, and ends with the server", async () => {
  const control = await createControl(world.rooms, { host: "127.0.0.1", port: 0 });
  const chunks: string[] = [];
  let heard: () => void = () => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    const request = httpRequest(`${control.url}/api/v1/progress`, (response) => {
      expect(response.headers["content-type"]).toContain("text/event-stream");
      response.setEncoding("utf8").on("data", (chunk: string) => {
        chunks.push(chunk);
        heard();
      });
      response.on("close", resolve).on("error", () => resolve());
    });
    request.on("error", reject).end();
  });
  const until = async (text: string): Promise<void> => {
    while (!chunks.join("").includes(text)) await new Promise<void>((resolve) => void (heard = resolve));
  };
  await until('"phases"');
  expect(chunks.join("")).toMatch(/^event: state\ndata: /);
  world.board.tell({ event: "decision", atUs: 1, model: "late_arrival", version: 9, kind: "refused", text: "told live" });
  await until("told live");
  await control.close();
  await ended;
});

test("traffic is set whole, and what may not be is refused with the field named", async () => {
  const { registry } = world;
  const { version: _v, state: _s, createdUs: _c, proofs: _p, waivers: _w, ...champion } = await registry.getVersion("late_arrival", 2);
  const [first, second] = [await registry.registerVersion({ ...champion, requestId: "t1" }), await registry.registerVersion({ ...champion, requestId: "t2" })];
  await registry.waive("late_arrival", first.version, "shadow", "a test");
  const url = "/api/v1/models/late_arrival/traffic";
  const put = (payload: object) => app.inject({ url, method: "PUT", headers: host, payload });
  const set = await put({ challengers: [{ version: first.version, share: 0.05 }], shadows: [second.version], reason: "a canary" });
  expect(misfit(schemas.deployment, set.json())).toEqual([]);
  expect(set.json()).toMatchObject({ champion: 2, challengers: [{ version: first.version, share: 0.05 }], shadows: [second.version], reason: "a canary" });
  const refusals: [object, string][] = [
    [{ challengers: [{ version: second.version, share: 0.1 }], reason: "x" }, "PROOF_MISSING"],
    [{ challengers: [{ version: first.version, share: 0.7 }], reason: "x" }, "INVALID_ARGUMENT"],
    [{ challengers: [{ version: first.version, share: "5%" }], reason: "x" }, "INVALID_ARGUMENT"],
    [{ challengers: [], shadows: [2], reason: "x" }, "INVALID_ARGUMENT"],
    [{ challengers: [], reason: "" }, "INVALID_ARGUMENT"],
    [{ challengers: [], reason: "x", weights: {} }, "INVALID_ARGUMENT"],
    [{ challengers: [{ version: 999, share: 0.1 }], reason: "x" }, "VERSION_NOT_FOUND"],
  ];
  for (const [payload, code] of refusals) expect((await put(payload)).json().error.code).toBe(code);
  expect((await put({ challengers: [], shadows: [], reason: "back" })).json()).toMatchObject({ champion: 2, challengers: [], shadows: [] });
});

// Last: it changes the registry.
test("rolling back changes the champion once and keeps the reason; a second one returns", async () => {
  const url = "/api/v1/models/late_arrival/rollback";
  const reply = await app.inject({ url, method: "POST", headers: { ...host, origin: "http://127.0.0.1:4700" }, payload: { reason: "latency doubled" } });
  expect(misfit(schemas.deployment, reply.json())).toEqual([]);
  expect(reply.json()).toMatchObject({ champion: 1, previous: 2, reason: expect.stringContaining("latency doubled") });
  expect((await world.rooms.registry.listEvents("late_arrival")).at(-1)).toMatchObject({ kind: "rolled-back" });
  const nothing = await emptyApp.inject({ url, method: "POST", headers: host, payload: { reason: "x" } });
  expect([nothing.statusCode, nothing.json().error.code]).toEqual([409, expect.stringMatching(/NOTHING_/)]);
});
