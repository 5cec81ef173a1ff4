import { afterEach, expect, test } from "vitest";
import { KarkhanaError } from "../../kernel/error.ts";
import { systemId } from "../../server/system.ts";
import { statusOf } from "../../server/error-status.ts";
import { createServing, type Serving } from "../app.ts";
import { openWorld, predictPath, question, rideProject, type World } from "../test-world.ts";
import { joinMetrics } from "./metrics-text.ts";
import { listenToPeers } from "./peer-server.ts";
import { Peers } from "./peers.ts";
import type { StatsReport } from "./process-reports.ts";

const token = "a token of the platform's own";
let world: World | undefined;
let second: Serving | undefined;
afterEach(async () => {
  await second?.close();
  await world?.close();
  world = second = undefined;
});

/** Two serving processes' worth of program over one registry and one store, which know each other. */
async function openTwo(): Promise<{ readonly world: World; readonly url: string; readonly meet: () => void; readonly second: Serving }> {
  world = await openWorld({ statusOf, serving: { sharing: { process: 0, processes: 2, token } } });
  const { registry, blobs, online, feedback, clock, peerPort } = world;
  const sharing = { process: 1, processes: 2, token };
  second = await createServing({
    project: rideProject,
    registry,
    blobs,
    online,
    feedback,
    clock,
    newId: systemId,
    statusOf,
    deploymentPollMs: 3_600_000,
    sharing,
  });
  const { port, peerPort: other = 0 } = await second.listen({ host: "127.0.0.1", port: 0 });
  const [one, two] = [world.serving, second];
  return {
    world,
    second: two,
    url: `http://127.0.0.1:${port}`,
    meet: () => {
      for (const serving of [one, two])
        serving.setPeers([
          { process: 0, port: peerPort },
          { process: 1, port: other },
        ]);
    },
  };
}

const ask = async (url: string, id: string): Promise<number> => {
  const response = await fetch(url + predictPath, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(question(id)) });
  const { predictions } = (await response.json()) as { predictions: { version: number }[] };
  return predictions[0]!.version;
};
const statsOf = async (url: string): Promise<StatsReport> => (await (await fetch(`${url}/v1/stats`)).json()) as StatsReport;

test("no process is ready before all were up once; then each answers for itself", async () => {
  const { world: one, url, meet, second: two } = await openTwo();
  expect((await one.get("/v2/health/ready")).status).toBe(400);
  meet();
  expect([(await one.get("/v2/health/ready")).status, (await fetch(`${url}/v2/health/ready`)).status]).toEqual([200, 200]);
  two.setPeers([{ process: 1, port: 1 }]);
  expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);
});

