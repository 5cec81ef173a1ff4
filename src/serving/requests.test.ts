import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { statusOf } from "../server/error-status.ts";
import { openWorld, predictPath, question, scoreOf, type World } from "./test-world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld({ statusOf, serving: { limits: { maxInstances: 3, maxPushRows: 3, maxLabels: 3, maxBodyBytes: 20_000, requestTimeoutMs: 10_000 } } });
});
afterAll(() => world.close());

const refused = async (body: unknown): Promise<string> => {
  const { status, body: reply } = await world.post(predictPath, body);
  return `${status} ${reply.error?.code}: ${reply.error?.message}`;
};
const withField = (name: string, value: unknown): unknown => question("q", { [name]: value });

test("a question is answered with its id, the version, the role and the version's score", async () => {
  const { status, body } = await world.post(predictPath, question("first"));
  expect(status).toBe(200);
  expect(body).toEqual({ model: "late_ride", predictions: [{ id: "first", version: 1, role: "champion", score: scoreOf(1, -0.5) }] });
});

test("several questions are answered in their order; one without an id is given one", async () => {
  const [a, b] = [question("a").instances[0], question("b", { miles: 30 }).instances[0]];
  const { fields } = a as { fields: unknown };
  const { body } = await world.post(predictPath, { instances: [a, b, { fields }] });
  expect(body.predictions.map((p) => p.score)).toEqual([scoreOf(1, -0.5), scoreOf(1, 0.25), scoreOf(1, -0.5)]);
  expect(body.predictions[2]!.id).toMatch(/^[0-9a-f]{32}$/);
});

test("an unknown category is missing, not an error", async () => {
  const { body } = await world.post(predictPath, question("q", { zone: "ZZZ", miles: 30 }));
  expect(body.predictions[0]!.score).toBe(scoreOf(1, 0.75));
});

test("null is missing where the contract allows it", async () => {
  expect((await world.post(predictPath, withField("miles", null))).status).toBe(200);
  expect(await refused(withField("zone", null))).toMatch(/^400 INVALID_ARGUMENT: instances\[0\]\.fields\.zone: must not be null/);
});

test("a wrong field is named with what is wrong and its value", async () => {
  expect(await refused(withField("miles", 0.1))).toBe("400 INVALID_ARGUMENT: instances[0].fields.miles: must be at least 0.5 (got 0.1)");
  expect(await refused(withField("miles", 501))).toContain("must be at most 500 (got 501)");
  expect(await refused(withField("miles", "far"))).toContain("fields.miles: expected a finite number (got far)");
  expect(await refused(withField("miles", [1]))).toContain("expected a finite number (got a list of 1)");
  expect(await refused(withField("zone", "aaa"))).toContain("fields.zone: must match [A-Z]{3} (got aaa)");
  expect(await refused(withField("zone", "AAAA"))).toContain("must match");
  expect(await refused(withField("zone", 7))).toContain("fields.zone: expected text of at most 256 characters (got 7)");
  expect(await refused(withField("zone", "A".repeat(5000)))).toContain("(5000 characters)");
  expect(await refused(withField("shared", 2))).toContain("fields.shared: expected true or false (got 2)");
  expect(await refused(withField("colour", "red"))).toContain(
    "instances[0].fields.colour: is not a field of this model, which has zone, miles, shared (got red)",
  );
  expect(await refused({ instances: [{ fields: { zone: "AAA", miles: 3 } }] })).toContain("fields.shared: is missing");
  expect(await refused({ instances: [{ fields: null }] })).toContain("instances[0].fields: expected an object");
  expect(await refused({ instances: [{ fields: JSON.parse('{"__proto__": {"zone": "AAA"}}') }] })).toContain("400 INVALID_ARGUMENT");
});

test("JSON's huge numbers are refused: they would be infinite", async () => {
  expect(await refused('{"instances":[{"fields":{"zone":"AAA","miles":1e999,"shared":false}}]}')).toContain("expected a finite number");
});

test("times must be ISO or whole microseconds", async () => {
  const at = (time: unknown): unknown => ({ instances: [{ ...(question("t").instances[0] as object), time }] });
  expect((await world.post(predictPath, at(986_126_400_000_000))).status).toBe(200);
  for (const time of ["yesterday", "2001-02-30", 1.5, 1e300, null, {}, "2001-04-01T25:00:00Z", "9999-01-01"])
    expect(await refused(at(time))).toMatch(/^400 INVALID_ARGUMENT: instances\[0\]\.time/);
});

test("ids are text of bounded length without control characters", async () => {
  for (const id of ["", "a".repeat(257), 7, null, "a\u0000b", "line\nbreak", "\ud800"])
    expect(await refused(question(id as string))).toMatch(/^400 INVALID_ARGUMENT: instances\[0\]\.id/);
  expect(await refused({ instances: [question("same").instances[0], question("same").instances[0]] })).toContain("instances[1].id: the same id twice");
});

