import { Agent, request } from "node:http";
import { afterEach, expect, test } from "vitest";
import { KarkhanaError } from "../kernel/error.ts";
import { statusOf } from "../server/error-status.ts";
import { createServing } from "./app.ts";
import { noon, openWorld, predictPath, question, rideProject, scoreOf, type World, type WorldOptions } from "./test-world.ts";

let world: World;
const open = async (options: Partial<WorldOptions> = {}): Promise<void> => void (world = await openWorld({ statusOf, ...options }));
afterEach(() => world.close());

const ride = (minutesAgo: number, late: number, zone = "AAA"): object => ({
  at: noon - minutesAgo * 60_000_000,
  zone,
  miles: 3,
  late,
  seats: 2,
  shared: false,
});

test("a reply implies that its record is in the log for another reader, with everything that made the score", async () => {
  await open();
  for (let i = 0; i < 50; i++) {
    const { body } = await world.post(predictPath, question(`q${i}`, { shared: true }));
    const [last] = await world.log.predictions(i, 1);
    expect(last?.record).toEqual({
      id: `q${i}`,
      model: "late_ride",
      version: 1,
      role: "champion",
      askedUs: noon,
      servedUs: noon,
      score: body.predictions[0]!.score,
      vector: Float64Array.of(3, 1, 0, 0, Number.NaN),
      serviceHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      fields: { zone: "AAA", miles: 3, shared: 1 },
      latencyUs: expect.any(Number),
    });
  }
});

test("when the log refuses, so does the answer, and no reply goes out unlogged", async () => {
  await open({
    wrapFeedback: (log) => ({ ...log, logPredictions: () => Promise.reject(new KarkhanaError("DISK_FULL", { path: "log" })) }),
  });
  const { status, body } = await world.post(predictPath, question("q"));
  expect([status, body.error.code]).toEqual([503, "DISK_FULL"]);
  expect((await world.get("/v1/stats")).body.models[0]!.versions[0]!.outcomes.failed).toBe(1);
});

test("pushed rows reach the next question's features once they are known, and a repeated push changes nothing", async () => {
  await open();
  const push = { producer: "gate", sequence: 1, rows: [ride(60, 1), ride(50, 0), ride(10, 1)] };
  const first = await world.post("/v1/sources/rides/push", push);
  expect(first).toMatchObject({ status: 200, body: { applied: true, rejected: [] } });
  expect(await world.post("/v1/sources/rides/push", push)).toMatchObject({ status: 200, body: { applied: false } });
  await world.post(predictPath, question("q"));
  const [logged] = await world.log.predictions(0, 1);
  // The ride of ten minutes ago is known only thirty minutes after it began.
  expect([...logged!.record.vector]).toEqual([3, 0, 0, 2, 0.5]);
});

test("a model's statistics and metrics count what was answered and refused", async () => {
  await open();
  for (let i = 0; i < 5; i++) await world.post(predictPath, question(`q${i}`));
  await world.post(predictPath, question("bad", { miles: -1 }));
  const [stats] = (await world.get("/v1/stats")).body.models;
  expect(stats).toMatchObject({ model: "late_ride", versions: [{ version: 1, role: "champion", outcomes: { ok: 5 } }], refusedRequests: { invalid: 1 } });
  expect(stats!.latency.champion.sinceStart.count).toBe(5);
  expect(stats!.latency.champion.lastMinute.p99Us).toBeGreaterThan(0);
  expect(Object.keys(stats!.stageMeanUs)).toEqual(["parse", "lookup", "queue", "compute", "log", "serialise", "total"]);
  const text = (await world.get("/metrics")).text;
  expect(text).toContain('karkhana_predict_requests_total{model="late_ride",version="1",role="champion",outcome="ok"} 5');
  expect(text).toContain('karkhana_predict_requests_total{model="late_ride",version="",role="",outcome="invalid"} 1');
  for (const stage of ["parse", "lookup", "compute", "log", "serialise", "total"])
    expect(text).toContain(`karkhana_predict_duration_seconds_bucket{model="late_ride",version="1",role="champion",stage="${stage}",le="+Inf"} 5`);
  expect(text).toMatch(/karkhana_predict_duration_seconds_bucket\{model="late_ride",version="1",role="champion",stage="total",le="0.00005"\} \d/);
  expect(text).toContain("process_cpu_user_seconds_total");
});

