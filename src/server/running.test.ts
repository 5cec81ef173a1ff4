import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { forgetRunning, readRunning, writeRunning } from "./running.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-running-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const running = { pid: process.pid, controlUrl: "http://127.0.0.1:1", servingUrl: "http://127.0.0.1:2" };

test("what runs is read as it was written, until it is forgotten", () => {
  expect(readRunning(folder)).toBeUndefined();
  writeRunning(folder, running);
  expect(readRunning(folder)).toEqual(running);
  forgetRunning(folder);
  expect(readRunning(folder)).toBeUndefined();
});

test("half a file is no supervisor", () => {
  mkdirSync(path.join(folder, "run"));
  writeFileSync(path.join(folder, "run", "running.json"), JSON.stringify(running).slice(0, 20));
  expect(readRunning(folder)).toBeUndefined();
});

test.runIf(existsSync("/dev/full"))("a full disk is told as that, and what was written before stays", () => {
  writeRunning(folder, running);
  symlinkSync("/dev/full", path.join(folder, "run", "running.json.tmp"));
  expect(() => writeRunning(folder, { ...running, controlUrl: "another" })).toThrow(expect.objectContaining({ code: "DISK_FULL" }));
  expect(readRunning(folder)).toEqual(running);
});
