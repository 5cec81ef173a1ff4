import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { statusOf } from "../../server/error-status.ts";
import { openWorld, predictPath, question, scoreOf, type World } from "../test-world.ts";

let folder: string;
let world: World;
const names = ["zone", "miles", "shared"];
const inputs = [
  { name: "zone", datatype: "BYTES", shape: [-1, 1] },
  { name: "miles", datatype: "FP32", shape: [-1, 1] },
  { name: "shared", datatype: "BOOL", shape: [-1, 1] },
];
const steps = [
  { model: "late_ride", inputs: Object.fromEntries(names.map((name) => [name, name])), outputs: { predict: "p" } },
  { rules: { on: "p", as: "decision", cases: [{ atLeast: 0.7, give: "warn" }], otherwise: "ride" } },
];
const ask = (id: string, miles: readonly number[]) =>
  world.post("/v2/models/decide/infer", {
    id,
    inputs: [
      { name: "zone", datatype: "BYTES", shape: [miles.length, 1], data: miles.map(() => "AAA") },
      { name: "miles", datatype: "FP32", shape: [miles.length, 1], data: miles },
      { name: "shared", datatype: "BOOL", shape: [miles.length, 1], data: miles.map(() => false) },
    ],
  });
const outputsOf = (text: string): unknown => (JSON.parse(text) as { outputs: { data: unknown }[] }).outputs.map(({ data }) => data);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-step-"));
  await mkdir(path.join(folder, "decide", "1"), { recursive: true });
  await writeFile(path.join(folder, "decide", "1", "ensemble.json"), JSON.stringify({ inputs, steps, outputs: ["p", "decision"] }));
  const zones = { inputs: [inputs[1]], steps: [{ ...steps[0], inputs: { miles: "miles" } }], outputs: ["p"] };
  await mkdir(path.join(folder, "short", "1"), { recursive: true });
  await writeFile(path.join(folder, "short", "1", "ensemble.json"), JSON.stringify(zones));
  // What is tried out at load, where nobody asks, is a ride from the zone "".
  world = await openWorld({ statusOf, serving: { modelsFolder: folder } });
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

test("a graph whose step is the project's model answers by it, and what the step answers is logged under the question's id", async () => {
  expect((await world.log.predictions(0, 10)).length).toBe(0);
  const { status, text } = await ask("g1", [3]);
  expect([status, outputsOf(text)]).toEqual([200, [[scoreOf(1, -0.5)], ["ride"]]]);
  expect(outputsOf((await ask("g2", [3, 30])).text)).toEqual([
    [scoreOf(1, -0.5), scoreOf(1, 0.25)],
    ["ride", "warn"],
  ]);
  const logged = (await world.log.predictions(0, 10)).map(({ record: { id, version, role, score, fields } }) => [id, version, role, score, fields["miles"]]);
  expect(logged).toEqual([
    ["g1", 1, "champion", scoreOf(1, -0.5), 3],
    ["g2/0", 1, "champion", scoreOf(1, -0.5), 3],
    ["g2/1", 1, "champion", scoreOf(1, 0.25), 30],
  ]);
  expect((await world.post(predictPath, question("g1"))).body.predictions[0]!.score).toBe(scoreOf(1, -0.5));
});

test("a new champion is in force in the graph at once, and a challenger has its share of the graph's questions", async () => {
  await world.addVersion(2);
  await world.addVersion(3);
  world.registry.deploy({ champion: 2, challenger: 3, abShare: 0.5 });
  await world.post("/v1/admin/refresh", {});
  const versions = new Set<number>();
  for (let i = 0; i < 30; i++) {
    const [[p]] = outputsOf((await ask(`h${i}`, [3])).text) as [[number]];
    versions.add(p === scoreOf(2, -0.5) ? 2 : p === scoreOf(3, -0.5) ? 3 : 0);
  }
  expect(versions).toEqual(new Set([2, 3]));
});

test("a graph that does not give the step what it needs is refused at load with the step's own reason", async () => {
  const index = await world.post("/v2/repository/index", {});
  expect(JSON.parse(index.text)).toContainEqual({
    name: "short",
    version: "1",
    state: "UNAVAILABLE",
    reason: expect.stringMatching(/TENSOR_REFUSED.*is missing: send every slot/),
  });
});
