import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { openFileBlobs } from "../../src/storage/blobs/files.ts";
import { blobContract } from "./blob-contract.ts";
import { startChild } from "./child.ts";
import { scratchFolder } from "./scratch-folder.ts";

const scratch = scratchFolder();
let opened = 0;
const fresh = (): string => path.join(scratch, `blobs-${opened++}`);

blobContract("files", { open: () => openFileBlobs(fresh()) });

describe("blobs in files", () => {
  it("symbolic links that leave the root are not followed, by any call", async () => {
    const root = fresh();
    const outside = fresh();
    mkdirSync(outside);
    writeFileSync(path.join(outside, "secret"), "secret");
    const blobs = await openFileBlobs(root);
    symlinkSync(outside, path.join(root, "out"));
    symlinkSync(path.join(outside, "secret"), path.join(root, "file"));
    symlinkSync(path.join(outside, "not-yet"), path.join(root, "dangling"));
    const refusal = { code: "BLOB_PATH_REFUSED" };
    for (const blob of ["out/secret", "file", "dangling"]) {
      await expect(blobs.get(blob)).rejects.toMatchObject(refusal);
      await expect(blobs.stat(blob)).rejects.toMatchObject(refusal);
      await expect(blobs.put(blob, Buffer.from("x"))).rejects.toMatchObject(refusal);
      await expect(blobs.delete(blob)).rejects.toMatchObject(refusal);
    }
    await expect(blobs.put("out/new/file", Buffer.from("x"))).rejects.toMatchObject(refusal);
    await expect(blobs.list("out")).rejects.toMatchObject(refusal);
    expect(await blobs.list("")).toEqual([]);
    expect(readdirSync(outside)).toEqual(["secret"]);
    expect(readFileSync(path.join(outside, "secret"), "utf8")).toBe("secret");
  });

  it("a root that is itself reached through a link works", async () => {
    const real = fresh();
    mkdirSync(real);
    const link = fresh();
    symlinkSync(real, link);
    const blobs = await openFileBlobs(link);
    await blobs.put("a/b", Buffer.from("x"));
    expect(readFileSync(path.join(real, "a", "b"), "utf8")).toBe("x");
  });

  it("a blob where a folder is, or a folder where a blob is, is refused and changes nothing", async () => {
    const blobs = await openFileBlobs(fresh());
    await blobs.put("a/b", Buffer.from("x"));
    await expect(blobs.put("a", Buffer.from("y"))).rejects.toMatchObject({ code: "BLOB_PATH_REFUSED" });
    await expect(blobs.put("a/b/c", Buffer.from("y"))).rejects.toMatchObject({ code: "BLOB_PATH_REFUSED" });
    await blobs.delete("a");
    expect(Buffer.from(await blobs.get("a/b")).toString()).toBe("x");
  });

  it("the folder of unfinished blobs cannot be named", async () => {
    const blobs = await openFileBlobs(fresh());
    await expect(blobs.get(".unfinished/x")).rejects.toMatchObject({ code: "BLOB_PATH_REFUSED" });
  });

  it("kill -9 while putting: every blob there is whole, every acknowledged one is there, and the next opening sweeps the rest", async () => {
    const root = fresh();
    const child = startChild("blob-writer.ts", [root]);
    await child.lines(20);
    const acknowledged = await child.kill();
    const blobs = await openFileBlobs(root);
    const found = new Set<string>();
    for (const { path: blob } of await blobs.list("w")) {
      const bytes = await blobs.get(blob);
      expect(bytes).toHaveLength(300_000);
      expect(new Set(bytes).size).toBe(1);
      found.add(blob);
    }
    expect(acknowledged.filter((blob) => !found.has(blob))).toEqual([]);
    expect(readdirSync(path.join(root, ".unfinished"))).toEqual([]);
  });

  it("a root that cannot be made is refused with the reason", async () => {
    const file = fresh();
    writeFileSync(file, "");
    await expect(openFileBlobs(path.join(file, "x"))).rejects.toMatchObject({ code: "DATA_DIR_REFUSED" });
    expect(existsSync(path.join(file, "x"))).toBe(false);
  });
});
