import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll } from "vitest";

/** A folder of this test file's own, removed when its tests are over. */
export function scratchFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
