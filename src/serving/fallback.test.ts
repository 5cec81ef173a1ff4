import { afterEach, expect, test } from "vitest";
import { isPrediction } from "../feedback/prediction.ts";
import type { GbdtModel } from "../learn/model.ts";
import { statusOf } from "../server/error-status.ts";
import { openWorld, predictPath, question, scoreOf, stump, type Answer, type World, type WorldOptions } from "./test-world.ts";

let world: World;
const open = async (options: Partial<WorldOptions> = {}): Promise<void> => void (world = await openWorld({ statusOf, ...options }));
afterEach(() => world.close());

const refresh = (): Promise<Answer> => world.post("/v1/admin/refresh", {});
/** For long rides from AAA its sum overflows and times its slope is no number; the rows it is checked with at load do not reach that leaf. */
const broken = (version: number): GbdtModel => {
  const model = stump(version);
  const calibration = { kind: "sigmoid", slope: 0, intercept: 0 } as const;
  return { ...model, calibration, ensemble: { ...model.ensemble, baseScore: 1.7e308, leafValue: Float64Array.of(-0.5, 1.7e308, 0.75) } };
};
const brokenScore = 0.5;
const long = { miles: 30 };

async function promoteBroken(): Promise<void> {
  await world.addVersion(2, undefined, broken(2));
  world.registry.deploy({ champion: 2, previous: 1 });
  await refresh();
}

test("a version that fails without a fallback fails its question, and no other", async () => {
  await open();
  await promoteBroken();
  expect((await world.post(predictPath, question("q", long))).status).toBe(500);
  expect((await world.post(predictPath, question("r"))).body.predictions[0]).toMatchObject({ version: 2, score: brokenScore });
});

test("the champion before answers where the champion fails, is named in the reply, and is what the log holds", async () => {
  await open({ policy: { fallback: { previous: true } } });
  await promoteBroken();
  const { status, body } = await world.post(predictPath, question("q", long));
  expect([status, body.predictions]).toEqual([200, [{ id: "q", version: 1, role: "champion", score: scoreOf(1, 0.25), fallback: "previous" }]]);
  expect((await world.post(predictPath, question("r"))).body.predictions[0]).not.toHaveProperty("fallback");
  const logged = (await world.log.predictions(0, 10)).map(({ record }) => [record.id, record.version, record.score, record.instead]);
  expect(logged).toEqual([
    ["q", 1, scoreOf(1, 0.25), { by: "previous", version: 2, role: "champion" }],
    ["r", 2, brokenScore, undefined],
  ]);
  const versions = (await world.get("/v1/stats")).body.models[0]!.versions;
  expect(versions.find((v) => v.version === 2)?.outcomes).toMatchObject({ failed: 1, ok: 1 });
  expect(versions.find((v) => v.version === 1)?.outcomes).toMatchObject({ fallback: 1 });
});

test("features that are late are not waited for: the rule answers, and its answer is logged as the rule's", async () => {
  let release = (): void => undefined;
  await open({
    policy: { deadlineMs: 30, fallback: { previous: true, rule: ({ miles }) => (miles === 30 ? 0.9 : 0.1) } },
    wrapOnline: (online) => ({ ...online, reader: () => () => new Promise<void>((resolve) => (release = resolve)) }),
  });
  const { status, body } = await world.post(predictPath, question("q", long));
  release();
  expect([status, body.predictions[0]]).toEqual([200, { id: "q", version: 1, role: "champion", score: 0.9, fallback: "rule" }]);
  const [logged] = await world.log.predictions(0, 10);
  expect(logged?.record).toMatchObject({ id: "q", version: 1, score: 0.9, vector: new Float64Array(0), instead: { by: "rule", version: 1, role: "champion" } });
  expect(isPrediction(logged!.record)).toBe(false);
  expect((await world.get("/v1/stats")).body.models[0]!.versions[0]!.outcomes).toMatchObject({ late: 1, fallback: 1, ok: 0 });
});

test("features that fail are answered for by the rule; without one by their error", async () => {
  const wrapOnline: WorldOptions["wrapOnline"] = (online) => ({ ...online, reader: () => () => Promise.reject(new Error("store is away")) });
  await open({ wrapOnline, policy: { fallback: { rule: () => 0.5 } } });
  expect((await world.post(predictPath, question("q"))).body.predictions[0]).toMatchObject({ score: 0.5, fallback: "rule" });
  await world.close();
  await open({ wrapOnline });
  expect((await world.post(predictPath, question("q"))).status).toBe(500);
});

test("a challenger that fails in shadow fails no answer", async () => {
  await open();
  await world.addVersion(2, undefined, broken(2));
  world.registry.deploy({ champion: 1, shadow: 2 });
  await refresh();
  for (let i = 0; i < 10; i++)
    expect((await world.post(predictPath, question(`q${i}`, long))).body.predictions[0]).toMatchObject({ version: 1, score: scoreOf(1, 0.25) });
  await world.serving.close();
  const outcomes = (await world.log.predictions(0, 100)).map(({ record }) => record.role);
  expect(outcomes).toEqual(Array.from({ length: 10 }, () => "champion"));
});

test("a rule that gives no number answers nothing", async () => {
  await open({ policy: { fallback: { rule: () => Number.NaN } } });
  await world.addVersion(2, undefined, broken(2));
  world.registry.deploy({ champion: 2 });
  await refresh();
  expect((await world.post(predictPath, question("q", long))).status).toBe(500);
});

test("work whose client's time is over is not done", async () => {
  let lookups = 0;
  let nowMs = 0;
  await open({
    serving: { timerMs: () => nowMs },
    wrapOnline: (online) => ({
      ...online,
      reader: (service, categories) => {
        const read = online.reader(service, categories);
        return (...args) => {
          lookups++;
          nowMs += 50;
          return read(...args);
        };
      },
    }),
  });
  const ask = (ms: string): Promise<Answer> =>
    world.post(predictPath, { instances: ["a", "b", "c"].flatMap((id) => question(id).instances) }, { "x-request-timeout-ms": ms });
  expect(await ask("80")).toMatchObject({ status: 503, body: { error: { code: "DEADLINE_PASSED" } } });
  expect(lookups).toBe(2);
  expect((await world.log.predictions(0, 10)).length).toBe(0);
  expect((await ask("500")).status).toBe(200);
  expect(await ask("soon")).toMatchObject({ status: 400, body: { error: { code: "INVALID_ARGUMENT" } } });
});

test("a trace's id comes back with its answer, and stands beside the slow buckets", async () => {
  await open();
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const response = await fetch(world.url + predictPath, {
    method: "POST",
    headers: { "content-type": "application/json", traceparent },
    body: JSON.stringify(question("q")),
  });
  expect(response.headers.get("traceparent")).toContain("4bf92f3577b34da6a3ce929d0e0e4736");
  const metrics = await fetch(`${world.url}/metrics`, { headers: { accept: "application/openmetrics-text; version=1.0.0" } });
  expect(metrics.headers.get("content-type")).toContain("openmetrics");
  const text = await metrics.text();
  expect(text).toMatch(/karkhana_predict_duration_seconds_bucket\{[^}]*stage="total"[^}]*\} 1 # \{trace_id="4bf92f3577b34da6a3ce929d0e0e4736"\} [0-9.e-]+/);
  expect(text.trimEnd().endsWith("# EOF")).toBe(true);
  expect((await world.get("/metrics")).text).not.toContain("trace_id");
});
