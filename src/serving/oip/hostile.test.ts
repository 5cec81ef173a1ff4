import { connect as connectHttp2 } from "node:http2";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { Client, credentials, status, type ServiceError } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { statusOf } from "../../server/error-status.ts";
import { openWorld, scoreOf, type World } from "../test-world.ts";
import { messageType } from "./proto.ts";

let world: World;
let grpc: Client;
const maxBody = 300_000;
beforeAll(async () => {
  world = await openWorld({ statusOf, grpc: true, serving: { limits: { maxTensorBodyBytes: maxBody, maxInstances: 8, maxTensorElements: 10_000 } } });
  grpc = new Client(`127.0.0.1:${world.grpcPort}`, credentials.createInsecure());
});
afterAll(async () => {
  grpc.close();
  await world.close();
});

interface Reply {
  readonly status: number;
  readonly text: string;
}

const send = async (body: Uint8Array | string, headers: Record<string, string> = {}, path = "/v2/models/late_ride/infer"): Promise<Reply> => {
  const response = await fetch(world.url + path, { method: "POST", headers, body: typeof body === "string" ? body : Buffer.from(body) });
  return { status: response.status, text: await response.text() };
};
const json = (request: unknown): Promise<Reply> => send(JSON.stringify(request));
const matrix = { name: "input", shape: [1, 5], datatype: "FP64", data: [3, 0, 0, 0, 0] };
const asked = (change: Record<string, unknown>): Promise<Reply> => json({ inputs: [{ ...matrix, ...change }] });

/** Answers as ever, and nothing of what came before is still under way. */
async function expectSound(): Promise<void> {
  const reply = await asked({});
  expect(reply.status).toBe(200);
  expect(JSON.parse(reply.text)).toMatchObject({ model_name: "late_ride", outputs: [{ name: "predict", data: [scoreOf(1, -0.5)] }, { name: "raw_score" }] });
  const health = await world.get("/health");
  expect([health.status, health.body.inFlight]).toEqual([200, 0]);
}

const binary = (header: unknown, blob: Uint8Array, length?: number): Promise<Reply> => {
  const head = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  return send(Buffer.concat([head, blob]), { "inference-header-content-length": String(length ?? head.length) });
};
const binaryInput = (size: unknown, change: Record<string, unknown> = {}): unknown => {
  const { data: _data, ...rest } = matrix;
  return { inputs: [{ ...rest, ...change, parameters: { binary_data_size: size } }] };
};
const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

/** @param at from the end */
const flipped = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[copy.length + at]! ^= 1;
  return copy;
};

