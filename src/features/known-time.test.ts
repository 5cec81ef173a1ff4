import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, type SourceDefinition } from "../data/source.ts";
import { seededRng } from "../kernel/rng.ts";
import { openDuckDb, type DuckDb } from "../storage/duckdb/duckdb.ts";
import { openMemoryStore } from "../storage/kv/memory.ts";
import { entity, featureService, featureView, window, type FeatureService } from "./definition.ts";
import type { TimedRow } from "./naive.ts";
import { offlineVectors } from "./offline/vectors.ts";
import { createOnlineFeatures } from "./online/online-features.ts";
import { minute, relationOfRows } from "./test-streams.ts";

/**
 * A stream made to leak. Every three hours each zone has ten rides within ten minutes, all late or all on time by one toss of a coin.
 * A ride's outcome is known an hour after it began, when the burst is over: what is known when a ride is asked about says nothing of its
 * own burst. Whoever looks at outcomes by event time alone reads the answer off the burst's earlier rides.
 */
const schema = { at: "timestamp", zone: "string", late: "int64" } as const;
const honest = csv("rides", { path: "rides.csv", schema, eventTime: "at", knownTime: "at + hours(1)" });
const forgetful = csv("rides", { path: "rides.csv", schema, eventTime: "at" });

function serviceOver(source: SourceDefinition): FeatureService {
  const view = featureView("zone", {
    entity: entity("zone", { keys: ["zone"] }),
    source,
    on: { zone: "zone" },
    features: { late_3h: window("3h").share("late = 1"), rides_3h: window("3h").count() },
  });
  return featureService("rides", [view.at({ zone: "zone" })]);
}

const rng = seededRng(5);
const rides: TimedRow[] = Array.from({ length: 120 }, (_, burst) =>
  ["a", "b", "c", "d"].flatMap((zone) => {
    const late = rng.int(2);
    return Array.from({ length: 10 }, (_, i): TimedRow => {
      const at = (1_000_000 + burst * 180 + i) * minute;
      return { eventUs: at, knownUs: at + 60 * minute, values: { at, zone, late } };
    });
  }),
).flat();

async function offline(duck: DuckDb, source: SourceDefinition): Promise<number[]> {
  const spine = `SELECT _row, _event, zone FROM ${relationOfRows(honest, rides)}`;
  const scores: number[] = [];
  for await (const chunk of offlineVectors(duck, { spine, service: serviceOver(source), relations: () => relationOfRows(source, rides) }))
    scores.push(...(chunk.columns[0] as Float64Array));
  return scores;
}

async function online(source: SourceDefinition): Promise<number[]> {
  const service = serviceOver(source);
  const features = createOnlineFeatures({
    store: openMemoryStore(),
    views: service.features.flatMap((f) => (f.kind === "featureReference" ? [f.view] : [])),
    slackUs: 1e15,
  });
  // The whole history lies ahead of every question.
  await features.load(
    "rides",
    rides.map((row, i) => ({ ...row.values, _row: i })),
  );
  const read = features.reader(service);
  const out = new Float64Array(2);
  return rides.map(({ eventUs, values }) => {
    void read(eventUs, { zone: String(values["zone"]) }, out, 0);
    return out[0]!;
  });
}

/** Area under the ROC curve by counting pairs; an unknown share says nothing: one half. */
function auc(scores: readonly number[]): number {
  const known = scores.map((score) => (Number.isNaN(score) ? 0.5 : score));
  const of = (label: number): number[] => known.filter((_, i) => rides[i]!.values["late"] === label);
  const [positives, negatives] = [of(1), of(0)];
  let wins = 0;
  for (const p of positives) for (const n of negatives) wins += p > n ? 1 : p === n ? 0.5 : 0;
  return wins / (positives.length * negatives.length);
}

/** A coin tossed anew for each burst cannot be foretold from earlier bursts: 480 of them leave an AUC within 0.1 of one half. */
function expectNoLeak(scores: readonly number[]): void {
  expect(scores).toHaveLength(rides.length);
  expect(scores.filter((score) => !Number.isNaN(score)).length).toBeGreaterThan(rides.length / 2);
  expect(Math.abs(auc(scores) - 0.5)).toBeLessThan(0.1);
}

let duck: DuckDb;
beforeAll(async () => {
  duck = await openDuckDb({ threads: 2 });
});
afterAll(() => duck.close());

test("no outcome reaches a question before it was known, in DuckDB and in the online store", async () => {
  const scores = await offline(duck, honest);
  expectNoLeak(scores);
  expect(await online(honest)).toEqual(scores);
});

test("the same assertion fails in both engines once known time is ignored", async () => {
  const leaky = await offline(duck, forgetful);
  expect(() => expectNoLeak(leaky)).toThrow("to be less than 0.1");
  expect(auc(leaky)).toBeGreaterThan(0.7);
  const alsoLeaky = await online(forgetful);
  expect(() => expectNoLeak(alsoLeaky)).toThrow("to be less than 0.1");
  expect(alsoLeaky).toEqual(leaky);
  expect(leaky).not.toEqual(await offline(duck, honest));
});
