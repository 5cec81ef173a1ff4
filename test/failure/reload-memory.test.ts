import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
/** Thousands by KARKHANA_RELOADS; a run of the suite makes do with hundreds. */
const reloads = Number(process.env["KARKHANA_RELOADS"] ?? 300);

async function heldMb(kind: "keep" | "leak"): Promise<number[]> {
  const child = path.join(import.meta.dirname, "children", "reload-models.ts");
  const { stdout } = await run(process.execPath, ["--expose-gc", child, String(reloads), kind]);
  return (JSON.parse(stdout) as { held: number[] }).held;
}

/** Between the second tenth, when everything is warm, and the last; megabytes a thousand reloads. */
function growth(held: readonly number[]): number {
  return ((held.at(-1)! - held[1]!) / (reloads * 0.8)) * 1000;
}

test("memory stays flat over reloads, and a loader that lets nothing go would be seen", async () => {
  const kept = await heldMb("keep");
  const leaked = await heldMb("leak");
  expect(kept.length).toBe(10);
  // A version is 150 kB of file and more in memory: keeping them would be over 100 MB a thousand.
  expect(growth(kept)).toBeLessThan(15);
  expect(growth(leaked)).toBeGreaterThan(50);
});
