import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parquet } from "../data/source.ts";
import { numeric } from "../features/definition.ts";
import { armsOf } from "../feedback/assignment.ts";
import { openFeedbackLog } from "../feedback/log.ts";
import type { PredictionRecord } from "../feedback/prediction.ts";
import { seededRng } from "../kernel/rng.ts";
import { model } from "../project/definition.ts";
import type { Deployment, RegistryEvent } from "../registry/port.ts";
import { withShares } from "../registry/traffic.ts";
import { compareChallengers } from "./compare-challengers.ts";

const rides = parquet("rides", {
  path: "rides.parquet",
  schema: { at: "timestamp", rider: "string", miles: "float64", late: "int64" },
  eventTime: "at",
  knownTime: "at",
});
const ride = model("ride", {
  spine: rides,
  request: ["rider", "miles"],
  label: "late >= 1",
  features: [numeric("miles")],
  trainer: { gbdt: {} },
  training: { from: "2001-01-01", validFrom: "2001-02-01", holdoutFrom: "2001-03-01", to: "2001-04-01" },
  gates: { minMaturedAb: 50, minMaturedShadow: 50 },
});
const shares = [
  { version: 2, share: 0.2 },
  { version: 3, share: 0.2 },
];
const deployment: Deployment = {
  model: "ride",
  revision: 4,
  champion: 1,
  challengers: withShares([], shares, "ride/1"),
  shadows: [4],
  salt: "ride/1",
  reason: "test",
  changedUs: 500,
};
const event = (kind: RegistryEvent["kind"], version: number, atUs: number): RegistryEvent => ({
  sequence: atUs,
  model: "ride",
  version,
  kind,
  reason: "",
  atUs,
});
const registry = { listEvents: async () => [event("promoted", 1, 1), event("ab-started", 2, 100), event("shadowed", 4, 200), event("ab-started", 3, 1000)] };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-compare-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** 6,000 questions: version 2 knows what will come, version 3 tells the contrary, version 4 is as the champion. */
async function write(name: string, moved: (id: string, arm: number) => number, instead?: PredictionRecord["instead"]): Promise<string> {
  const place = path.join(folder, name);
  const log = await openFeedbackLog(place);
  const rng = seededRng(5);
  const armOf = armsOf(deployment);
  const predictions: PredictionRecord[] = [];
  const labels = [];
  for (let i = 0; i < 6000; i++) {
    const id = `q${i}`;
    const label = rng.next() < 0.5 ? (1 as const) : (0 as const);
    const arm = moved(id, armOf(id));
    const askedUs = i < 1000 ? i : 1000 + i;
    const scores = [0.5, label === 1 ? 0.8 : 0.2, label === 1 ? 0.2 : 0.8];
    const shared = {
      id,
      model: "ride",
      askedUs,
      servedUs: askedUs,
      vector: Float64Array.of(1),
      serviceHash: "s",
      fields: { rider: `r${i % 97}`, miles: 1 },
      latencyUs: 100 + (i % 50),
    };
    predictions.push({
      ...shared,
      version: arm + 1,
      role: arm === 0 ? "champion" : "challenger",
      score: scores[arm]!,
      latencyUs: (100 + (i % 50)) * (arm === 0 ? 1 : 2),
      ...(arm === 1 && instead && i % 2 === 0 ? { instead } : {}),
    });
    predictions.push({ ...shared, version: 4, role: "shadow", score: 0.5 });
    labels.push({ id, model: "ride", label, knownUs: askedUs + 1 });
  }
  await log.logPredictions(predictions);
  await log.logLabels(labels);
  await log.close();
  return place;
}

test("the champion is held against each challenger and each shadow, on what was asked since the split last changed", async () => {
  const found = await compareChallengers(registry, await write("fair", (_id, arm) => arm), ride, deployment);
  expect(found.map(({ version, role, share, sinceUs, verdict }) => ({ version, role, share, sinceUs, verdict }))).toEqual([
    { version: 2, role: "challenger", share: 0.2, sinceUs: 1000, verdict: "better" },
    { version: 3, role: "challenger", share: 0.2, sinceUs: 1000, verdict: "worse" },
    { version: 4, role: "shadow", share: undefined, sinceUs: 200, verdict: "not-worse" },
  ]);
  // Of all they answered since then; the challengers' times are doubled.
  for (const { championLatency, candidateLatency, role } of found) {
    expect(championLatency.count).toBeGreaterThan(2500);
    expect(candidateLatency.count).toBeGreaterThan(800);
    const factor = role === "shadow" ? 1 : 2;
    expect(candidateLatency.p95Us! / championLatency.p95Us!).toBeGreaterThan(factor * 0.85);
    expect(candidateLatency.p95Us! / championLatency.p95Us!).toBeLessThan(factor * 1.15);
  }
  // Three comparisons at 5 % together: each at 98.33 %.
  expect(found[0]!.summary).toContain("at 98.33%");
  // Of 5,000 questions since then about a fifth fell to each, the champion has the other three.
  expect(Math.abs(found[0]!.matured - 1000)).toBeLessThan(150);
});

test("where keys did not fall as declared on any arm, no challenger is judged; its shadow is", async () => {
  const found = await compareChallengers(
    registry,
    await write("broken", (id, arm) => (arm === 2 && Number(id.slice(1)) % 3 === 0 ? 0 : arm)),
    ride,
    deployment,
  );
  expect(found.map(({ verdict }) => verdict)).toEqual(["undecided", "undecided", "not-worse"]);
  expect(found[0]!.summary).toMatch(/the split is broken \(of \d+ requests \d+ fell to v2 \(0\.2 declared\), \d+ fell to v3/);
});

test("what a rule answered counts for the split and for nobody's quality", async () => {
  const place = await write("ruled", (_id, arm) => arm, { by: "rule", version: 2, role: "challenger" });
  const [second] = await compareChallengers(registry, place, ride, deployment);
  expect(second).toMatchObject({ version: 2, verdict: "better" });
  expect(Math.abs(second!.matured - 500)).toBeLessThan(110);
});

test("with a bound only the latest records are read, and when the oldest of them was asked is told", async () => {
  const place = await write("bounded", (_id, arm) => arm);
  const [, , whole] = await compareChallengers(registry, place, ride, deployment);
  expect(whole).toMatchObject({ oldestUs: 200 });
  const [, , bounded] = await compareChallengers(registry, place, ride, deployment, { atMost: 2000 });
  // Two predictions a question: the last 1,000 of 6,000.
  expect(bounded!.oldestUs).toBe(6000);
  expect(bounded!.matured).toBeLessThan(whole!.matured / 4);
  expect(bounded!.matured).toBeGreaterThan(500);
});
