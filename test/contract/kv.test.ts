import path from "node:path";
import { describe, expect, it } from "vitest";
import { openLmdb } from "../../src/storage/kv/lmdb.ts";
import { openMemoryStore } from "../../src/storage/kv/memory.ts";
import { startChild } from "./child.ts";
import { keyValueContract } from "./kv-contract.ts";
import { scratchFolder } from "./scratch-folder.ts";

const scratch = scratchFolder();
let opened = 0;
let current = "";

keyValueContract("memory", { open: async () => openMemoryStore() });

keyValueContract("lmdb", {
  open: async () => {
    const folder = path.join(scratch, `kv.${opened++}`);
    if (current === "") current = folder;
    return openLmdb(folder);
  },
  reopen: async (store) => {
    await store.close();
    return openLmdb(current);
  },
});

describe("LMDB between processes", () => {
  const folder = path.join(scratch, "shared");

  it("what another process wrote is seen as soon as it says so, and survives its kill -9", async () => {
    const store = openLmdb(folder);
    const key = Buffer.from("n");
    const child = startChild("kv-writer.ts", [folder]);
    for (let wanted = 1; wanted <= 200; wanted++) {
      const [said] = await child.lines(1);
      const seen = Buffer.from((await store.get(key)) ?? []).toString();
      expect(Number(seen)).toBeGreaterThanOrEqual(Number(said));
    }
    const acknowledged = await child.kill();
    await store.close();
    const again = openLmdb(folder);
    expect(Number(Buffer.from((await again.get(key)) ?? []).toString())).toBeGreaterThanOrEqual(Number(acknowledged.at(-1)));
    await again.close();
  });

  it("a file where the folder should be is refused with a clear error", () => {
    expect(() => openLmdb(path.join(folder, "data.mdb"))).toThrow(expect.objectContaining({ code: "STORAGE_CORRUPT" }));
  });
});
