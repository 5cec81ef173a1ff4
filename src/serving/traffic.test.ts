import { Client, credentials } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { armsOf, routingKey } from "../feedback/assignment.ts";
import type { GbdtModel } from "../learn/model.ts";
import { statusOf } from "../server/error-status.ts";
import { messageType, type Message } from "./oip/proto.ts";
import { openWorld, predictPath, question, scoreOf, stump, type Answer, type World, type WorldOptions } from "./test-world.ts";

let world: World;
const open = async (options: Partial<WorldOptions> = {}): Promise<void> => void (world = await openWorld({ statusOf, ...options }));
afterEach(() => world.close());
const refresh = (): Promise<Answer> => world.post("/v1/admin/refresh", {});

/** Versions 2, 3 … beside the champion, each with an eighth to a quarter of keys. */
const shares = [
  { version: 2, share: 0.125 },
  { version: 3, share: 0.25 },
  { version: 4, share: 0.125 },
];
async function deployFour(shadows: readonly number[] = []): Promise<(key: string) => number> {
  for (const version of [2, 3, 4, 5, 6]) await world.addVersion(version);
  world.registry.deploy({ champion: 1, challengers: shares, shadows });
  await refresh();
  const armOf = armsOf(world.registry.deployments[0]!);
  return (key) => [1, 2, 3, 4][armOf(key)]!;
}
const logged = async (): Promise<string[]> => (await world.log.predictions(0, 2000)).map(({ record: { id, version, role } }) => `${id} ${version} ${role}`);
const fieldsOf = (miles: number) => [
  { name: "zone", datatype: "BYTES", shape: [1, 1], data: ["AAA"] },
  { name: "miles", datatype: "FP64", shape: [1, 1], data: [miles] },
  { name: "shared", datatype: "BOOL", shape: [1, 1], data: [false] },
];
const asIs = (bytes: Buffer): Buffer => bytes;
async function overGrpc(request: Message): Promise<Message> {
  const grpc = new Client(`127.0.0.1:${world.grpcPort}`, credentials.createInsecure());
  const [asked, answered] = [messageType("inference.ModelInferRequest"), messageType("inference.ModelInferResponse")];
  try {
    return await new Promise((resolve, reject) =>
      grpc.makeUnaryRequest("/inference.GRPCInferenceService/ModelInfer", asIs, asIs, asked.encode(request), (error, reply) =>
        error === null ? resolve(answered.decode(reply!)) : reject(error),
      ),
    );
  } finally {
    grpc.close();
  }
}
const bytesOf = (text: string): Buffer => Buffer.concat([Buffer.from(Uint32Array.of(text.length).buffer), Buffer.from(text)]);
const grpcQuestion = (id: string, miles: number, version = ""): Message => ({
  model_name: "late_ride",
  model_version: version,
  id,
  inputs: fieldsOf(miles).map(({ name, datatype, shape }) => ({ name, datatype, shape })),
  raw_input_contents: [bytesOf("AAA"), Buffer.from(Float64Array.of(miles).buffer), Buffer.of(0)],
});