test("the envelope is checked: kind, emptiness, number, unknown parts", async () => {
  for (const body of ["[]", "3", "null", '"text"', "{}", '{"instances":{}}', '{"instances":[]}', '{"instances":[1]}', '{"instances":[[]]}'])
    expect(await refused(body)).toMatch(/^400 INVALID_ARGUMENT/);
  expect(await refused({ instances: Array.from({ length: 4 }, (_, i) => question(`q${i}`).instances[0]) })).toContain(
    "instances: at most 3 a request (got a list of 4)",
  );
  expect(await refused({ ...question("q"), signature: "x" })).toContain("signature: is not part of a predict request");
  expect(await refused({ instances: [{ ...(question("q").instances[0] as object), zone: "AAA" }] })).toContain("instances[0].zone: is not part of an instance");
});

test("nothing of a request with one bad question is logged", async () => {
  const before = (await world.log.ends()).predictions;
  await refused({ instances: [question("good").instances[0], question("bad", { miles: -1 }).instances[0]] });
  expect((await world.log.ends()).predictions).toBe(before);
});

test("what is not JSON, of another type, too large or too deep is refused", async () => {
  expect(await refused("{")).toMatch(/^400 REQUEST_MALFORMED/);
  expect(await refused('{"instances":[{"fields":{"zone":"AAA","miles":NaN,"shared":false}}]}')).toMatch(/^400 REQUEST_MALFORMED/);
  expect(await refused("")).toMatch(/^400 REQUEST_MALFORMED/);
  expect(await refused("[".repeat(9000) + "]".repeat(9000))).toMatch(/^400 INVALID_ARGUMENT/);
  expect(await refused(`{"instances":[{"fields":${'{"zone":'.repeat(1500)}1${"}".repeat(1500)}}]}`)).toMatch(/^400 INVALID_ARGUMENT/);
  expect(await refused(`"${"x".repeat(30_000)}"`)).toMatch(/^413 BODY_TOO_LARGE: The body is larger than 20000 bytes/);
  const { status, body } = await world.post(predictPath, "zone=AAA", { "content-type": "application/x-www-form-urlencoded" });
  expect([status, body.error.code]).toEqual([415, "CONTENT_TYPE_REFUSED"]);
  expect((await world.post(predictPath, "{}", { "content-type": "text/plain" })).status).toBe(415);
});

test("every refusal has code, message, remedy and details", async () => {
  const { body } = await world.post(predictPath, withField("miles", 0));
  expect(body.error).toEqual({
    code: "INVALID_ARGUMENT",
    message: expect.any(String),
    remedy: expect.any(String),
    details: { field: "instances[0].fields.miles", problem: "must be at least 0.5", value: 0 },
  });
});

test("unknown models, sources, routes and methods are 404 in the same shape", async () => {
  const codes = await Promise.all([
    world.post("/v1/models/other/predict", question("q")),
    world.post("/v1/models/__proto__/predict", question("q")),
    world.post("/v1/models/%00%2e%2e/labels", { labels: [] }),
    world.post("/v1/sources/other/push", {}),
    world.post("/nowhere", {}),
    world.get(predictPath),
  ]);
  expect(codes.map(({ status, body }) => `${status} ${body.error.code}`)).toEqual([
    "404 MODEL_NOT_IN_PROJECT",
    "404 MODEL_NOT_IN_PROJECT",
    "404 MODEL_NOT_IN_PROJECT",
    "404 SOURCE_NOT_IN_PROJECT",
    "404 ROUTE_NOT_FOUND",
    "404 ROUTE_NOT_FOUND",
  ]);
});

test("addresses that are no addresses are refused in the same shape", async () => {
  for (const where of ["/v1/models/%zz/predict", `/v1/models/${"x".repeat(400)}/predict`]) {
    const { status, body } = await world.post(where, question("q"));
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(body.error.code).toEqual(expect.any(String));
  }
});

test("a foreign Host or Origin is refused, our own is not", async () => {
  const withHeaders = (headers: string): Promise<string> =>
    raw(`POST ${predictPath} HTTP/1.1\r\n${headers}content-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`);
  expect(await withHeaders("host: evil.example\r\n")).toMatch(/^HTTP\/1.1 403[^]*HOST_REFUSED/);
  expect(await withHeaders(`host: localhost:${world.port}\r\n`)).toMatch(/^HTTP\/1.1 400[^]*INVALID_ARGUMENT/);
  expect(await withHeaders("host: 127.0.0.1\r\norigin: https://evil.example\r\n")).toMatch(/^HTTP\/1.1 403[^]*ORIGIN_REFUSED/);
  expect(await withHeaders("host: 127.0.0.1\r\norigin: null\r\n")).toMatch(/^HTTP\/1.1 403/);
  expect(await withHeaders("host: 127.0.0.1\r\norigin: http://localhost:4700\r\n")).toMatch(/^HTTP\/1.1 400/);
});

