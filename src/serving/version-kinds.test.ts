import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readGoldenCases } from "../../test/reference/golden-models.ts";
import { statusOf } from "../server/error-status.ts";
import { loadVersionArtifact, type ModelFile } from "./artifact.ts";
import { VersionLoader } from "./version-loader.ts";
import { createExplainer } from "./explain.ts";
import { createPredictor } from "../learn/predictor.ts";
import { encodeModel } from "../learn/model-file.ts";
import { lateRide, openWorld, predictPath, question, scoreOf, stump, type Answer, type World, type WorldOptions } from "./test-world.ts";

const network = (
  JSON.parse(gunzipSync(readFileSync(new URL("../../test/reference/models-onnx.json.gz", import.meta.url))).toString()) as {
    cases: { name: string; modelBase64: string }[];
  }
).cases.find(({ name }) => name === "network of two layers")!;
/** Five features to the probabilities of three classes: the third is taken for the outcome's. */
const onnx: ModelFile = { file: "model.onnx", bytes: Buffer.from(network.modelBase64, "base64"), output: { name: "probabilities", column: 2 } };
const lightgbm = readGoldenCases("models-lightgbm.json.gz").find(({ name }) => name === "binary")!;
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** Windows of zone AAA are always known here: networks take no missing values. */
const known: WorldOptions["wrapOnline"] = (online) => ({
  ...online,
  reader: () => (_timeUs, _fields, out, offset) => {
    out[offset + 3] = 4;
    out[offset + 4] = 0.5;
  },
});

