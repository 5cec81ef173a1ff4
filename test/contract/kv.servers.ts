import { describe, expect, it } from "vitest";
import { openRedis } from "../../src/storage/kv/redis.ts";
import { keyValueContract } from "./kv-contract.ts";

const url = process.env["KARKHANA_TEST_REDIS_URL"];
if (url === undefined) throw new Error("KARKHANA_TEST_REDIS_URL is not set: run scripts/test-servers.sh <command>");
const base = `test-${process.pid}-${crypto.randomUUID().slice(0, 8)}`;
let opened = 0;
let current = "";

keyValueContract("redis", {
  open: () => {
    const prefix = `${base}-${opened++}`;
    if (current === "") current = prefix;
    return openRedis(url, { prefix });
  },
  reopen: async (store) => {
    await store.close();
    return openRedis(url, { prefix: current });
  },
});

describe("Redis alone", () => {
  it("stores of different prefixes do not see each other", async () => {
    const [a, b] = [await openRedis(url, { prefix: `${base}-a` }), await openRedis(url, { prefix: `${base}-b` })];
    await a.write({ puts: [{ key: Uint8Array.of(1), value: Uint8Array.of(1) }] });
    expect(await b.get(Uint8Array.of(1))).toBeUndefined();
    await a.close();
    await b.close();
  });

  it("a batch of more keys than one command takes is written whole", async () => {
    const store = await openRedis(url, { prefix: `${base}-large` });
    const puts = Array.from({ length: 12_001 }, (_, i) => ({ key: Buffer.from(String(i).padStart(6, "0")), value: Buffer.from(String(i)) }));
    await store.write({ puts });
    let count = 0;
    for await (const { value } of store.range(new Uint8Array(0), Uint8Array.of(255))) expect(Buffer.from(value).toString()).toBe(String(count++));
    expect(count).toBe(12_001);
    await store.close();
  });

  it("a server that is not there is named without its password", async () => {
    const error = await openRedis("redis://:secret@127.0.0.1:1", { prefix: "x" }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "STORAGE_UNREACHABLE" });
    expect(String(error)).not.toContain("secret");
  });
});
