import { connect } from "node:net";
import { gunzipSync, gzipSync, deflateSync, inflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { statusOf } from "../server/error-status.ts";
import { AtMost } from "./at-most.ts";
import { openWorld, type World } from "./test-world.ts";

let world: World;
beforeAll(async () => {
  world = await openWorld({ statusOf });
});
afterAll(() => world.close());

interface Sent {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** One request with nothing unpacked on the way, as `fetch` would. */
function ask(
  path: string,
  { method = "POST", headers = {}, body = "" }: { method?: string; headers?: Record<string, string>; body?: string | Buffer },
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const socket = connect(world.port, "127.0.0.1");
    const chunks: Buffer[] = [];
    const bytes = Buffer.from(body);
    const lines = Object.entries({ host: "127.0.0.1", connection: "close", "content-length": String(bytes.length), ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    socket.on("error", reject).on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", () => {
      const all = Buffer.concat(chunks);
      const end = all.indexOf("\r\n\r\n");
      const [first = "", ...rest] = all.subarray(0, end).toString().split("\r\n");
      const found = rest.map((line): [string, string] => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]);
      resolve({ status: Number(first.split(" ")[1]), headers: new Map(found), body: all.subarray(end + 4) });
    });
    socket.write(Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`), bytes]));
  });
}

const infer = "/v2/models/late_ride/infer";
const rows = (count: number, parameters: object = {}): string =>
  JSON.stringify({ parameters, inputs: [{ name: "input", shape: [count, 5], datatype: "FP64", data: Array.from({ length: count * 5 }, (_, i) => i % 7) }] });
const large = rows(512);

describe("an answer", () => {
  test.each([
    ["gzip", "gzip", gunzipSync],
    ["deflate", "deflate", inflateSync],
    ["gzip, deflate, br", "gzip", gunzipSync],
    ["deflate;q=1.0, gzip;q=0.5", "deflate", inflateSync],
    ["*", "gzip", gunzipSync],
    ["gzip;q=0, *;q=0.1", "deflate", inflateSync],
    ["GZIP", "gzip", gunzipSync],
  ])("to Accept-Encoding %s leaves as %s, and is the same", async (accepted, coding, unpacked) => {
    const plain = await ask(infer, { body: large });
    const packed = await ask(infer, { body: large, headers: { "accept-encoding": accepted } });
    expect([packed.status, packed.headers.get("content-encoding"), packed.headers.get("vary")]).toEqual([200, coding, "accept-encoding"]);
    expect(packed.headers.get("content-length")).toBe(String(packed.body.length));
    expect(packed.body.length).toBeLessThan(plain.body.length);
    expect(unpacked(packed.body).equals(plain.body)).toBe(true);
  });

  test.each(["identity", "br", "gzip;q=0", "", "gzip;q=0.5, identity", ";;,,q=", "gzip;q=x"])("to Accept-Encoding %s leaves as it is", async (accepted) => {
    const { status, headers, body } = await ask(infer, { body: large, headers: { "accept-encoding": accepted } });
    expect([status, headers.has("content-encoding"), body.subarray(0, 1).toString()]).toEqual([200, false, "{"]);
  });

  test("that is short leaves as it is", async () => {
    const { status, headers } = await ask(infer, { body: rows(1), headers: { "accept-encoding": "gzip" } });
    expect([status, headers.has("content-encoding")]).toEqual([200, false]);
  });

  test("with binary tensors says the length of its JSON before it was packed", async () => {
    const body = rows(512, { binary_data_output: true });
    const plain = await ask(infer, { body });
    const packed = await ask(infer, { body, headers: { "accept-encoding": "deflate" } });
    const length = packed.headers.get("inference-header-content-length");
    expect(packed.headers.get("content-encoding")).toBe("deflate");
    expect(length).toBe(plain.headers.get("inference-header-content-length"));
    const unpacked = inflateSync(packed.body);
    expect(JSON.parse(unpacked.subarray(0, Number(length)).toString())).toMatchObject({ outputs: [{ name: "predict" }, { name: "raw_score" }] });
    expect(unpacked.equals(plain.body)).toBe(true);
  });

  test("of a report is packed too", async () => {
    const { headers, body } = await ask("/metrics", { method: "GET", headers: { "accept-encoding": "gzip" } });
    expect(headers.get("content-encoding")).toBe("gzip");
    expect(gunzipSync(body).toString()).toContain("karkhana_serving_in_flight");
    expect((await ask("/metrics", { method: "GET" })).body.toString()).toContain("karkhana_serving_in_flight");
  });
});

describe("a question", () => {
  const predict = JSON.stringify({ instances: [{ id: "packed", fields: { miles: 3, shared: false, zone: "AAA" } }] });
  const table = JSON.stringify({ dataframe_split: { columns: ["miles", "shared", "zone"], data: [[3, false, "AAA"]] } });

  test.each<[string, string, string, string]>([
    ["to the inference protocol", infer, rows(3), "application/octet-stream"],
    ["by entity keys", "/v1/models/late_ride/predict", predict, "application/json"],
    ["to MLflow's routes", "/invocations", table, "application/json"],
    ["to MLflow's routes as CSV", "/invocations", "miles,shared,zone\n3,0,AAA\n", "text/csv"],
  ])("%s is read in gzip, deflate and several members of gzip", async (_name, path, body, type) => {
    const headers = { "content-type": type };
    const plain = await ask(path, { body, headers });
    expect(plain.status, plain.body.toString()).toBe(200);
    const half = Math.floor(body.length / 2);
    for (const [coding, bytes] of [
      ["gzip", gzipSync(body)],
      ["X-GZip", gzipSync(body)],
      ["deflate", deflateSync(body)],
      ["gzip", Buffer.concat([gzipSync(body.slice(0, half)), gzipSync(body.slice(half))])],
      ["identity", Buffer.from(body)],
    ] as const) {
      const { status, body: answer } = await ask(path, { body: bytes, headers: { ...headers, "content-encoding": coding } });
      expect(status, `${coding}: ${answer.toString()}`).toBe(200);
    }
  });

  test.each([
    ["/v1/models/late_ride/predict", 413],
    ["/invocations", 413],
    [infer, 400],
  ])("to %s that unpacks to more than it takes is refused by its code", async (path, expected) => {
    const bomb = gzipSync(Buffer.alloc(40_000_000, " "));
    const { status, body } = await ask(path, { body: bomb, headers: { "content-type": "application/json", "content-encoding": "gzip" } });
    expect([status, body.toString().includes("UNPACKED_BODY_TOO_LARGE")]).toEqual([expected, true]);
  });

  test("whose header length is that of its JSON before it was packed is read", async () => {
    const head = JSON.stringify({ inputs: [{ name: "input", shape: [1, 5], datatype: "FP64", parameters: { binary_data_size: 40 } }] });
    const body = Buffer.concat([Buffer.from(head), Buffer.from(Float64Array.of(3, 0, 0, 0, 0).buffer)]);
    for (const [coding, bytes] of [
      ["gzip", gzipSync(body)],
      ["deflate", deflateSync(body)],
    ] as const) {
      const { status } = await ask(infer, { body: bytes, headers: { "content-encoding": coding, "inference-header-content-length": String(head.length) } });
      expect(status).toBe(200);
    }
  });
});

test("so many works run at once, the others in their order, and one that fails leaves its place", async () => {
  const line = new AtMost(2);
  const started: number[] = [];
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<number>());
  const results = ends.map(({ promise }, i) =>
    line.run(() => {
      started.push(i);
      return promise;
    }),
  );
  expect([started, line.waiting]).toEqual([[0, 1], 3]);
  ends[1]!.reject(new Error("broken"));
  await expect(results[1]).rejects.toThrow("broken");
  expect([started, line.waiting]).toEqual([[0, 1, 2], 2]);
  for (const [i, end] of ends.entries()) end.resolve(i);
  expect(await Promise.all(results.filter((_, i) => i !== 1))).toEqual([0, 2, 3, 4]);
  expect(started).toEqual([0, 1, 2, 3, 4]);
});