describe("several challengers", () => {
  test("each answer their keys by every protocol, and the log says who was asked", async () => {
    await open({ grpc: true });
    const versionOf = await deployFour();
    const expected: string[] = [];
    const [asked, answered]: [unknown[], unknown[]] = [[], []];
    const ask = [
      async (id: string) => String((await world.post(predictPath, question(id))).body.predictions[0]!.version),
      async (id: string) => (JSON.parse((await world.post("/v2/models/late_ride/infer", { id, inputs: fieldsOf(3) })).text) as Message)["model_version"],
      async (id: string) => (await overGrpc(grpcQuestion(id, 3)))["model_version"],
    ];
    for (let i = 0; i < 60; i++) {
      const id = `q${i}`;
      const version = versionOf(id);
      const role = version === 1 ? "champion" : "challenger";
      expected.push(`${id} ${version} ${role}`);
      asked.push(await ask[i % 3]!(id));
      answered.push(String(version));
    }
    expect(asked).toEqual(answered);
    expect(await logged()).toEqual(expected);
    expect(new Set(expected.map((line) => line.split(" ")[1]))).toEqual(new Set(["1", "2", "3", "4"]));
    const { body } = await world.get("/v1/models");
    expect(body.models[0]).toMatchObject({ champion: 1, challengers: shares, shadows: [] });
  });

  test("are asked by MLflow's paths too, with ids made here", async () => {
    await open();
    const versionOf = await deployFour();
    for (let i = 0; i < 40; i++) await world.post("/invocations", { dataframe_records: [{ zone: "AAA", miles: 3, shared: false }] });
    const records = (await world.log.predictions(0, 100)).map(({ record }) => record);
    for (const { id, version } of records) expect(version).toBe(versionOf(id));
    expect(new Set(records.map(({ version }) => version)).size).toBeGreaterThan(2);
  });

  test("one that does not load leaves its keys to the champion, and the others theirs to themselves", async () => {
    await open();
    await world.addVersion(2);
    await world.addVersion(4);
    world.registry.deploy({ champion: 1, challengers: shares });
    const { body } = await refresh();
    expect(body.models[0]).toMatchObject({ state: "degraded", challengers: [shares[0], shares[2]], problems: [{ version: 3, role: "challenger" }] });
    const armOf = armsOf(world.registry.deployments[0]!);
    for (let i = 0; i < 80; i++) expect((await world.post(predictPath, question(`q${i}`))).body.predictions[0]!.version).toBe([1, 2, 1, 4][armOf(`q${i}`)]);
  });

  test("are shadowed by several versions, each of which scores every question once", async () => {
    await open();
    await deployFour([5, 6]);
    for (let i = 0; i < 12; i++) await world.post(predictPath, question(`q${i}`));
    await world.serving.close();
    const shadows = (await logged()).filter((line) => line.endsWith("shadow"));
    expect(new Set(shadows)).toEqual(new Set(Array.from({ length: 12 }, (_, i) => [`q${i} 5 shadow`, `q${i} 6 shadow`]).flat()));
    expect(shadows.length).toBe(24);
  });

  test("stay with a field of the question where the model says so, whatever the id and the protocol", async () => {
    await open({ policy: { stickyBy: ["miles"] } });
    const versionOf = await deployFour();
    for (let miles = 1; miles <= 24; miles++) {
      const version = versionOf(routingKey("", { miles }, ["miles"]));
      for (const id of ["a", "b"]) {
        expect((await world.post(predictPath, question(`${id}${miles}`, { miles }))).body.predictions[0]).toMatchObject({ version });
        const answer = await world.post("/v2/models/late_ride/infer", { id: `${id}${miles}`, inputs: fieldsOf(miles) });
        expect(JSON.parse(answer.text)).toMatchObject({ model_version: String(version) });
      }
    }
  });
});

test("a shadow of features that a client brought sees those features, coded by its own dictionary", async () => {
  await open();
  await world.addVersion(2, { zone: ["BBB", "AAA"] });
  world.registry.deploy({ champion: 1, shadow: 2 });
  await refresh();
  await world.post("/v2/models/late_ride/infer", { id: "v", inputs: [{ name: "input", datatype: "FP64", shape: [1, 5], data: [30, 1, 0, 4, 0.5] }] });
  await world.serving.close();
  const records = (await world.log.predictions(0, 10)).map(({ record: { version, role, vector, score } }) => ({ version, role, vector: [...vector], score }));
  expect(records).toEqual([
    { version: 1, role: "champion", vector: [30, 1, 0, 4, 0.5], score: scoreOf(1, 0.25) },
    { version: 2, role: "shadow", vector: [30, 1, 1, 4, 0.5], score: scoreOf(2, 0.75) },
  ]);
});

