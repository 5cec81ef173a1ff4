import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockFolder } from "./folder-lock.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a lock that is held is refused with its owner, and is free again once released", () => {
  const file = path.join(folder, "a.lock");
  const lock = lockFolder(file);
  expect(() => lockFolder(file)).toThrow(expect.objectContaining({ code: "FOLDER_LOCKED", details: { path: file, owner: `process ${process.pid}` } }));
  lock.release();
  lockFolder(file).release();
});

test.each([
  ["a folder that is not there", (file: string) => path.join(file, "none", "a.lock")],
  [
    "a folder of the lock's name",
    (file: string) => {
      mkdirSync(file);
      return file;
    },
  ],
  [
    "a file of somebody else",
    (file: string) => {
      writeFileSync(file, "x".repeat(5000));
      return file;
    },
  ],
])("%s is told as what it is, not as somebody holding the lock, and is left as it was", (_title, make) => {
  const file = make(path.join(folder, "a.lock"));
  expect(() => lockFolder(file)).toThrow(expect.objectContaining({ code: "STORAGE_WRITE_FAILED" }));
  expect(() => lockFolder(file)).toThrow(file);
});

test("a lock is taken even where its owner's name cannot be written, and says so when it refuses", () => {
  const file = path.join(folder, "a.lock");
  mkdirSync(`${file}.owner`);
  const lock = lockFolder(file);
  expect(() => lockFolder(file)).toThrow(expect.objectContaining({ code: "FOLDER_LOCKED", details: { path: file, owner: "an unknown process" } }));
  lock.release();
  expect(() => readFileSync(`${file}.owner`)).toThrow("EISDIR");
  lockFolder(file).release();
});
