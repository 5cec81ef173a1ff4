import { openLmdb } from "../../storage/kv/lmdb.ts";
import { seededRng } from "../../kernel/rng.ts";
import type { TimedRow } from "../naive.ts";
import { minute, trips, tripViews } from "../test-streams.ts";
import { openLoggedFeatures } from "./logged-features.ts";
import { createOnlineFeatures } from "./online-features.ts";

/** A process for a test to kill: pushes a fixed stream from its start, as a producer does that lost its place, and says what is applied. */
export const batchRows = 40;

export function killStream(): TimedRow[] {
  const rng = seededRng(21);
  return Array.from({ length: 4000 }, (_, i): TimedRow => {
    const at = 1_000_000 * minute + Math.floor(i / 40) * minute - rng.int(30) * minute;
    const told = at + rng.int(90) * minute;
    return {
      eventUs: at,
      knownUs: told,
      values: { at, told, a: ["1", "12", "23"][rng.int(3)]!, b: "3", n: rng.int(2), amount: rng.int(1000) / 8, delay: rng.int(60), ok: rng.int(2) === 1 },
    };
  });
}

if (process.argv[1] === import.meta.filename) {
  const [, , folder, half, logFolder = "", underWay = "1"] = process.argv;
  const state = createOnlineFeatures({ store: openLmdb(folder!), views: tripViews });
  const online =
    logFolder === "" ? state : await openLoggedFeatures({ online: state, sources: [trips], folder: logFolder, clock: { nowUs: () => 1_000_000 * minute } });
  const rows = killStream();
  // One of two writers at once takes every second batch.
  const [first, step] = half === undefined || half === "" ? [0, 1] : [Number(half), 2];
  const waiting: Promise<string>[] = [];
  for (let sequence = first; sequence * batchRows < rows.length; sequence += step) {
    // No row ids: only the producer's sequence keeps a batch from counting twice.
    const result = online.ingest(
      "trips",
      rows.slice(sequence * batchRows, (sequence + 1) * batchRows).map((row) => row.values),
      { producer: `p${half ?? ""}`, sequence },
    );
    waiting.push(result.then(({ applied }) => `${sequence} ${applied}\n`));
    if (waiting.length === Number(underWay)) process.stdout.write(await waiting.shift()!);
  }
  for (const line of waiting) process.stdout.write(await line);
  process.exit(0);
}