describe("a version that fails is answered for", () => {
  /** Of rides above ten miles from AAA its sum overflows. */
  const broken = (version: number): GbdtModel => {
    const model = stump(version);
    const calibration = { kind: "sigmoid", slope: 0, intercept: 0 } as const;
    return { ...model, calibration, ensemble: { ...model.ensemble, baseScore: 1.7e308, leafValue: Float64Array.of(-0.5, 1.7e308, 0.75) } };
  };
  const promoteBroken = async (): Promise<void> => {
    await world.addVersion(2, undefined, broken(2));
    world.registry.deploy({ champion: 2, previous: 1 });
    await refresh();
  };
  const previous = { by: "previous", version: 2, role: "champion" };
  const rule = { by: "rule", version: 2, role: "champion" };
  const insteads = async () => (await world.log.predictions(0, 10)).map(({ record: { id, version, score, instead } }) => ({ id, version, score, instead }));

  test("over the inference protocol, HTTP and gRPC, by the version before; the reply's parameters and a header say so", async () => {
    await open({ grpc: true, policy: { fallback: { previous: true } } });
    await promoteBroken();
    const response = await fetch(`${world.url}/v2/models/late_ride/infer`, { method: "POST", body: JSON.stringify({ id: "h", inputs: fieldsOf(30) }) });
    const body = (await response.json()) as { outputs: { name: string; data: unknown[]; parameters?: unknown }[] };
    expect(body).toMatchObject({
      model_version: "1",
      id: "h",
      parameters: { fallback: "previous" },
      outputs: [{ name: "predict", data: [scoreOf(1, 0.25)] }, { name: "raw_score" }],
    });
    expect(response.headers.get("x-karkhana-fallback")).toBe("previous");
    // The C++ client reads an output's parameters as those of binary data.
    expect(body.outputs.every((output) => output.parameters === undefined)).toBe(true);
    const reply = await overGrpc(grpcQuestion("g", 30));
    expect(reply).toMatchObject({ model_version: "1", parameters: { fallback: { string_param: "previous" } } });
    expect((reply["raw_output_contents"] as Buffer[])[0]!.readDoubleLE(0)).toBe(scoreOf(1, 0.25));
    expect(await insteads()).toEqual([
      { id: "h", version: 1, score: scoreOf(1, 0.25), instead: previous },
      { id: "g", version: 1, score: scoreOf(1, 0.25), instead: previous },
    ]);
    const fine = await fetch(`${world.url}/v2/models/late_ride/infer`, { method: "POST", body: JSON.stringify({ id: "r", inputs: fieldsOf(3) }) });
    expect(fine.headers.has("x-karkhana-fallback")).toBe(false);
    expect(await fine.json()).not.toHaveProperty("parameters");
    expect((await overGrpc(grpcQuestion("s", 3)))["parameters"]).toEqual({});
    // Whoever asks a version by its number wants that version.
    await expect(overGrpc(grpcQuestion("t", 30, "2"))).rejects.toMatchObject({ details: expect.stringContaining("scored NaN") });
    const outcomes = (await world.get("/v1/stats")).body.models[0]!.versions;
    expect(outcomes.find(({ version }) => version === 1)?.outcomes).toMatchObject({ fallback: 2, ok: 2 });
    expect(outcomes.find(({ version }) => version === 2)?.outcomes).toMatchObject({ failed: 3, ok: 2 });
  });

  test("by the rule on the request's fields, also where MLflow's clients ask; without fields there is no rule", async () => {
    await open({ policy: { fallback: { rule: ({ miles }) => (Number(miles) > 10 ? 0.75 : 0.25) } } });
    await promoteBroken();
    const asked = { id: "h", inputs: fieldsOf(30), outputs: [{ name: "predict" }] };
    expect(JSON.parse((await world.post("/v2/models/late_ride/infer", asked)).text)).toMatchObject({
      model_version: "2",
      parameters: { fallback: "rule" },
      outputs: [{ name: "predict", data: [0.75] }],
    });
    const response = await fetch(`${world.url}/invocations`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ dataframe_records: [3, 30].map((miles) => ({ zone: "AAA", miles, shared: false })) }),
    });
    expect([response.headers.get("x-karkhana-fallback"), await response.json()]).toEqual(["rule", { predictions: [0.25, 0.75] }]);
    expect((await insteads()).map(({ score, instead }) => [score, instead])).toEqual([
      [0.75, rule],
      [0.25, rule],
      [0.75, rule],
    ]);
    expect((await world.post("/invocations", { inputs: [[30, 0, 0, 4, 0.5]] })).status).toBe(500);
  });

  test("where its features are late, by the rule once the model's own deadline has passed", async () => {
    const held: (() => void)[] = [];
    await open({
      policy: { deadlineMs: 20, fallback: { previous: true, rule: () => 0.5 } },
      wrapOnline: (online) => ({ ...online, reader: () => () => new Promise<void>((resolve) => held.push(resolve)) }),
    });
    expect(JSON.parse((await world.post("/v2/models/late_ride/infer", { id: "l", inputs: fieldsOf(3) })).text)).toMatchObject({
      parameters: { fallback: "rule" },
    });
    held.forEach((release) => release());
    const [record] = (await world.log.predictions(0, 10)).map(({ record: one }) => one);
    expect(record).toMatchObject({ id: "l", score: 0.5, vector: new Float64Array(0), instead: { by: "rule", version: 1, role: "champion" } });
  });

  test("but a question that is wrong is told so, whatever could answer instead", async () => {
    await open({ policy: { fallback: { previous: true, rule: () => 0.5 } } });
    await promoteBroken();
    expect((await world.post("/v2/models/late_ride/infer", { inputs: fieldsOf(3).slice(1) })).status).toBe(400);
    expect((await world.post("/v2/models/late_ride/infer", { inputs: fieldsOf(-3) })).status).toBe(400);
    expect((await world.log.predictions(0, 10)).length).toBe(0);
  });
});
