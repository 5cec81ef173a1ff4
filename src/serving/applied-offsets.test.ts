import { afterEach, expect, test } from "vitest";
import type { PredictionRecord } from "../feedback/prediction.ts";
import { statusOf } from "../server/error-status.ts";
import { latePushedRide, noon, openWorld, predictPath, question, stump, type Answer, type World, type WorldOptions } from "./test-world.ts";

let world: World;
const open = async (options: Partial<WorldOptions> = {}): Promise<void> => void (world = await openWorld({ statusOf, definition: latePushedRide, ...options }));
afterEach(() => world.close());

const refresh = (): Promise<Answer> => world.post("/v1/admin/refresh", {});
const applied = (offset: number): PredictionRecord["applied"] => ({ sources: ["rides"], offsets: [offset] });
const records = async () => (await world.log.predictions(0, 100)).map(({ record }) => record);

/** A batch as the log of pushed rows hands it on: with where the next one begins. */
async function apply(sequence: number, logEnd: number): Promise<void> {
  const at = noon - (60 + sequence) * 60_000_000;
  const rows = [{ at, arrived: at, zone: "AAA", miles: 3, late: 1, seats: 2, shared: false, _row: sequence }];
  const origin = { producer: "gate", sequence, logEnd };
  await world.online.ingest("rides", rows, origin);
}

const fields = (rows: number): object[] => [
  { name: "zone", datatype: "BYTES", shape: [rows, 1], data: Array.from({ length: rows }, () => "AAA") },
  { name: "miles", datatype: "FP64", shape: [rows, 1], data: Array.from({ length: rows }, () => 3) },
  { name: "shared", datatype: "BOOL", shape: [rows, 1], data: Array.from({ length: rows }, () => false) },
];

test("the log says how far the rows that were pushed had been applied, with the vector that was made of them", async () => {
  await open();
  await world.post(predictPath, question("before"));
  await apply(0, 1);
  await world.post(predictPath, question("after"));
  await apply(1, 7);
  await world.post(predictPath, { instances: ["x", "y"].flatMap((id) => question(id).instances) });
  expect((await records()).map(({ id, applied: found, vector }) => [id, found, vector[3]])).toEqual([
    ["before", applied(0), 0],
    ["after", applied(1), 1],
    ["x", applied(7), 2],
    ["y", applied(7), 2],
  ]);
});

test("a shadow's record says what its champion's does", async () => {
  await open();
  await world.addVersion(2);
  world.registry.deploy({ champion: 1, shadow: 2 });
  await refresh();
  await apply(0, 4);
  await world.post(predictPath, question("q"));
  await world.post("/v2/models/late_ride/infer", { id: "r", inputs: fields(1) });
  await world.serving.close();
  const found = await records();
  expect(found.map(({ role }) => role).toSorted()).toEqual(["champion", "champion", "shadow", "shadow"]);
  for (const record of found) expect(record.applied).toEqual(applied(4));
});

test("each row of a question over the inference protocol has it, and none where the client brought the features", async () => {
  await open();
  await apply(0, 4);
  await world.post("/v2/models/late_ride/infer", { id: "r", inputs: fields(3) });
  await world.post("/v2/models/late_ride/infer", { id: "v", inputs: [{ name: "input", datatype: "FP64", shape: [1, 5], data: [30, 1, 0, 4, 0.5] }] });
  expect((await records()).map(({ id, applied: found }) => [id, found])).toEqual([
    ["r/0", applied(4)],
    ["r/1", applied(4)],
    ["r/2", applied(4)],
    ["v", undefined],
  ]);
});

test("where the version before answers on the same features it is theirs; a rule that did not wait for them has none", async () => {
  await open({ policy: { fallback: { previous: true } } });
  const model = stump(2);
  await world.addVersion(2, undefined, {
    ...model,
    calibration: { kind: "sigmoid", slope: 0, intercept: 0 },
    ensemble: { ...model.ensemble, baseScore: 1.7e308, leafValue: Float64Array.of(-0.5, 1.7e308, 0.75) },
  });
  world.registry.deploy({ champion: 2, previous: 1 });
  await refresh();
  await apply(0, 9);
  await world.post(predictPath, question("q", { miles: 30 }));
  expect((await records()).map(({ instead, applied: found }) => [instead?.by, found])).toEqual([["previous", applied(9)]]);
  await world.close();

  await open({
    policy: { deadlineMs: 30, fallback: { rule: () => 0.5 } },
    wrapOnline: (online) => ({ ...online, reader: () => () => new Promise<void>(() => {}) }),
  });
  await world.post(predictPath, question("late"));
  expect((await records()).map(({ instead, applied: found }) => [instead?.by, found])).toEqual([["rule", undefined]]);
});
