import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { featureService } from "../../src/features/definition.ts";
import { createOnlineFeatures, defaultSlackUs } from "../../src/features/online/online-features.ts";
import { releaseVectors } from "../../src/features/online/release-vectors.ts";
import { MICROS_PER_HOUR } from "../../src/kernel/time.ts";
import { openLmdb } from "../../src/storage/kv/lmdb.ts";
import { openMemoryStore } from "../../src/storage/kv/memory.ts";
import type { KeyValueStore } from "../../src/storage/kv/port.ts";
import { numSongs, vectorBatch, vectorBatches, vectorView } from "./vector-rows.ts";

const service = featureService("s", [vectorView.at({ song: "song" })]);

async function runUntil(folder: string, lines: number): Promise<number> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "children/vector-writer.ts"), folder], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  let seen = 0;
  for await (const _ of createInterface({ input: child.stdout })) if (++seen === lines) child.kill("SIGKILL");
  await ended;
  return seen;
}

async function vectorKeys(store: KeyValueStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.range(Buffer.from("fe"), Buffer.from("ff"))) keys.push(Buffer.from(key).toString("hex"));
  return keys;
}

test("killed again and again while vectors are pushed and replaced ones removed: no answer is lost, and nothing stays that should have gone", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-vectors-killed-"));
  try {
    for (const lines of [3, 12, 31, 32, 57]) expect(await runUntil(folder, lines)).toBeGreaterThanOrEqual(lines);
    expect(await runUntil(folder, Number.POSITIVE_INFINITY)).toBe(2 * vectorBatches);
    const [store, whole] = [openLmdb(folder), openMemoryStore()];
    const [online, reference] = [createOnlineFeatures({ store, views: [vectorView] }), createOnlineFeatures({ store: whole, views: [vectorView] })];
    for (let sequence = 0; sequence < vectorBatches; sequence++) await reference.ingest("songs", vectorBatch(sequence), { producer: "p", sequence });
    const { newestEventUs } = await reference.counters("songs");
    const songs = Array.from({ length: numSongs }, (_, song) => ({ song }));
    for (let hours = 0; hours <= 60; hours += 5) {
      const times = songs.map(() => newestEventUs! - defaultSlackUs + hours * MICROS_PER_HOUR);
      const [own, expected] = [await online.valuesReader(service)(times, songs), await reference.valuesReader(service)(times, songs)];
      expect(own).toEqual(expected);
      expect(expected.flat().every(({ values }) => Array.isArray(values[0]) && values[0].length === 16)).toBe(true);
    }
    const all = await vectorKeys(whole);
    await releaseVectors({ store: whole, view: vectorView, nowUs: Number.MAX_SAFE_INTEGER });
    expect(await vectorKeys(store)).toEqual(await vectorKeys(whole));
    expect((await vectorKeys(store)).length).toBeLessThan(all.length / 2);
    await store.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
