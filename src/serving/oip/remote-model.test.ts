import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ServableModel } from "../formats/model.ts";
import { openRemoteModel, type RemotePlan } from "./remote-model.ts";

const metadata = {
  name: "far",
  inputs: [{ name: "x", datatype: "FP64", shape: [-1, 2] }],
  outputs: [{ name: "y", datatype: "FP64", shape: [-1, 1] }],
};
let server: Server;
let plan: RemotePlan;
let model: ServableModel;
let answer: RequestListener;
beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.method === "GET") response.end(JSON.stringify(metadata));
    else request.resume().on("end", () => answer(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  plan = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, model: "far", version: "", timeoutMs: 30_000 };
  model = await openRemoteModel(plan);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const ask = async (from: ServableModel = model): Promise<unknown> =>
  (await from.predict([{ name: "x", datatype: "FP64", shape: [1, 2], data: Float64Array.of(1, 2) }]))[0]!.data;
const says =
  (output: object): RequestListener =>
  (_request, response) =>
    response.end(JSON.stringify({ outputs: [output] }));
const y = { name: "y", datatype: "FP64", shape: [1, 1], data: [0.5] };
const head = JSON.stringify({ outputs: [{ ...y, data: undefined, parameters: { binary_data_size: 8 } }] });
const binary = Buffer.concat([Buffer.from(head), Buffer.from(Float64Array.of(0.5).buffer)]);
const length = { "inference-header-content-length": String(head.length) };

test.each<[string, RequestListener]>([
  ["JSON", says(y)],
  ["bytes", (_request, response) => response.writeHead(200, length).end(binary)],
  ["bytes it packed unasked", (_request, response) => response.writeHead(200, { ...length, "content-encoding": "gzip" }).end(gzipSync(binary))],
])("an answer in %s is read", async (_name, listener) => {
  answer = listener;
  expect(await ask()).toEqual(Float64Array.of(0.5));
});

// What lies with that server is never told as the client's fault.
test.each<[string, RequestListener, string, RegExp]>([
  ["no JSON", (_request, response) => response.end("<html>"), "REMOTE_REFUSED", /its answer cannot be read/],
  ["an error in place of outputs", (_request, response) => response.end('{"error":"no"}'), "REMOTE_REFUSED", /cannot be read/],
  ["another output", says({ ...y, name: "z" }), "REMOTE_REFUSED", /did not answer output y/],
  ["another type than it declares", says({ ...y, datatype: "INT32", data: [1] }), "REMOTE_REFUSED", /output y came as INT32, its metadata says FP64/],
  ["less data than its shape says", says({ ...y, shape: [7, 1] }), "REMOTE_REFUSED", /7 elements/],
  [
    "a length beyond its body",
    (_request, response) => response.writeHead(200, { "inference-header-content-length": "9999" }).end(binary),
    "REMOTE_REFUSED",
    /9999/,
  ],
  ["500", (_request, response) => response.writeHead(500).end("boom"), "REMOTE_REFUSED", /500: boom/],
  ["503", (_request, response) => response.writeHead(503).end("busy"), "REMOTE_UNREACHABLE", /503/],
  ["a redirect", (_request, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(), "REMOTE_UNREACHABLE", /redirect/],
  ["a closed connection", (request) => request.socket.destroy(), "REMOTE_UNREACHABLE", /./],
  [
    "half an answer, then a closed connection",
    (request, response) => {
      response.writeHead(200, { ...length, "content-length": String(binary.length) });
      response.write(binary.subarray(0, 40), () => request.socket.destroy());
    },
    "REMOTE_UNREACHABLE",
    /./,
  ],
])("%s from that server is its failure, and the next question is asked", async (_name, listener, code, problem) => {
  answer = listener;
  await expect(ask()).rejects.toMatchObject({ code, message: expect.stringMatching(problem) });
  answer = says(y);
  expect(await ask()).toEqual(Float64Array.of(0.5));
});

test("a server that is silent, or never comes to an end, is given up on in its time", async () => {
  // Where this process is held up, it may miss the metadata too: then it asks again.
  let impatient: ServableModel | undefined;
  while (impatient === undefined) impatient = await openRemoteModel({ ...plan, timeoutMs: 300 }).catch(() => undefined);
  for (const listener of [() => undefined, (_request, response) => void response.writeHead(200, length).write("{")] satisfies RequestListener[]) {
    answer = listener;
    await expect(ask(impatient)).rejects.toMatchObject({ code: "REMOTE_UNREACHABLE", retryable: true });
  }
});