test("whichever process is asked, counts are those of both", async () => {
  const { world: one, url, meet } = await openTwo();
  meet();
  for (let i = 0; i < 3; i++) await ask(one.url, `a${i}`);
  for (let i = 0; i < 5; i++) await ask(url, `b${i}`);
  for (const asked of [one.url, url]) {
    const { models, processes, concurrencyLimit } = await statsOf(asked);
    const [{ versions, latency, ratePerSecond }] = models as [StatsReport["models"][number]];
    expect(versions.map(({ version, outcomes, stages }) => [version, outcomes.ok, stages.total.count])).toEqual([[1, 8, 8]]);
    expect([latency.champion.sinceStart.count, latency.champion.lastMinute.count]).toEqual([8, 8]);
    expect(ratePerSecond).toBeGreaterThan(0);
    expect(processes.map((each) => each.process)).toEqual([0, 1]);
    expect(concurrencyLimit).toBeGreaterThan(1024);
    const text = await (await fetch(`${asked}/metrics`)).text();
    const ok = text.split("\n").filter((line) => line.startsWith("karkhana_predict_requests_total{") && line.includes('outcome="ok"'));
    expect(ok).toEqual([
      'karkhana_predict_requests_total{process="0",model="late_ride",version="1",role="champion",outcome="ok"} 3',
      'karkhana_predict_requests_total{process="1",model="late_ride",version="1",role="champion",outcome="ok"} 5',
    ]);
    expect(text.match(/^# TYPE karkhana_predict_requests_total /gm)).toHaveLength(1);
  }
});

test("the protocol's statistics are the sums over both", async () => {
  const { world: one, url, meet } = await openTwo();
  meet();
  const tensors = {
    inputs: [{ name: "input", datatype: "FP64", shape: [2, 5], data: [1, 0, 0, 1, 1, 2, 0, 0, 1, 1] }],
  };
  const infer = (at: string): Promise<Response> => fetch(`${at}/v2/models/late_ride/infer`, { method: "POST", body: JSON.stringify(tensors) });
  expect((await infer(one.url)).status).toBe(200);
  expect((await infer(url)).status).toBe(200);
  expect((await infer(url)).status).toBe(200);
  const { model_stats } = (await (await fetch(`${url}/v2/models/late_ride/stats`)).json()) as {
    model_stats: {
      inference_count: number;
      execution_count: number;
      inference_stats: { success: { count: number } };
      batch_stats: { batch_size: number; compute_infer: { count: number } }[];
    }[];
  };
  expect(model_stats).toMatchObject([
    { inference_count: 6, execution_count: 3, inference_stats: { success: { count: 3 } }, batch_stats: [{ batch_size: 2, compute_infer: { count: 3 } }] },
  ]);
});

test("a deployment is in force in both when one of them says so; unload and load likewise", async () => {
  const { world: one, url, meet } = await openTwo();
  meet();
  await one.addVersion(2);
  one.registry.deploy({ champion: 2, previous: 1 });
  expect(await ask(url, "before")).toBe(1);
  expect((await one.post("/v1/admin/refresh", {})).status).toBe(200);
  expect(await ask(url, "after")).toBe(2);
  expect((await one.post("/v2/repository/models/late_ride/unload", {})).status).toBe(200);
  expect((await fetch(`${url}/v2/models/late_ride/ready`)).status).toBe(400);
  expect((await fetch(`${url}/v2/repository/models/late_ride/load`, { method: "POST" })).status).toBe(200);
  expect((await one.get("/v2/models/late_ride/ready")).status).toBe(200);
});

test("a process that has ended is left out of what is told, and holds up no deployment", async () => {
  const { world: one, meet, second: two } = await openTwo();
  meet();
  await two.close();
  second = undefined;
  expect((await one.post("/v1/admin/refresh", {})).status).toBe(200);
  expect((await statsOf(one.url)).processes.map((each) => each.process)).toEqual([0]);
  expect(await (await fetch(`${one.url}/metrics`)).text()).not.toContain('process="1"');
});

test("who does not know the token is told nothing, and what a process refuses is refused by all", async () => {
  const face = {
    state: () => {
      throw new Error("not asked for");
    },
    metrics: async () => "",
    statistics: () => [],
    refresh: async () => {
      throw new KarkhanaError("DEPLOYMENTS_UNREADABLE", { problem: "the registry is away" });
    },
    load: async () => undefined,
    unload: async () => undefined,
    push: async (source: string, rows: readonly object[], origin: object) => {
      if (source === "unknown") throw new KarkhanaError("INVALID_ARGUMENT", { field: "source", problem: "no feature is computed from it", value: source });
      return { source, rows, origin };
    },
  };
  const server = await listenToPeers(token, face);
  const peers = new Peers({ process: 1, processes: 2, token });
  const stranger = new Peers({ process: 1, processes: 2, token: "another" });
  for (const one of [peers, stranger]) one.set([{ process: 0, port: server.port }]);
  expect((await fetch(`http://127.0.0.1:${server.port}/state`)).status).toBe(401);
  await expect(stranger.load("m")).rejects.toMatchObject({ code: "ACCESS_UNAUTHENTICATED" });
  expect(await peers.load("m")).toBeUndefined();
  expect(await peers.states()).toEqual([]);
  const origin = { producer: "p", sequence: 3 };
  expect(await peers.push("rides", [{ at: 1, zone: "é" }], origin)).toEqual({ source: "rides", rows: [{ at: 1, zone: "é" }], origin });
  await expect(peers.push("unknown", [], origin)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", details: { value: "unknown" } });
  await expect(stranger.push("rides", [], origin)).rejects.toMatchObject({ code: "ACCESS_UNAUTHENTICATED" });
  await expect(peers.refresh()).rejects.toMatchObject({ code: "DEPLOYMENTS_UNREADABLE" });
  await server.close();
  // While process 0 is started again a push is refused, to be sent again.
  await expect(peers.push("rides", [], origin)).rejects.toMatchObject({ code: "STORAGE_UNREACHABLE" });
  peers.set([]);
  await expect(peers.push("rides", [], origin)).rejects.toMatchObject({ code: "STORAGE_UNREACHABLE" });
});

test("texts of metrics are joined by family, each sample with its process, exemplars and the end of OpenMetrics kept", () => {
  const of = (n: number): string =>
    `# HELP a Things.\n# TYPE a counter\na_total{x="}"} ${n} # {trace_id="t"} 0.5\na_total ${n}\n# TYPE b gauge\nb{} ${n}\n${n === 2 ? "# TYPE c gauge\nc 1\n" : ""}# EOF\n`;
  expect(
    joinMetrics([
      { process: 0, text: of(1) },
      { process: 1, text: of(2) },
    ]),
  ).toBe(
    [
      "# HELP a Things.",
      "# TYPE a counter",
      'a_total{process="0",x="}"} 1 # {trace_id="t"} 0.5',
      'a_total{process="0"} 1',
      'a_total{process="1",x="}"} 2 # {trace_id="t"} 0.5',
      'a_total{process="1"} 2',
      "# TYPE b gauge",
      'b{process="0"} 1',
      'b{process="1"} 2',
      "# TYPE c gauge",
      'c{process="1"} 1',
      "# EOF",
      "",
    ].join("\n"),
  );
});