test("bytes that are not HTTP are answered with 400 in the same shape", async () => {
  expect(await raw("HELLO\r\n\r\n")).toMatch(/^HTTP\/1.1 400[^]*REQUEST_MALFORMED/);
  expect(await raw(`GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ${"a".repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431/);
});

test("labels are checked and kept whole or not at all", async () => {
  const where = "/v1/models/late_ride/labels";
  const { status, body } = await world.post(where, {
    labels: [
      { id: "x", label: 1, knownTime: "2001-04-01T13:00:00Z" },
      { id: "y", label: 0 },
    ],
  });
  expect([status, body.logged]).toEqual([200, 2]);
  const kept = await world.log.labels(0, 10);
  expect(kept.map(({ record }) => record)).toEqual([
    { id: "x", model: "late_ride", label: 1, knownUs: 986_130_000_000_000 },
    { id: "y", model: "late_ride", label: 0, knownUs: world.clock.nowUs() },
  ]);
  for (const labels of [
    [],
    "x",
    [{ id: "x" }],
    [{ id: "x", label: 2 }],
    [{ id: "", label: 1 }],
    [
      { id: "x", label: 1 },
      { id: "z", label: true },
    ],
    Array.from({ length: 4 }, () => ({ id: "x", label: 1 })),
    [{ id: "x", label: 1, knownTime: "soon" }],
  ]) {
    const reply = await world.post(where, { labels });
    expect(`${reply.status} ${reply.body.error.code}`).toBe("400 INVALID_ARGUMENT");
  }
  expect((await world.log.ends()).labels).toBe(2);
});

test("a push's envelope is checked", async () => {
  const row = { at: "2001-04-01T09:00:00Z", zone: "AAA", miles: 3, late: 1, seats: 2, shared: false };
  for (const body of [
    {},
    { producer: "p", sequence: -1, rows: [row] },
    { producer: "p", sequence: 1.5, rows: [row] },
    { producer: "", sequence: 1, rows: [row] },
    { producer: "p", sequence: 1, rows: [] },
    { producer: "p", sequence: 1, rows: [row, 3] },
    { producer: "p", sequence: 1, rows: [row, row, row, row] },
  ]) {
    const { status, body: reply } = await world.post("/v1/sources/rides/push", body);
    expect(`${status} ${reply.error.code}`).toBe("400 INVALID_ARGUMENT");
  }
});

test("a push is told which of its columns the source does not have, by both routes", async () => {
  const row = { at: "2001-04-01T09:00:00Z", zone: "AAA", miles: 3, late: 1, seats: 2, shared: false };
  const own = (sequence: number, rows: object[]): ReturnType<World["post"]> => world.post("/v1/sources/rides/push", { producer: "misspells", sequence, rows });
  const misspelt = await own(1, [row, { ...row, _row: 7, seat: 2, zones: "AAA" }]);
  expect(misspelt).toMatchObject({ status: 200, body: { applied: true, ignoredColumns: ["seat", "zones"] } });
  expect((await own(2, [{ ...row, _row: 8 }])).body).not.toHaveProperty("ignoredColumns");
  const frame = { at: [row.at], zone: ["AAA"], mile: [3] };
  const feasts = await world.post("/push", { push_source_name: "rides", df: frame });
  expect(feasts).toMatchObject({ status: 200, body: { applied: true, ignoredColumns: ["mile"] } });
});

test("whatever is posted, the answer is never 500 and the server lives", async () => {
  const nearly = fc.record(
    {
      instances: fc.array(
        fc.record(
          {
            id: fc.anything(),
            time: fc.anything(),
            fields: fc.oneof(fc.anything(), fc.record({ zone: fc.anything(), miles: fc.anything(), shared: fc.anything() })),
          },
          { requiredKeys: [] },
        ),
      ),
    },
    { requiredKeys: [] },
  );
  const path = fc.constantFrom(predictPath, "/v1/models/late_ride/labels", "/v1/sources/rides/push", "/v1/admin/refresh");
  const envelope = fc.record({
    producer: fc.anything(),
    sequence: fc.nat(),
    rows: fc.array(fc.dictionary(fc.constantFrom("at", "zone", "miles", "late", "seats", "shared", "__proto__"), fc.jsonValue())),
  });
  const body = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    nearly.map(textOf),
    envelope.map(textOf),
    fc.array(fc.jsonValue()).map((labels) => textOf({ labels })),
  );
  await fc.assert(
    fc.asyncProperty(path, body, async (where, text) => {
      const { status, body: reply } = await world.post(where, text);
      expect([status < 500, status === 200 || typeof reply.error.code === "string"]).toEqual([true, true]);
    }),
    { numRuns: 500, seed: 11 },
  );
  expect((await world.post(predictPath, question("alive"))).status).toBe(200);
  expect((await world.get("/health")).status).toBe(200);
});

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, x: unknown) => (typeof x === "bigint" ? String(x) : x)) ?? "";
}

function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(world.port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
}
