import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { csv } from "../../src/data/source.ts";
import { entity, featureService, featureView, latest, window } from "../../src/features/definition.ts";
import { createOnlineFeatures, type OnlineFeatures } from "../../src/features/online/online-features.ts";
import { codeOf } from "../../src/kernel/error.ts";
import { openMemoryStore } from "../../src/storage/kv/memory.ts";
import type { KeyValueStore } from "../../src/storage/kv/port.ts";
import { openRedis } from "../../src/storage/kv/redis.ts";
import { freePort } from "../free-ports.ts";

/*
 * The Redis server is killed under the online features and started again on its own files (append-only, synced at every write): what was
 * acknowledged is there, what was refused is not or is taken when it is sent again, and nothing counts twice.
 */
const minute = 60_000_000;
const visits = csv("visits", { path: "visits.csv", schema: { at: "timestamp", who: "string", spent: "int64" }, eventTime: "at" });
const person = featureView("person", {
  entity: entity("person", { keys: ["who"] }),
  source: visits,
  on: { who: "who" },
  features: { visits: window("1d").count(), spent: window("1d").sum("spent"), last: latest("spent") },
});
const service = featureService("s", [person.at({ who: "who" })]);
const people = ["a", "b", "c", "d"];

const batch = (n: number) => Array.from({ length: 20 }, (_, i) => ({ _row: n * 20 + i, at: (n * 20 + i) * minute, who: people[i % 4]!, spent: n + i }));

describe("Redis goes away and comes back", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-redis-"));
  let port: number;
  let server: ChildProcess;
  let store: KeyValueStore;
  let online: OnlineFeatures;

  const start = async (): Promise<void> => {
    const files = ["--dir", folder, "--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    server = spawn("redis-server", ["--bind", "127.0.0.1", "--port", String(port), ...files], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: server.stdout! }).on("line", (line) => {
        if (line.includes("Ready to accept connections")) resolve();
      });
      server.once("exit", (status) => reject(new Error(`Redis ended with ${status}`)));
    });
  };
  /** An attempt to connect that was under way while the server came back may still fail, and commands with it. */
  const untilFound = async (): Promise<void> => {
    for (;;)
      try {
        await store.get(Buffer.from("nobody"));
        return;
      } catch (error) {
        expect(codeOf(error)).toBe("STORAGE_UNREACHABLE");
      }
  };
  const kill = async (): Promise<void> => {
    const gone = once(server, "exit");
    server.kill("SIGKILL");
    await gone;
  };

  beforeAll(async () => {
    port = await freePort();
    await start();
    store = await openRedis(`redis://127.0.0.1:${port}`, { prefix: "away" });
    online = createOnlineFeatures({ store, views: [person] });
  });
  afterAll(async () => {
    await store?.close();
    if (server?.exitCode === null) await kill();
    rmSync(folder, { recursive: true, force: true });
  });

  const read = async (from: OnlineFeatures, atUs: number): Promise<unknown> =>
    Promise.all(people.map(async (who) => (await from.valuesReader(service)([atUs], [{ who }]))[0]![0]!.values));

  test("refused while it is away, with a code that says so; after it every batch counts once, as in a store that never went away", async () => {
    const reference = createOnlineFeatures({ store: openMemoryStore(), views: [person] });
    const refusals: unknown[] = [];
    for (let n = 0; n < 12; n++) {
      await reference.ingest("visits", batch(n), { producer: "p", sequence: n });
      const push = (): Promise<unknown> => online.ingest("visits", batch(n), { producer: "p", sequence: n });
      if (n % 4 !== 3) {
        await push();
        continue;
      }
      // In flight when the server dies: taken or not, its sender cannot know.
      const dying = push().catch((error: unknown) => void refusals.push(error));
      await kill();
      await dying;
      await push().catch((error: unknown) => refusals.push(error));
      await read(online, 300 * minute).catch((error: unknown) => refusals.push(error));
      await start();
      await untilFound();
      await push();
    }
    // While it was away a push and a read were refused, each time.
    expect(refusals.length).toBeGreaterThanOrEqual(6);
    expect(new Set(refusals.map(codeOf))).toEqual(new Set(["STORAGE_UNREACHABLE"]));
    for (const atUs of [100 * minute, 239 * minute, 300 * minute, 1600 * minute]) expect(await read(online, atUs)).toEqual(await read(reference, atUs));
    expect((await online.counters("visits")).rows).toBe(240);
  });
});
