import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fastify, type FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openFileBlobs } from "../../storage/blobs/files.ts";
import type { BlobStore } from "../../storage/blobs/port.ts";
import { bodyOf } from "./body-stream.ts";
import { byteRange } from "./byte-range.ts";
import { readStream } from "./mlflow-request.ts";
import { sendBlob } from "./send-blob.ts";

const folder = mkdtempSync(path.join(tmpdir(), "karkhana-send-blob-"));
const open = { blobs: 0 };
let app: FastifyInstance;
let url = "";

/** A store that counts what is open. */
function counted(blobs: BlobStore): BlobStore {
  return {
    ...blobs,
    open: async (blob) => {
      const opened = await blobs.open(blob);
      open.blobs++;
      return {
        ...opened,
        close: async () => {
          open.blobs--;
          await opened.close();
        },
      };
    },
  };
}

beforeAll(async () => {
  const blobs = counted(await openFileBlobs(folder));
  app = fastify();
  readStream(app);
  app.put<{ Params: { name: string } }>("/:name", (request) => blobs.put(request.params.name, bodyOf(request)));
  app.get<{ Params: { name: string } }>("/:name", async (request, reply) => {
    void reply.header("x-of", "the route");
    return sendBlob(request, reply, await blobs.open(request.params.name), (size) => byteRange(request.headers.range, size));
  });
  url = await app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());
/** No two of its 4 kB blocks are alike, nor those of another seed. */
function content(bytes: number, seed: number): Buffer {
  const data = Buffer.alloc(bytes, seed);
  for (let at = 0; at + 4 <= bytes; at += 4096) data.writeUInt32LE(at + seed, at);
  return data;
}
const put = async (name: string, body: Buffer): Promise<void> => {
  const { status } = await fetch(`${url}/${name}`, { method: "PUT", body: new Uint8Array(body), headers: { "content-type": "application/octet-stream" } });
  expect(status).toBe(200);
};

it.each([0, 1, 512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1, 9_000_001])("%i bytes come back as they were sent", async (size) => {
  const data = content(size, 7);
  await put(`size-${size}`, data);
  const response = await fetch(`${url}/size-${size}`);
  expect(response.headers.get("content-length")).toBe(String(size));
  expect(response.headers.get("x-of")).toBe("the route");
  expect(data.equals(await bytesOf(response))).toBe(true);
  await expect.poll(() => open.blobs).toBe(0);
});

it("of a part, that part comes; of one beyond the end, a refusal and nothing stays open", async () => {
  const data = content(2_000_000, 1);
  await put("part", data);
  const response = await fetch(`${url}/part`, { headers: { range: "bytes=600000-1700000" } });
  expect([response.status, response.headers.get("content-range")]).toEqual([206, "bytes 600000-1700000/2000000"]);
  expect(data.subarray(600_000, 1_700_001).equals(await bytesOf(response))).toBe(true);
  const refused = await fetch(`${url}/part`, { headers: { range: "bytes=2000000-" } });
  expect(refused.status).not.toBe(206);
  await refused.arrayBuffer();
  await expect.poll(() => open.blobs).toBe(0);
});

it("asked for the head, only that is sent", async () => {
  await put("head", content(700_000, 2));
  const response = await fetch(`${url}/head`, { method: "HEAD" });
  expect([response.status, response.headers.get("content-length")]).toEqual([200, "700000"]);
  expect((await bytesOf(response)).length).toBe(0);
  await expect.poll(() => open.blobs).toBe(0);
});

it("many downloads at once each get their own bytes", async () => {
  const seeds = Array.from({ length: 12 }, (_, i) => i + 10);
  await Promise.all(seeds.map((seed) => put(`own-${seed}`, content(3_000_000 + seed, seed))));
  const rounds = await Promise.all(
    [...seeds, ...seeds].map(async (seed) => content(3_000_000 + seed, seed).equals(await bytesOf(await fetch(`${url}/own-${seed}`)))),
  );
  expect(rounds).toEqual(rounds.map(() => true));
  expect(rounds).toHaveLength(24);
});

it("a client that goes away in the middle leaves nothing open, and the next one gets all", async () => {
  const data = content(30_000_000, 3);
  await put("away", data);
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write("GET /away HTTP/1.1\r\nhost: x\r\n\r\n");
  await new Promise((resolve) => socket.once("data", resolve));
  expect(open.blobs).toBe(1);
  socket.destroy();
  await expect.poll(() => open.blobs).toBe(0);
  expect(data.equals(await bytesOf(await fetch(`${url}/away`)))).toBe(true);
});
