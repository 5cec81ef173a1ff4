/**
 * What a push costs, with the log of pushed rows and without: CPU of this process a push, and the longest that one turn of the event loop
 * takes meanwhile, which is what an answer may have to wait. Pushes come alone, and many at once.
 *   npm run bench -- pushes
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pushed } from "../src/data/source.ts";
import { entity, featureView, latest, window } from "../src/features/definition.ts";
import { openLoggedFeatures } from "../src/features/online/logged-features.ts";
import { createOnlineFeatures, type OnlineFeatures, type SourceRow } from "../src/features/online/online-features.ts";
import { defaultServingLimits } from "../src/serving/limits.ts";
import { readPushRequest } from "../src/serving/push-request.ts";
import { openLmdb } from "../src/storage/kv/lmdb.ts";

const sales = pushed("sales", {
  schema: { at: "timestamp", shop: "string", item: "string", amount: "float64", count: "int64", isNew: "boolean", note: "string", till: "int64" },
  eventTime: "at",
});
const features = { sold: window("1h").sum("count"), spent: window("1d").sum("amount"), last: latest("amount") };
const views = [
  featureView("by_shop", { entity: entity("shop", { keys: ["shop"] }), source: sales, on: { shop: "shop" }, ttl: "1d", features }),
  featureView("by_item", { entity: entity("item", { keys: ["item"] }), source: sales, on: { item: "item" }, ttl: "1d", features }),
];

const startUs = 1_767_225_600_000_000;

function rowsOf(push: number, count: number): SourceRow[] {
  return Array.from({ length: count }, (_, i) => {
    const n = push * count + i;
    return {
      at: startUs + n * 1000,
      shop: `shop ${n % 40}`,
      item: `item ${(n * 7919) % 500}`,
      amount: n / 8,
      count: n % 9,
      isNew: n % 2 === 0,
      note: `as agreed ${n}`,
      till: n % 12,
    };
  });
}

interface Cost {
  readonly cpuMs: number;
  readonly quartileMs: number;
  readonly medianMs: number;
}

/**
 * CPU of the pushes, and the longest turn of the event loop within each. Turns are taken by the clock: CPU time is counted in ticks longer
 * than they are. What else the machine does lengthens some, so the lower quartile over the pushes says what the code takes.
 */
async function cost(online: OnlineFeatures, bodies: readonly string[], first: number, atOnce: number, watches: boolean): Promise<Cost> {
  const longest: number[] = [];
  let [before, longestHere, isOver] = [performance.now(), 0, false];
  const turn = (): void => {
    const now = performance.now();
    longestHere = Math.max(longestHere, now - before);
    before = now;
    if (!isOver) setImmediate(turn);
  };
  const start = process.threadCpuUsage();
  if (watches) setImmediate(turn);
  for (let i = 0; i < bodies.length;) {
    await new Promise((resolve) => setImmediate(resolve));
    longestHere = 0;
    const waiting: Promise<unknown>[] = [];
    for (const end = Math.min(bodies.length, i + atOnce); i < end; i++) {
      const { rows } = readPushRequest(JSON.parse(bodies[i]!), defaultServingLimits);
      waiting.push(online.ingest("sales", rows, { producer: "bench", sequence: first + i }));
      // Each request comes in a turn of its own.
      if (atOnce > 1) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(waiting);
    longest.push(longestHere);
  }
  isOver = true;
  const end = process.threadCpuUsage();
  longest.sort((a, b) => a - b);
  const at = (share: number): number => longest[Math.floor(longest.length * share)] ?? 0;
  return { cpuMs: (end.user + end.system - start.user - start.system) / 1000 / bodies.length, quartileMs: at(0.25), medianMs: at(0.5) };
}

async function measure(withLog: boolean, rows: number, pushes: number, atOnce: number): Promise<Cost> {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-bench-pushes-"));
  const store = openLmdb(path.join(folder, "state"));
  const state = createOnlineFeatures({ store, views });
  const logged = withLog
    ? await openLoggedFeatures({ online: state, sources: [sales], folder: path.join(folder, "log"), clock: { nowUs: () => startUs } })
    : undefined;
  try {
    const bodies = Array.from({ length: 3 * pushes }, (_, i) =>
      JSON.stringify({
        producer: "bench",
        sequence: i,
        rows: rowsOf(i, rows).map((row, n) => (withLog ? row : { ...row, arrived: startUs, _row: i * rows + n })),
      }),
    );
    await cost(logged ?? state, bodies.slice(0, pushes), 0, atOnce, false);
    const { cpuMs } = await cost(logged ?? state, bodies.slice(pushes, 2 * pushes), pushes, atOnce, false);
    return { ...(await cost(logged ?? state, bodies.slice(2 * pushes), 2 * pushes, atOnce, true)), cpuMs };
  } finally {
    await logged?.close();
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

export async function run(): Promise<void> {
  for (const [rows, count, atOnce] of [
    [1, 600, 1],
    [100, 120, 1],
    [2000, 60, 1],
    [10, 3000, 100],
  ] as const) {
    for (const withLog of [false, true]) {
      const { cpuMs, quartileMs, medianMs } = await measure(withLog, rows, count, atOnce);
      console.log(
        `${rows} rows${atOnce === 1 ? "" : `, ${atOnce} pushes under way`}, ${withLog ? "with" : "without"} the log: ${cpuMs.toFixed(2)} ms of CPU a push; longest turn of the event loop ${quartileMs.toFixed(2)} ms (lower quartile), ${medianMs.toFixed(2)} ms (median)`,
      );
    }
  }
}