describe("over HTTP", () => {
  test.each<[string, () => Promise<Reply>, RegExp]>([
    ["nothing", () => send(""), /JSON/],
    ["no JSON", () => send("{"), /JSON/],
    ["bytes that are no text", () => send(Uint8Array.of(0xff, 0xfe, 0x80)), /UTF-8/],
    ["no inputs", () => json({}), /inputs is missing/],
    ["an empty list of inputs", () => json({ inputs: [] }), /missing/],
    ["inputs of no list", () => json({ inputs: {} }), /inputs is an object/],
    ["an input that is null", () => json({ inputs: [null] }), /inputs\[0\]/],
    ["a name that is no text", () => asked({ name: 5 }), /inputs\[0\]\.name/],
    ["an unknown datatype", () => asked({ datatype: "FP128" }), /datatype "FP128"/],
    ["a datatype from Object's prototype", () => asked({ datatype: "toString" }), /datatype "toString"/],
    ["a negative dimension", () => asked({ shape: [-1, 5] }), /shape holds -1/],
    ["a dimension that is no whole number", () => asked({ shape: [1.5, 5] }), /shape holds 1\.5/],
    ["a dimension that is text", () => asked({ shape: ["1", 5] }), /shape holds "1"/],
    ["dimensions whose product is huge", () => asked({ shape: [4_294_967_296, 4_294_967_296] }), /more than 10000 elements/],
    ["dimensions whose product is no number any more", () => asked({ shape: [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1] }), /more than 10000 elements/],
    ["more dimensions than anybody has", () => asked({ shape: Array.from({ length: 1000 }, () => 1) }), /1000 dimensions/],
    ["no rows", () => asked({ shape: [0, 5], data: [] }), /0 rows/],
    ["more rows than are answered", () => asked({ shape: [9, 5], data: Array.from({ length: 45 }, () => 1) }), /9 rows/],
    ["less data than its shape says", () => asked({ data: [1, 2] }), /5 elements, but its data 2/],
    ["data of another form than its shape", () => asked({ data: [[1, 2], [3]] }), /form of its shape/],
    ["data nested deeper than its shape", () => asked({ data: [[1, 2, 3, 4, [5]]] }), /deeper/],
    ["text among numbers", () => asked({ data: [1, 2, 3, 4, "5"] }), /element 4 is "5"/],
    ["an object among numbers", () => asked({ data: [1, 2, 3, 4, {}] }), /element 4/],
    ["deep JSON", () => send(`{"inputs":${nested(60_000)}}`), /nested deeper than 32/],
    ["deep JSON where nobody looks", () => send(`{"x":${nested(60_000)},"inputs":[${JSON.stringify(matrix)}]}`), /nested deeper than 32/],
    ["an input twice", () => json({ inputs: [matrix, matrix] }), /comes twice/],
    ["an output twice", () => json({ inputs: [matrix], outputs: [{ name: "predict" }, { name: "predict" }] }), /comes twice/],
    ["an output nobody has", () => json({ inputs: [matrix], outputs: [{ name: "constructor" }] }), /constructor/],
    ["parameters of no object", () => json({ inputs: [matrix], parameters: [] }), /parameters is a list/],
    ["a negative timeout", () => json({ inputs: [matrix], parameters: { timeout: -1 } }), /timeout is -1/],
    ["an id without end", () => json({ id: "x".repeat(10_000), inputs: [matrix] }), /id is not text/],
    ["a whole number too large for its type", () => asked({ datatype: "UINT8", data: [256, 0, 0, 0, 0] }), /element 0 is 256/],
    ["a body larger than allowed", () => send("x".repeat(maxBody + 1)), /BODY_TOO_LARGE/],
    ["a header length beyond the body", () => binary(binaryInput(40), new Uint8Array(40), 1_000_000), /Content-Length is 1000000/],
    ["a header length that is no number", () => send("{}", { "inference-header-content-length": "many" }), /"many"/],
    ["a negative header length", () => send("{}", { "inference-header-content-length": "-1" }), /"-1"/],
    ["a header length that ends amid the JSON", () => binary(binaryInput(40), new Uint8Array(40), 10), /JSON/],
    ["a binary size beyond the body", () => binary(binaryInput(48), new Uint8Array(40)), /40 bytes are left/],
    ["a binary size that is negative", () => binary(binaryInput(-8), new Uint8Array(40)), /binary_data_size is -8/],
    ["a binary size of another length than the shape", () => binary(binaryInput(32), new Uint8Array(32)), /take 40 bytes, but 32/],
    ["bytes that belong to no tensor", () => binary(binaryInput(40), new Uint8Array(48)), /8 bytes follow/],
    ["raw bytes that are no whole rows", () => send(new Uint8Array(41), { "inference-header-content-length": "0" }), /not whole rows/],
    [
      "texts whose lengths point beyond the tensor",
      () =>
        binary(
          { inputs: [{ name: "zone", shape: [1, 1], datatype: "BYTES", parameters: { binary_data_size: 8 } }] },
          Uint8Array.of(255, 255, 255, 255, 65, 65, 65, 65),
        ),
      /says it has 4294967295 bytes/,
    ],
    [
      "more texts than there are bytes for",
      () => binary({ inputs: [{ name: "zone", shape: [9999, 1], datatype: "BYTES", parameters: { binary_data_size: 4 } }] }, new Uint8Array(4)),
      /at least 39996 bytes/,
    ],
    [
      "text that is not UTF-8",
      () => binary({ inputs: [{ name: "zone", shape: [1, 1], datatype: "BYTES", parameters: { binary_data_size: 5 } }] }, Uint8Array.of(1, 0, 0, 0, 255)),
      /not UTF-8/,
    ],
    ["a body that is not the gzip it says it is", () => send("plain", { "content-encoding": "gzip" }), /not the gzip/],
    ["an encoding from Object's prototype", () => send("plain", { "content-encoding": "toString" }), /CONTENT_ENCODING_REFUSED/],
    ["shared memory", () => asked({ data: undefined, parameters: { shared_memory_region: "x" } }), /INFER_UNSUPPORTED/],
  ])("%s is refused, and the next question is answered", async (_name, ask, reason) => {
    const { status, text } = await ask();
    const reply = JSON.parse(text) as { error: string };
    expect(Object.keys(reply)).toEqual(["error"]);
    expect(reply.error).toMatch(reason);
    expect(status === 501 || (status >= 400 && status < 500), `${status}`).toBe(true);
    await expectSound();
  });

  test("a gzip bomb is not unpacked", async () => {
    const { status, text } = await send(gzipSync(Buffer.alloc(50_000_000)), { "content-encoding": "gzip" });
    expect(text).toContain(`UNPACKED_BODY_TOO_LARGE: The body unpacked from gzip is larger than ${maxBody} bytes`);
    expect(status).toBe(400);
  });

  const sound = Buffer.from(JSON.stringify({ inputs: [matrix] }));
  const packed = (bytes: Buffer, coding: string): Promise<Reply> => send(bytes, { "content-encoding": coding });

  test.each<[string, Buffer, string, RegExp]>([
    ["a gzip cut short", gzipSync(sound).subarray(0, -5), "gzip", /BODY_NOT_UNPACKED.*unexpected end/],
    ["a deflate cut short", deflateSync(sound).subarray(0, -2), "deflate", /BODY_NOT_UNPACKED.*unexpected end/],
    ["a wrong checksum of gzip", flipped(gzipSync(sound), -6), "gzip", /BODY_NOT_UNPACKED.*data check/],
    ["a wrong length of gzip", flipped(gzipSync(sound), -1), "gzip", /BODY_NOT_UNPACKED.*length check/],
    ["a wrong checksum of deflate", flipped(deflateSync(sound), -1), "deflate", /BODY_NOT_UNPACKED.*data check/],
    ["what follows a gzip", Buffer.concat([gzipSync(sound), Buffer.from("more")]), "gzip", /BODY_NOT_UNPACKED/],
    ["what follows a deflate", Buffer.concat([deflateSync(sound), Buffer.from("more")]), "deflate", /BODY_NOT_UNPACKED/],
    ["deflate without zlib's frame", deflateRawSync(sound), "deflate", /BODY_NOT_UNPACKED/],
    ["a gzip in a gzip", gzipSync(gzipSync(sound)), "gzip, gzip", /CONTENT_ENCODING_REFUSED: Header content-encoding: gzip, gzip/],
    ["a gzip in a gzip that is said once", gzipSync(gzipSync(sound)), "gzip", /JSON|UTF-8/],
    ["a coding nobody reads", sound, "br", /CONTENT_ENCODING_REFUSED/],
  ])("%s is refused, and the next question is answered", async (_name, bytes, coding, reason) => {
    const { status, text } = await packed(bytes, coding);
    expect(text).toMatch(reason);
    expect([400, 415]).toContain(status);
    await expectSound();
  });

  test("bombs of a thousand times their size, many at once, are refused and cost no memory", async () => {
    const bomb = gzipSync(Buffer.alloc(60_000_000), { level: 9 });
    expect(bomb.length).toBeLessThan(maxBody);
    const before = process.memoryUsage.rss();
    const replies = await Promise.all(Array.from({ length: 60 }, () => packed(bomb, "gzip")));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([400]));
    // Unpacked they were 3.6 GB.
    expect(process.memoryUsage.rss() - before).toBeLessThan(400_000_000);
    await expectSound();
  });

  test("whatever happens to a compressed body on its way, the answer is one or a refusal", async () => {
    const damage = fc.record({
      coding: fc.constantFrom("gzip", "deflate"),
      said: fc.constantFrom("gzip", "deflate", "GZIP", "x-gzip", "identity", "gzip,deflate", "toString", "br"),
      at: fc.nat(200),
      byte: fc.nat(255),
      cut: fc.nat(12),
      more: fc.uint8Array({ maxLength: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ coding, said, at, byte, cut, more }) => {
        const bytes = coding === "gzip" ? gzipSync(sound) : deflateSync(sound);
        const kept = Buffer.concat([bytes.subarray(0, bytes.length - cut), more]);
        if (at < kept.length) kept[at] = byte;
        const { status, text } = await packed(kept, said);
        expect(status === 200 || (status >= 400 && status < 500), `${status} ${text}`).toBe(true);
      }),
      { numRuns: 300 },
    );
    await expectSound();
  });

  test("NaN and null are missing values, as in Python's JSON", async () => {
    for (const value of ["NaN", "null"]) {
      const { status, text } = await send(`{"id":"NaN","inputs":[{"name":"input","shape":[1,5],"datatype":"FP64","data":[${value},0,0,0,${value}]}]}`);
      expect([status, (JSON.parse(text) as { id: string }).id]).toEqual([200, "NaN"]);
    }
    expect((await asked({ datatype: "INT64", data: [null, 0, 0, 0, 0] })).status).toBe(400);
  });

  test("whatever the JSON, the answer is one or a refusal", async () => {
    const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom(-1, 2 ** 53, 1e308, "", "predict", "FP64", "BYTES", [1, 5], [[]]));
    const input = fc.record(
      { name: fc.oneof(value, fc.constantFrom("input", "zone", "miles")), shape: value, datatype: value, data: value, parameters: value },
      { requiredKeys: [] },
    );
    const request = fc.record(
      { id: value, inputs: fc.oneof(value, fc.array(fc.oneof(input, fc.constant(matrix)), { maxLength: 4 })), outputs: value, parameters: value },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(request, async (body) => {
        const { status } = await json(body);
        expect(status === 200 || status === 501 || (status >= 400 && status < 500), `${status}`).toBe(true);
      }),
      { numRuns: 300 },
    );
    await expectSound();
  });

  test("whatever the bytes behind whatever header length, the answer is one or a refusal", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.oneof(fc.nat(300), fc.constantFrom(0, 40)), fc.boolean(), async (bytes, length, isFramed) => {
        const head = Buffer.from(JSON.stringify(binaryInput(bytes.length)));
        const body = isFramed ? Buffer.concat([head, bytes]) : bytes;
        const { status } = await send(body, { "inference-header-content-length": String(isFramed ? head.length : length) });
        expect(status === 200 || (status >= 400 && status < 500), `${status}`).toBe(true);
      }),
      { numRuns: 300 },
    );
    await expectSound();
  });

  test("every address of the protocol takes every method", async () => {
    const paths = [
      "",
      "/health/live",
      "/health/ready",
      "/models/late_ride",
      "/models/late_ride/versions/1",
      "/models/late_ride/infer",
      "/models/late_ride/config",
      "/models/late_ride/stats",
    ];
    const more = [
      "/models/stats",
      "/models/%00/infer",
      "/models/%F0/ready",
      "/models//infer",
      "/repository/index",
      "/repository/models/x/load",
      "/systemsharedmemory/status",
      "/trace/setting",
      "/x",
    ];
    for (const path of [...paths, ...more])
      for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]) {
        const { status } = await fetch(`${world.url}/v2${path}`, { method, ...(method === "POST" ? { body: "{}" } : {}) });
        expect(status === 501 || status < 500, `${method} ${path}: ${status}`).toBe(true);
      }
    await expectSound();
  });
});

