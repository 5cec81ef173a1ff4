import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openDataFolder } from "./data-folder.ts";

const scratch = mkdtempSync(path.join(tmpdir(), "karkhana-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let made = 0;
const fresh = (): string => path.join(scratch, `data-${made++}`);

describe("the data folder", () => {
  it("is laid out on first opening, holds its format, and opens again", async () => {
    const root = path.join(fresh(), "deeper", ".karkhana");
    const folder = await openDataFolder(root);
    expect(JSON.parse(readFileSync(path.join(root, "format.json"), "utf8"))).toEqual({ format: 1 });
    expect(readdirSync(root).sort()).toEqual(["blobs", "format.json", "log", "offline", "online", "run"]);
    writeFileSync(folder.metaFile, "kept");
    expect(await openDataFolder(root)).toEqual(folder);
    expect(readFileSync(folder.metaFile, "utf8")).toBe("kept");
  });

  it("opens for many at once", async () => {
    const root = fresh();
    await Promise.all(Array.from({ length: 8 }, () => openDataFolder(root)));
    expect(readdirSync(root).sort()).toEqual(["blobs", "format.json", "log", "offline", "online", "run"]);
  });

  it("of a newer program is refused and left alone", async () => {
    const root = fresh();
    mkdirSync(root);
    writeFileSync(path.join(root, "format.json"), '{"format":2,"more":true}');
    await expect(openDataFolder(root)).rejects.toMatchObject({ code: "DATA_DIR_NEWER", message: expect.stringContaining("format 2") });
    expect(readdirSync(root)).toEqual(["format.json"]);
  });

  it.each(["", "{", "[]", '{"format":"1"}', '{"format":0}', '{"format":1.5}'])("with the format file %j is refused as damaged", async (text) => {
    const root = fresh();
    mkdirSync(root);
    writeFileSync(path.join(root, "format.json"), text);
    await expect(openDataFolder(root)).rejects.toMatchObject({ code: "STORAGE_CORRUPT" });
  });

  it("that holds only model files put there before the first start is taken", async () => {
    const root = fresh();
    mkdirSync(path.join(root, "models", "ranker", "1"), { recursive: true });
    expect((await openDataFolder(root)).root).toBe(root);
    expect(existsSync(path.join(root, "models", "ranker", "1"))).toBe(true);
  });

  it("that holds something else is refused and left alone", async () => {
    const root = fresh();
    mkdirSync(root);
    writeFileSync(path.join(root, "thesis.txt"), "mine");
    await expect(openDataFolder(root)).rejects.toMatchObject({ code: "DATA_DIR_REFUSED", message: expect.stringContaining("thesis.txt") });
    expect(readdirSync(root)).toEqual(["thesis.txt"]);
  });

  it("is opened after a start that was killed before it wrote the format", async () => {
    const root = fresh();
    mkdirSync(root);
    writeFileSync(path.join(root, ".starting-0f"), "{");
    await openDataFolder(root);
    expect(existsSync(path.join(root, "format.json"))).toBe(true);
  });

  it("that is a file, or lies under one, is refused with the reason", async () => {
    const file = fresh();
    writeFileSync(file, "");
    await expect(openDataFolder(file)).rejects.toMatchObject({ code: "DATA_DIR_REFUSED" });
    await expect(openDataFolder(path.join(file, "below"))).rejects.toMatchObject({ code: "DATA_DIR_REFUSED" });
  });

  // Root may write anywhere; /sys refuses everybody.
  it("that cannot be written is refused with the reason", async () => {
    const root = process.getuid?.() === 0 ? "/sys/karkhana" : fresh();
    if (root !== "/sys/karkhana") {
      mkdirSync(root);
      chmodSync(root, 0o500);
    }
    await expect(openDataFolder(root)).rejects.toMatchObject({ code: "DATA_DIR_REFUSED" });
  });
});
