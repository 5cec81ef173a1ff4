import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openLmdb } from "./lmdb.ts";

/** What the operating system says is free; the rest of it is the real one. */
const disk = vi.hoisted(() => ({ blocks: 1_000_000, free: 1_000_000 }));
vi.mock(import("node:fs"), async (original) => {
  const real = await original();
  const statfsSync = ((at: string) => Object.assign(real.statfsSync(at), { blocks: disk.blocks, bavail: disk.free, bsize: 4096 })) as typeof real.statfsSync;
  return { ...real, statfsSync };
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-full-"));
  Object.assign(disk, { blocks: 1_000_000, free: 1_000_000 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const put = (name: string, bytes: number): { key: Uint8Array; value: Uint8Array } => ({ key: Buffer.from(name), value: new Uint8Array(bytes) });

test("a batch that the disk may not hold is refused before LMDB sees it; reads go on, and so do writes once there is room", async () => {
  const store = openLmdb(folder);
  try {
    await store.write({ puts: [put("a", 10)] });
    disk.free = 1000;
    await expect(store.write({ puts: [put("b", 4_000_000)] })).rejects.toMatchObject({ code: "DISK_FULL", details: { path: folder } });
    expect(await store.get(Buffer.from("a"))).toHaveLength(10);
    expect(await store.get(Buffer.from("b"))).toBeUndefined();
    await store.write({ puts: [put("small", 10)] });
    disk.free = 1_000_000;
    await store.write({ puts: [put("b", 4_000_000)] });
    expect(await store.get(Buffer.from("b"))).toHaveLength(4_000_000);
  } finally {
    await store.close();
  }
});

test("a store on a full disk is not opened", () => {
  disk.free = 0;
  expect(() => openLmdb(folder)).toThrow(expect.objectContaining({ code: "DISK_FULL" }));
});

test("a file system that does not count its blocks is not taken for full", async () => {
  Object.assign(disk, { blocks: 0, free: 0 });
  const store = openLmdb(folder);
  await store.write({ puts: [put("a", 10)] });
  await store.close();
});