describe("over gRPC", () => {
  const call = (method: string, bytes: Uint8Array): Promise<{ readonly code: number; readonly text: string; readonly bytes: Buffer }> =>
    new Promise((resolve) => {
      const asIs = (value: Buffer): Buffer => value;
      grpc.makeUnaryRequest(`/inference.GRPCInferenceService/${method}`, asIs, asIs, Buffer.from(bytes), (error: ServiceError | null, reply) =>
        resolve({ code: error?.code ?? status.OK, text: error?.details ?? "", bytes: reply ?? Buffer.alloc(0) }),
      );
    });
  const type = messageType("inference.ModelInferRequest");
  const row = Buffer.from(Float64Array.of(3, 0, 0, 0, 0).buffer);
  const request = (change: Record<string, unknown> = {}, rest: Record<string, unknown> = {}): Buffer =>
    type.encode({ model_name: "late_ride", inputs: [{ name: "input", datatype: "FP64", shape: [1, 5], ...change }], raw_input_contents: [row], ...rest });

  test("a sound question is answered", async () => {
    expect((await call("ModelInfer", request())).code).toBe(status.OK);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ["bytes that are no message", Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f), /cannot be read/],
    ["a group that never ends", Uint8Array.from({ length: 5000 }, () => 0x0b), /cannot be read|Request for unknown/],
    ["a negative dimension", request({ shape: [-1, 5] }), /shape holds -1/],
    ["a huge count", request({ shape: [9_000_000_000, 9_000_000_000] }), /more than 10000 elements/],
    ["raw contents of another length", request({}, { raw_input_contents: [row.subarray(0, 39)] }), /take 40 bytes, but 39/],
    ["raw contents for inputs that are not there", request({}, { raw_input_contents: [row, row] }), /2 raw contents/],
    ["raw and typed contents", request({ contents: { fp64_contents: [1] } }), /both raw and typed/],
    ["typed contents of another count", request({ contents: { fp64_contents: [1] } }, { raw_input_contents: [] }), /fp64_contents 1/],
    ["typed contents of another type", request({ contents: { bool_contents: [true] } }, { raw_input_contents: [] }), /fp64_contents 0/],
    ["no contents", request({}, { raw_input_contents: [] }), /no contents/],
    ["half floats that are not raw", request({ datatype: "FP16", contents: {} }, { raw_input_contents: [] }), /raw contents only/],
    ["an unknown datatype", request({ datatype: "FP128" }), /datatype "FP128"/],
    [
      "an input twice",
      request(
        {},
        {
          inputs: [
            { name: "a", datatype: "FP64", shape: [0] },
            { name: "a", datatype: "FP64", shape: [0] },
          ],
          raw_input_contents: [],
        },
      ),
      /twice/,
    ],
  ])("%s is refused as the client's error", async (_name, bytes, reason) => {
    const { code, text } = await call("ModelInfer", bytes);
    expect(text).toMatch(reason);
    expect([status.INVALID_ARGUMENT, status.NOT_FOUND]).toContain(code);
    await expectSound();
  });

  /** One message as it goes over the wire, so that it may say of itself what is not so. */
  const wire = (bytes: Uint8Array, encoding: string, flag = 1): Promise<number> =>
    new Promise((resolve, reject) => {
      const session = connectHttp2(`http://127.0.0.1:${world.grpcPort}`).on("error", reject);
      const frame = Buffer.alloc(5);
      frame.writeUInt8(flag, 0);
      frame.writeUInt32BE(bytes.length, 1);
      const stream = session.request({
        ":method": "POST",
        ":path": "/inference.GRPCInferenceService/ModelInfer",
        "content-type": "application/grpc",
        te: "trailers",
        "grpc-encoding": encoding,
      });
      let code: unknown;
      stream.on("response", (headers) => (code ??= headers["grpc-status"]));
      stream.on("trailers", (trailers) => (code ??= trailers["grpc-status"]));
      stream.on("error", reject).on("close", () => {
        session.close();
        resolve(Number(code));
      });
      stream.resume().end(Buffer.concat([frame, bytes]));
    });

  test.each<[string, Uint8Array, string, number]>([
    ["a gzip", gzipSync(request()), "gzip", status.OK],
    ["a deflate", deflateSync(request()), "deflate", status.OK],
    ["a gzip cut short", gzipSync(request()).subarray(0, -5), "gzip", status.INTERNAL],
    ["a wrong checksum", flipped(gzipSync(request()), -6), "gzip", status.INTERNAL],
    ["bytes that are no gzip", request(), "gzip", status.INTERNAL],
    ["a coding nobody reads", request(), "br", status.UNIMPLEMENTED],
    ["a bomb", gzipSync(Buffer.alloc(60_000_000)), "gzip", status.RESOURCE_EXHAUSTED],
    ["a gzip in a gzip", gzipSync(gzipSync(request())), "gzip", status.INVALID_ARGUMENT],
  ])("%s as a message is answered as gRPC has it, and the next question is answered", async (_name, bytes, encoding, expected) => {
    expect(await wire(bytes, encoding)).toBe(expected);
    await expectSound();
  });

  test("a message larger than allowed is refused", async () => {
    expect((await call("ModelInfer", new Uint8Array(maxBody + 1))).code).toBe(status.RESOURCE_EXHAUSTED);
    await expectSound();
  });

  test("whatever the bytes, to whatever method, the server answers and lives", async () => {
    const methods = ["ModelInfer", "ModelMetadata", "ModelConfig", "ModelStatistics", "RepositoryIndex", "ModelReady", "TraceSetting", "LogSettings"];
    const own = request();
    const damaged = fc.tuple(fc.nat(own.length - 1), fc.nat(255)).map(([at, byte]) => {
      const bytes = Buffer.from(own);
      bytes[at] = byte;
      return new Uint8Array(bytes);
    });
    const allowed: number[] = [status.OK, status.INVALID_ARGUMENT, status.NOT_FOUND, status.UNIMPLEMENTED];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...methods), fc.oneof(fc.uint8Array({ maxLength: 100 }), damaged), async (method, bytes) => {
        const { code, text } = await call(method, bytes);
        expect(allowed, text).toContain(code);
      }),
      { numRuns: 400 },
    );
    await expectSound();
  });

  test("bytes that are not HTTP/2 close their connection and nothing else", async () => {
    const { connect } = await import("node:net");
    for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "\0".repeat(1000), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\xff".repeat(100)]) {
      const socket = connect(world.grpcPort, "127.0.0.1");
      socket.on("error", () => {});
      const closed = new Promise((resolve) => socket.on("close", resolve));
      socket.resume().end(bytes, "latin1");
      await closed;
    }
    expect((await call("ModelInfer", request())).code).toBe(status.OK);
  });
});
