import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { openLmdb } from "../../storage/kv/lmdb.ts";
import { naiveVector } from "../naive.ts";
import { minute, trips, tripService, tripViews } from "../test-streams.ts";
import { batchRows, killStream } from "./kill-writer.ts";
import { openLoggedFeatures } from "./logged-features.ts";
import { createOnlineFeatures } from "./online-features.ts";

/** Runs the writer, kills it once it has said so many lines; resolves with what it said. */
async function runWriter(folder: string, killAfter: number, ...more: string[]): Promise<string[]> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "kill-writer.ts"), folder, ...more], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  const ended = new Promise((resolve) => child.once("close", resolve));
  for await (const line of createInterface({ input: child.stdout })) if (lines.push(line) === killAfter) child.kill("SIGKILL");
  await ended;
  return lines;
}

test.each([1, 7])(
  "a writer with %i batches under way, killed at any moment and started over: every acknowledged batch is there, each counts once",
  async (underWay) => {
    const folder = mkdtempSync(path.join(tmpdir(), "karkhana-kill-"));
    try {
      let acknowledged = 0;
      for (const killAfter of [7, 23, 58]) {
        const lines = await runWriter(folder, killAfter, "", "", String(underWay));
        // What was said to be applied before is not applied again.
        for (const line of lines.slice(0, acknowledged)) expect(line).toMatch(/ false$/);
        acknowledged = Math.max(acknowledged, lines.length);
      }
      expect(acknowledged).toBeGreaterThanOrEqual(58);
      const last = await runWriter(folder, Number.POSITIVE_INFINITY, "", "", String(underWay));
      const rows = killStream();
      expect(last).toHaveLength(rows.length / batchRows);
      expect(last.at(-1)).toMatch(/ true$/);
      await expectAll(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test("two writers in two processes at once, one of them killed and started over: every batch of both counts once", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-writers-"));
  try {
    const [even, odd] = await Promise.all([runWriter(folder, Number.POSITIVE_INFINITY, "0", "", "5"), runWriter(folder, 20, "1")]);
    expect([even.length, odd.length >= 20]).toEqual([killStream().length / batchRows / 2, true]);
    await runWriter(folder, Number.POSITIVE_INFINITY, "1");
    await expectAll(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([1, 7])(
  "a process that logs and applies, %i batches under way, killed between any two of its lines: the log alone gives the same state, each batch once",
  async (underWay) => {
    const folder = mkdtempSync(path.join(tmpdir(), "karkhana-kill-log-"));
    const [state, log] = [path.join(folder, "state"), path.join(folder, "log")];
    try {
      let acknowledged = 0;
      for (const killAfter of [3, 17, 40, 41, 66]) {
        const lines = await runWriter(state, killAfter, "", log, String(underWay));
        for (const line of lines.slice(0, acknowledged)) expect(line).toMatch(/ false$/);
        acknowledged = Math.max(acknowledged, lines.length);
      }
      expect(await runWriter(state, Number.POSITIVE_INFINITY, "", log, String(underWay))).toHaveLength(killStream().length / batchRows);
      await expectAll(state);
      // The log holds each batch once, and is enough.
      rmSync(state, { recursive: true });
      const store = openLmdb(state);
      const rebuilt = await openLoggedFeatures({
        online: createOnlineFeatures({ store, views: tripViews }),
        sources: [trips],
        folder: log,
        clock: { nowUs: () => 0 },
      });
      expect((await rebuilt.counters("trips")).rows).toBe(killStream().length);
      await rebuilt.close();
      await store.close();
      await expectAll(state);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

async function expectAll(folder: string): Promise<void> {
  const rows = killStream();
  const store = openLmdb(folder);
  const read = createOnlineFeatures({ store, views: tripViews }).reader(tripService);
  for (let m = 20; m < 190; m += 17) {
    const timeUs = 1_000_000 * minute + m * minute;
    const fields = { a: "12", b: "3", n: 1 };
    const out = new Float64Array(tripService.slots.length);
    await read(timeUs, fields, out, 0);
    const expected = new Float64Array(tripService.slots.length);
    naiveVector(tripService, () => rows, timeUs, fields, expected);
    expect([...out]).toEqual([...expected]);
  }
  await store.close();
}