let world: World;
/** A second server of the protocol, which has the network as a file. */
let elsewhere: World;
let folder: string;
let netOutput: string;
const open = async (options: Partial<WorldOptions> = {}): Promise<void> => void (world = await openWorld({ statusOf, wrapOnline: known, ...options }));
const refresh = (): Promise<Answer> => world.post("/v1/admin/refresh", {});
const remote = (url = elsewhere.url): ModelFile => ({
  file: "remote.json",
  bytes: encode({ url, model: "net", timeoutMs: 2000 }),
  output: { name: netOutput, column: 2 },
});
const deployAs2 = async (model: ModelFile, places: Parameters<World["registry"]["deploy"]>[0] = { champion: 2, previous: 1 }): Promise<void> => {
  await world.addVersion(2, undefined, model);
  world.registry.deploy(places);
  await refresh();
};
const logged = async (): Promise<{ id: string; version: number; role: string; score: number; vector: number[] }[]> =>
  (await world.log.predictions(0, 100)).map(({ record: { id, version, role, score, vector } }) => ({ id, version, role, score, vector: [...vector] }));

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-kinds-"));
  await mkdir(path.join(folder, "net", "1"), { recursive: true });
  await writeFile(path.join(folder, "net", "1", "model.onnx"), onnx.bytes);
  elsewhere = await openWorld({ statusOf, serving: { modelsFolder: folder } });
  const metadata = (await (await fetch(`${elsewhere.url}/v2/models/net`)).json()) as { outputs: { name: string; shape: number[] }[] };
  netOutput = metadata.outputs.find(({ shape }) => shape.at(-1) === 3)!.name;
});
afterAll(async () => {
  await elsewhere.close();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => world?.close());

const net = (): ModelFile => ({ ...onnx, output: { name: netOutput, column: 2 } });
/** The network, then: late with certainty where it says at least 0.2, else what it says. */
const graph = (): ModelFile => ({
  file: "ensemble.json",
  bytes: encode({
    inputs: [{ name: "row", datatype: "FP64", shape: [-1, 5] }],
    steps: [
      { model: "net.onnx", inputs: { X: "row" }, outputs: { [netOutput]: "classes" } },
      { model: "model.json", inputs: { input: "row" }, outputs: { predict: "p" } },
      { rules: { on: "p", as: "score", cases: [{ atLeast: 0.99, give: 1 }], otherwise: { tensor: "p" } } },
    ],
    outputs: ["score", "classes"],
  }),
  others: new Map<string, Uint8Array>([
    ["net.onnx", onnx.bytes],
    ["model.json", encodeModel(stump(3))],
  ]),
  output: { name: "score", column: 0 },
});

describe.each([
  ["a network in ONNX", net],
  ["a model on another server", remote],
  ["a declared graph", graph],
  ["a LightGBM file", (): ModelFile => ({ file: "model.txt", bytes: lightgbm.model })],
] as const)("%s as a version of the project's model", (_kind, made) => {
  test("answers by entity keys and is logged with version, role and the features it saw", async () => {
    await open();
    await deployAs2(made());
    const { status, body } = await world.post(predictPath, question("q"));
    expect([status, body.predictions[0]]).toEqual([200, { id: "q", version: 2, role: "champion", score: expect.any(Number) }]);
    const [record] = await logged();
    expect(record).toEqual({ id: "q", version: 2, role: "champion", score: body.predictions[0]!.score, vector: [3, 0, 0, 4, 0.5] });
    // What the artifact itself says of that vector.
    const { predictor, servable } = await loadVersionArtifact(world.blobs, "versions/2");
    expect(await predictor.predictRow(Float64Array.of(3, 0, 0, 4, 0.5), 0)).toBe(record!.score);
    await servable.close();
    const batch = { instances: Array.from({ length: 40 }, (_, i) => question(`b${i}`, { miles: i + 1 }).instances).flat() };
    const many = await world.post(predictPath, batch);
    expect(many.body.predictions.map(({ id }) => id)).toEqual(Array.from({ length: 40 }, (_, i) => `b${i}`));
    expect(many.body.predictions[2]!.score).toBe(record!.score);
  });

  test("scores every question of a champion in shadow, and its share of them as a challenger", async () => {
    await open();
    await deployAs2(made(), { champion: 1, shadow: 2 });
    for (let i = 0; i < 20; i++) expect((await world.post(predictPath, question(`s${i}`))).body.predictions[0]).toMatchObject({ version: 1, role: "champion" });
    await world.serving.close();
    const shadows = (await logged()).filter(({ role }) => role === "shadow");
    expect(new Set(shadows.map(({ id, version }) => `${id} ${version}`))).toEqual(new Set(Array.from({ length: 20 }, (_, i) => `s${i} 2`)));
    expect(shadows.length).toBe(20);
    await world.close();
    await open();
    await deployAs2(made(), { champion: 1, challenger: 2, abShare: 0.5 });
    const asked = await world.post(predictPath, { instances: Array.from({ length: 60 }, (_, i) => question(`a${i}`).instances).flat() });
    const arms = asked.body.predictions.map(({ version, role }) => `${version} ${role}`);
    expect(new Set(arms)).toEqual(new Set(["1 champion", "2 challenger"]));
    expect((await logged()).map(({ version, role }) => `${version} ${role}`)).toEqual(arms);
  });

  test("is asked over the inference protocol and as MLflow's server is", async () => {
    await open();
    await deployAs2(made());
    const byKey = (await world.post(predictPath, question("q"))).body.predictions[0]!.score;
    const inputs = [{ name: "input", datatype: "FP64", shape: [1, 5], data: [3, 0, 0, 4, 0.5] }];
    const oip = JSON.parse((await world.post("/v2/models/late_ride/infer", { inputs, outputs: [{ name: "predict" }] })).text);
    expect(oip).toMatchObject({ model_version: "2", outputs: [{ name: "predict", data: [byKey] }] });
    expect(JSON.parse((await world.post("/invocations", { inputs: [[3, 0, 0, 4, 0.5]] })).text)).toEqual({ predictions: [byKey] });
  });

  test("is not put in force where it no longer scores its stored rows as it did", async () => {
    await open();
    await world.addVersion(2, undefined, made());
    const manifest = JSON.parse(Buffer.from(await world.blobs.get("versions/2/manifest.json")).toString());
    manifest.selfCheck.scores[1] += 0.01;
    await world.blobs.put("versions/2/manifest.json", encode(manifest));
    world.registry.deploy({ champion: 2, previous: 1 });
    const { body } = await refresh();
    expect(body.models[0]).toMatchObject({ champion: 1, refusedDeployment: { version: 2, error: { code: "MODEL_SELF_CHECK_FAILED" } } });
  });
});

test("a model on another server that goes away is answered for by the champion before, then by the rule", async () => {
  const other = await openWorld({ statusOf, serving: { modelsFolder: folder } });
  await open({ policy: { fallback: { previous: true, rule: () => 0.125 } } });
  await deployAs2(remote(other.url));
  await other.close();
  expect((await world.post(predictPath, question("q"))).body.predictions).toEqual([
    { id: "q", version: 1, role: "champion", score: scoreOf(1, -0.5), fallback: "previous" },
  ]);
  await world.close();
  await open();
  // Without a fallback its absence is what the client is told.
  const again = await openWorld({ statusOf, serving: { modelsFolder: folder } });
  await deployAs2(remote(again.url));
  await again.close();
  expect(await world.post(predictPath, question("q"))).toMatchObject({ status: 503, body: { error: { code: "REMOTE_UNREACHABLE" } } });
});

test("a network has no raw score, and says so in its outputs; a graph's rule decides what it says it does", async () => {
  await open();
  await deployAs2(net());
  expect(JSON.parse((await world.get("/v2/models/late_ride")).text).outputs).toEqual([{ name: "predict", datatype: "FP64", shape: [-1, 1] }]);
  await world.addVersion(3, undefined, graph());
  world.registry.deploy({ champion: 3 });
  await refresh();
  const [row] = [Float64Array.of(3, 0, 0, 4, 0.5)];
  expect((await world.post(predictPath, question("q"))).body.predictions[0]!.score).toBe(createPredictor(stump(3)).predictRow(row, 0));
});

test("no contributions are made up for a network: the explanation is refused with the reason", async () => {
  await open();
  await world.addVersion(2, undefined, net());
  const explainer = createExplainer(world.blobs);
  await expect(explainer.explain("versions/2", Float64Array.of(3, 0, 0, 4, 0.5))).rejects.toMatchObject({ code: "EXPLANATION_UNAVAILABLE" });
  await explainer.close();
});

describe("a model of tensors that is no version is refused when it is registered:", () => {
  const five = [{ name: "row", datatype: "FP64", shape: [-1, 5] }];
  const rule = { rules: { on: "p", as: "decision", cases: [{ atLeast: 0.5, give: "late" }], otherwise: "fine" } };
  const step = { model: "model.json", inputs: { input: "row" }, outputs: { predict: "p" } };
  const others = new Map([["model.json", encodeModel(stump(3))]]);
  const asGraph = (body: object, output: ModelFile["output"]): ModelFile => ({
    file: "ensemble.json",
    bytes: encode(body),
    others,
    ...(output === undefined ? {} : { output }),
  });
  test.each([
    ["three probabilities and none named", () => ({ file: "model.onnx", bytes: onnx.bytes }), /say which is the prediction/],
    ["an output that is not there", () => ({ ...net(), output: { name: "nothing", column: 0 } }), /no output nothing/],
    ["a column that is not there", () => ({ ...net(), output: { name: netOutput, column: 3 } }), /no column 3/],
    ["text for a prediction", () => asGraph({ inputs: five, steps: [step, rule], outputs: ["decision"] }, { name: "decision", column: 0 }), /is text/],
    [
      "a step that is no file of the version",
      () => asGraph({ inputs: five, steps: [{ ...step, model: "/etc/passwd" }], outputs: ["p"] }, undefined),
      /no file of the version/,
    ],
    [
      "another number of features",
      () => asGraph({ inputs: [{ name: "row", datatype: "FP64", shape: [-1, 4] }], steps: [step], outputs: ["p"] }, undefined),
      /expected one matrix of floats \[-1, 5\]/,
    ],
    [
      "a number that is no probability",
      () => asGraph({ inputs: five, steps: [{ ...step, outputs: { raw_score: "p" } }], outputs: ["p"] }, undefined),
      /no probability/,
    ],
  ] as [string, () => ModelFile, RegExp][])("%s", async (_what, made, message) => {
    await open();
    await expect(world.addVersion(2, undefined, made())).rejects.toThrow(message);
    await expect(world.blobs.get("versions/2/manifest.json")).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
  });
});

test("a version that is let go of still answers who holds it, and is closed at the process' end", async () => {
  await open();
  await world.addVersion(2, undefined, net());
  const loader = new VersionLoader({
    registry: world.registry,
    blobs: world.blobs,
    online: world.online,
    maxRows: 10,
    closeAfterMs: 3_600_000,
    timerMs: () => 0,
  });
  const { predictor } = await loader.load(lateRide, 2);
  loader.keepOnly(lateRide.name, [1]);
  const row = Float64Array.of(3, 0, 0, 4, 0.5);
  expect(await predictor.predictRow(row, 0)).toBeLessThan(1);
  await loader.close();
  await expect(predictor.predictRow(row, 0)).rejects.toMatchObject({ code: "MODEL_RUN_FAILED" });
});

test("a graph that wants text and whole numbers by the slots' names gets them, and a missing whole number is a failure that a fallback answers", async () => {
  const slots = ["miles", "shared", "zone", "zone.rides_2h", "zone.late_2h"];
  const datatypes = ["FP64", "INT64", "BYTES", "FP32", "FP64"];
  const wants: ModelFile = {
    file: "ensemble.json",
    bytes: encode({
      inputs: slots.map((name, i) => ({ name, datatype: datatypes[i], shape: [-1, 1] })),
      steps: [{ rules: { on: "miles", as: "p", cases: [{ atLeast: 10, give: 0.75 }], otherwise: 0.25 } }],
      outputs: ["p"],
    }),
  };
  await open({ policy: { fallback: { rule: () => 0.5 } } });
  await deployAs2(wants);
  const ask = async (fields: Record<string, unknown>) => (await world.post(predictPath, question("q", fields))).body.predictions[0];
  expect(await ask({ miles: 3 })).toMatchObject({ version: 2, score: 0.25 });
  expect(await ask({ miles: 30, zone: "ZZZ" })).toMatchObject({ version: 2, score: 0.75 });
  expect(await ask({ miles: 30, shared: null })).toMatchObject({ version: 2, score: 0.5, fallback: "rule" });
});