test("over the bound of requests under way the answer is 503 with Retry-After, and the others finish", async () => {
  const held: (() => void)[] = [];
  await open({
    serving: { limits: { maxInFlight: 3 } },
    wrapFeedback: (log) => ({
      ...log,
      logPredictions: async (records) => (await new Promise<void>((resolve) => held.push(resolve)), log.logPredictions(records)),
    }),
  });
  const waiting = [1, 2, 3].map((i) => world.post(predictPath, question(`q${i}`)));
  while (held.length < 3) await new Promise((resolve) => setImmediate(resolve));
  const response = await fetch(world.url + predictPath, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(question("q4")),
  });
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await response.json()).toMatchObject({ error: { code: "SERVER_OVERLOADED" } });
  held.forEach((release) => release());
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect((await world.get("/metrics")).text).toContain('karkhana_serving_refused_total{reason="overload"} 1');
});

test("a log that hangs is answered for in bounded time", async () => {
  const held: (() => void)[] = [];
  let nowMs = 0;
  await open({
    serving: { timerMs: () => nowMs, limits: { answerTimeoutMs: 1000 } },
    wrapFeedback: (log) => ({
      ...log,
      logPredictions: async (records) => (await new Promise<void>((resolve) => held.push(resolve)), log.logPredictions(records)),
    }),
  });
  const waiting = world.post(predictPath, question("q"));
  while (held.length < 1) await new Promise((resolve) => setImmediate(resolve));
  nowMs = 1001;
  expect(await waiting).toMatchObject({ status: 503, body: { error: { code: "ANSWER_TIMEOUT" } } });
  held.forEach((release) => release());
  while ((await world.get("/health")).body.inFlight > 0) await new Promise((resolve) => setImmediate(resolve));
});

test("closing answers what is under way, refuses what comes after, and leaves every answered question in the log", async () => {
  const held: (() => void)[] = [];
  let hold = true;
  await open({
    wrapFeedback: (log) => ({
      ...log,
      logPredictions: async (records) => (hold ? await new Promise<void>((resolve) => held.push(resolve)) : undefined, log.logPredictions(records)),
    }),
  });
  const waiting = Array.from({ length: 20 }, (_, i) => world.post(predictPath, question(`q${i}`)));
  while (held.length < 20) await new Promise((resolve) => setImmediate(resolve));
  const closing = world.serving.close();
  hold = false;
  held.forEach((release) => release());
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  await closing;
  expect((await world.log.predictions(0, 100)).length).toBe(20);
  await expect(world.post(predictPath, question("late"))).rejects.toBeInstanceOf(Error);
});

test("connections are kept alive between requests", async () => {
  await open();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const reused: boolean[] = [];
  for (let i = 0; i < 3; i++) {
    await new Promise<void>((resolve, reject) => {
      const outgoing = request(world.url + predictPath, { method: "POST", agent, headers: { "content-type": "application/json" } }, (incoming) =>
        incoming.resume().on("end", resolve),
      );
      outgoing.on("error", reject);
      outgoing.end(JSON.stringify(question(`q${i}`)));
      outgoing.on("close", () => reused.push(outgoing.reusedSocket));
    });
  }
  agent.destroy();
  expect(reused.slice(1)).toEqual([true, true]);
});

test("a client that leaves before its answer harms nobody", async () => {
  await open();
  const controller = new AbortController();
  const gone = fetch(world.url + predictPath, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(question("gone")),
    signal: controller.signal,
  });
  controller.abort();
  await expect(gone).rejects.toBeInstanceOf(Error);
  const { body } = await world.post(predictPath, question("stays"));
  expect(body.predictions[0]!.score).toBe(scoreOf(1, -0.5));
  expect((await world.get("/health")).body.inFlight).toBe(0);
});

test("a port in use and an address beyond this machine are refused by name", async () => {
  await open();
  await expect(world.serving.listen({ host: "0.0.0.0", port: 0 })).rejects.toMatchObject({ code: "ACCESS_NOT_CONFIGURED" });
  const { folder: _folder, serving: _serving, ...parts } = world;
  const other = await createServing({ ...parts, project: rideProject, feedback: world.feedback, newId: () => "x", statusOf });
  await expect(other.listen({ host: "127.0.0.1", port: world.port })).rejects.toMatchObject({ code: "PORT_IN_USE", details: { port: world.port } });
  await other.close();
});
