import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BlobStore } from "../../src/storage/blobs/port.ts";

export interface BlobsUnderTest {
  /** A store with nothing in it. */
  open(): Promise<BlobStore>;
  close?(): Promise<void>;
}

const text = (value: string): Uint8Array => Buffer.from(value);
const digest = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");

async function* pieces(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield text(part);
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** What every blob store promises. */
export function blobContract(name: string, under: BlobsUnderTest): void {
  describe(`blobs: ${name}`, () => {
    let blobs: BlobStore;
    beforeAll(async () => {
      blobs = await under.open();
    });
    afterAll(async () => {
      await under.close?.();
    });

    it("a blob reads back as it was put, whole or in pieces, and put tells its size and hash", async () => {
      const data = Buffer.alloc(700_001, "karkhana");
      const info = await blobs.put("a/b/c.bin", data);
      expect(info).toEqual({ path: "a/b/c.bin", sizeBytes: data.length, sha256: digest(data) });
      expect(data.equals(await blobs.get("a/b/c.bin"))).toBe(true);
      expect(data.equals(await drain(await blobs.stream("a/b/c.bin")))).toBe(true);
      expect(await blobs.stat("a/b/c.bin")).toMatchObject({ path: "a/b/c.bin", sizeBytes: data.length });
    });

    it("a stream of pieces and an empty blob are kept", async () => {
      const info = await blobs.put("streamed", pieces("one ", "", "two"));
      expect(info).toEqual({ path: "streamed", sizeBytes: 7, sha256: digest(text("one two")) });
      expect(Buffer.from(await blobs.get("streamed")).toString()).toBe("one two");
      await blobs.put("empty", new Uint8Array(0));
      expect(await blobs.get("empty")).toHaveLength(0);
      expect(await drain(await blobs.stream("empty"))).toHaveLength(0);
    });

    it("pieces of any size and number are kept in their order", async () => {
      const sizes = [1, 0, 700_000, 3, ...Array.from({ length: 2500 }, (_, i) => i % 7), 512 * 1024, 2];
      const all = sizes.map((size, i) => Buffer.alloc(size, i % 251));
      const info = await blobs.put("in/pieces", Readable.from(all));
      expect(info.sha256).toBe(digest(Buffer.concat(all)));
      expect(Buffer.concat(all).equals(await blobs.get("in/pieces"))).toBe(true);
    });

    it("the hash is spared where nobody wants it", async () => {
      expect(await blobs.put("no-hash", pieces("one ", "two"), { hash: false })).toEqual({ path: "no-hash", sizeBytes: 7 });
      expect(Buffer.from(await blobs.get("no-hash")).toString()).toBe("one two");
    });

    it("an open blob is read from anywhere into a buffer of the reader's", async () => {
      await blobs.put("opened", text("0123456789"));
      const opened = await blobs.open("opened");
      const into = Buffer.alloc(4);
      expect(opened.sizeBytes).toBe(10);
      expect([await opened.read(into, 3), into.toString()]).toEqual([4, "3456"]);
      expect([await opened.read(into, 8), into.toString("utf8", 0, 2)]).toEqual([2, "89"]);
      expect(await opened.read(into, 10)).toBe(0);
      // Replaced meanwhile: what is open stays what it was.
      await blobs.put("opened", text("x"));
      expect([await opened.read(into, 0), into.toString()]).toEqual([4, "0123"]);
      await opened.close();
      await expect(blobs.open("absent")).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
      await expect(blobs.open("../x")).rejects.toMatchObject({ code: "BLOB_PATH_REFUSED" });
    });

    it("an absent blob, or a folder, is BLOB_NOT_FOUND, and stat says undefined", async () => {
      await blobs.put("folder/in", text("x"));
      for (const path of ["absent", "folder", "folder/in/deeper"]) {
        await expect(blobs.get(path)).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
        await expect(blobs.stream(path)).rejects.toMatchObject({ code: "BLOB_NOT_FOUND" });
        expect(await blobs.stat(path)).toBeUndefined();
      }
    });

    it("put replaces; of many at once on one path one is kept whole", async () => {
      await blobs.put("same", text("first"));
      await Promise.all(Array.from({ length: 8 }, (_, i) => blobs.put("same", Buffer.alloc(100_000, String(i)))));
      const kept = await blobs.get("same");
      expect(kept).toHaveLength(100_000);
      expect(new Set(kept).size).toBe(1);
    });

    it("a put whose source fails keeps what was there, and nothing of itself", async () => {
      await blobs.put("kept/old", text("old"));
      const failing = async function* (): AsyncGenerator<Uint8Array> {
        yield text("new");
        throw new Error("the source broke");
      };
      await expect(blobs.put("kept/old", failing())).rejects.toThrow("the source broke");
      await expect(blobs.put("never/there", failing())).rejects.toThrow("the source broke");
      expect(Buffer.from(await blobs.get("kept/old")).toString()).toBe("old");
      expect(await blobs.list("never")).toEqual([]);
    });

    it("list gives the direct children of a folder by name, and nothing for an absent one", async () => {
      await blobs.put("tree/b.txt", text("12"));
      await blobs.put("tree/a/deep/x", text("1"));
      await blobs.put("tree/c", text(""));
      expect(await blobs.list("tree")).toEqual([
        { path: "tree/a", isFolder: true, sizeBytes: 0 },
        { path: "tree/b.txt", isFolder: false, sizeBytes: 2 },
        { path: "tree/c", isFolder: false, sizeBytes: 0 },
      ]);
      expect((await blobs.list("")).map((entry) => entry.path)).toContain("tree");
      expect((await blobs.list("")).filter((entry) => entry.path.startsWith("."))).toEqual([]);
      expect(await blobs.list("tree/none")).toEqual([]);
    });

    it("delete removes a blob and the folders it leaves empty, and forgives an absent one", async () => {
      await blobs.put("gone/deep/x", text("1"));
      await blobs.put("gone/y", text("1"));
      await blobs.delete("gone/deep/x");
      await blobs.delete("gone/deep/x");
      expect((await blobs.list("gone")).map((entry) => entry.path)).toEqual(["gone/y"]);
      await blobs.delete("gone/y");
      expect((await blobs.list("")).map((entry) => entry.path)).not.toContain("gone");
      await blobs.put("gone/again", text("1"));
      expect(await blobs.get("gone/again")).toHaveLength(1);
    });

    it("puts beside deletes in the same folder all arrive", async () => {
      const work = Array.from({ length: 60 }, (_, i) =>
        i % 2 === 0 ? blobs.put(`busy/folder/${i}`, text("x")) : blobs.put("busy/folder/t", text("y")).then(() => blobs.delete("busy/folder/t")),
      );
      await Promise.all(work);
      const names = (await blobs.list("busy/folder")).map((entry) => entry.path).filter((path) => path !== "busy/folder/t");
      expect(names).toHaveLength(30);
    });

    it("names of any script, with spaces and dots, are kept", async () => {
      for (const path of ["ünï cödé/कारख़ाना.json", "..hidden/...", "ab:c", "-", "x".repeat(255)]) {
        await blobs.put(path, text(path));
        expect(Buffer.from(await blobs.get(path)).toString()).toBe(path);
      }
    });

    it.each([
      ["absolute", "/etc/passwd"],
      ["upward", "../x"],
      ["upward inside", "a/../../x"],
      ["here", "a/./b"],
      ["empty", ""],
      ["empty segment", "a//b"],
      ["trailing slash", "a/"],
      ["backslash", "a\\..\\x"],
      ["NUL", "a\u0000b"],
      ["newline", "a\nb"],
      ["encoded dots", "%2e%2e/x"],
      ["encoded slash", "a%2Fb"],
      ["encoded NUL", "a%00"],
      ["drive", "C:/x"],
      ["lone surrogate", "a\ud800"],
      ["too long a segment", "x".repeat(256)],
      ["too long", "x/".repeat(2000) + "x"],
    ])("a path that is %s is refused by every call", async (_title, path) => {
      const refusal = { code: "BLOB_PATH_REFUSED" };
      await expect(blobs.put(path, text("x"))).rejects.toMatchObject(refusal);
      await expect(blobs.get(path)).rejects.toMatchObject(refusal);
      await expect(blobs.stream(path)).rejects.toMatchObject(refusal);
      await expect(blobs.stat(path)).rejects.toMatchObject(refusal);
      await expect(blobs.delete(path)).rejects.toMatchObject(refusal);
      // The empty path is the root, which only list takes.
      await expect(blobs.list(path || "/")).rejects.toMatchObject(refusal);
    });
  });
}
