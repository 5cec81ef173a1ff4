import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDataFolder } from "../storage/data-folder.ts";
import { removeLeftovers, tempFolderOf } from "./leftovers.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "karkhana-leftovers-"));
});
afterEach(() => rmSync(root, { recursive: true }));

test("spilled sorts and half-written training sets of killed processes go; finished training sets and everything else stay", async () => {
  const folder = await openDataFolder(path.join(root, "data"));
  mkdirSync(path.join(tempFolderOf(folder), "instance"), { recursive: true });
  writeFileSync(path.join(tempFolderOf(folder), "instance", "duckdb_temp_storage_DEFAULT-0.tmp"), "x");
  writeFileSync(path.join(folder.offlineFolder, ".unfinished-7f3a"), "x");
  writeFileSync(path.join(folder.offlineFolder, "training-00ff.parquet"), "x");
  writeFileSync(path.join(folder.runFolder, "control.lock"), "");
  await removeLeftovers(folder);
  expect(readdirSync(folder.offlineFolder)).toEqual(["training-00ff.parquet"]);
  expect(existsSync(tempFolderOf(folder))).toBe(false);
  expect(readdirSync(folder.runFolder)).toEqual(["control.lock"]);
  // Nothing left is no harm.
  await removeLeftovers(folder);
});
