import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { readFeedback } from "../../src/feedback/log.ts";
import { seededRng } from "../../src/kernel/rng.ts";

const child = path.join(import.meta.dirname, "logs-kept.child.ts");
const kills = 12;

/** Lets the child work until it dropped something, and then kills it at any moment. */
async function run(folder: string, next: readonly number[], afterMs: number): Promise<{ readonly next: readonly number[]; readonly dropped: number }> {
  const work = spawn(process.execPath, [child, folder, JSON.stringify(next)], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  let armed = false;
  work.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (armed || !output.includes("dropped")) return;
    armed = true;
    setTimeout(() => work.kill("SIGKILL"), afterMs);
  });
  const signal = await new Promise<NodeJS.Signals | null>((resolve, reject) => {
    work.on("error", reject);
    work.on("close", (_, by) => resolve(by));
  });
  expect(signal).toBe("SIGKILL");
  const lines = output
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as number[] | "dropped");
  return { next: lines.findLast((line) => line !== "dropped") as number[], dropped: lines.filter((line) => line === "dropped").length };
}

it("killed while segments are dropped: what was acknowledged last is there, only the oldest are gone, and every place keeps its record", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "karkhana-logs-kept-"));
  const rng = seededRng("kills");
  const places = new Map<number, string>();
  let next: readonly number[] = [0, 0];
  let dropped = 0;
  let gone = 0;
  for (let kill = 0; kill < kills; kill++) {
    const done = await run(folder, next, rng.int(40));
    dropped += done.dropped;
    const reader = await readFeedback(folder);
    const kept = done.next.map((): number[] => []);
    const found = await reader.predictions(0, 1_000_000);
    for (const { offset, record } of found) {
      expect(places.get(offset) ?? record.id).toBe(record.id);
      places.set(offset, record.id);
      const [writer, sequence] = record.id.split("/").map(Number) as [number, number];
      kept[writer]!.push(sequence);
    }
    expect((await reader.ends()).predictions).toBe(found.at(-1)!.offset + 1);
    await reader.close();
    next = kept.map((sequences, writer) => {
      expect(sequences).toEqual(Array.from({ length: sequences.length }, (_, i) => sequences[0]! + i));
      gone = Math.max(gone, sequences[0]!);
      // The batch under way may be there too, whole or in part.
      expect(sequences.at(-1)! + 1).toBeGreaterThanOrEqual(done.next[writer]!);
      expect(sequences.at(-1)! + 1).toBeLessThanOrEqual(done.next[writer]! + 5);
      return sequences.at(-1)! + 1;
    });
  }
  expect(dropped).toBeGreaterThanOrEqual(kills);
  expect(gone).toBeGreaterThan(0);
  expect(new Set(places.values()).size).toBe(places.size);
  await rm(folder, { recursive: true });
});
