import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { featureService } from "../../src/features/definition.ts";
import { createOnlineFeatures } from "../../src/features/online/online-features.ts";
import { isReleaseDue, releaseVectors } from "../../src/features/online/release-vectors.ts";
import { openMemoryStore } from "../../src/storage/kv/memory.ts";
import type { KeyValueStore } from "../../src/storage/kv/port.ts";
import { openRedis } from "../../src/storage/kv/redis.ts";
import { numSongs, vectorBatch, vectorBatches, vectorView } from "../failure/vector-rows.ts";

const url = process.env["KARKHANA_TEST_REDIS_URL"];
if (url === undefined) throw new Error("KARKHANA_TEST_REDIS_URL is not set: run this by scripts/test-servers.sh");

let redis: KeyValueStore;
beforeAll(async () => {
  redis = await openRedis(url, { prefix: `test-${randomUUID()}:` });
});
afterAll(() => redis.close());

test("over Redis the same vectors go as in memory, rows coming in meanwhile, and the answers stay", async () => {
  const memory = openMemoryStore();
  const [online, reference] = [redis, memory].map((store) => createOnlineFeatures({ store, views: [vectorView] })) as [
    ReturnType<typeof createOnlineFeatures>,
    ReturnType<typeof createOnlineFeatures>,
  ];
  for (let sequence = 0; sequence < vectorBatches; sequence++) {
    await reference.ingest("songs", vectorBatch(sequence), { producer: "p", sequence });
    const pushing = online.ingest("songs", vectorBatch(sequence), { producer: "p", sequence });
    if (sequence % 8 === 7) await releaseVectors({ store: redis, view: vectorView, nowUs: Number.MAX_SAFE_INTEGER });
    await pushing;
  }
  expect(await isReleaseDue({ store: memory, view: vectorView })).toBe(true);
  const [own, expected] = [
    await releaseVectors({ store: redis, view: vectorView, nowUs: Number.MAX_SAFE_INTEGER }),
    await releaseVectors({ store: memory, view: vectorView, nowUs: Number.MAX_SAFE_INTEGER }),
  ];
  expect(own!.kept).toBe(expected!.kept);
  expect(expected!.released).toBeGreaterThan(own!.released);
  const songs = Array.from({ length: numSongs }, (_, song) => ({ song }));
  const { newestEventUs } = await reference.counters("songs");
  const service = featureService("s", [vectorView.at({ song: "song" })]);
  const times = songs.map(() => newestEventUs!);
  const answers = await online.valuesReader(service)(times, songs);
  expect(answers).toEqual(await reference.valuesReader(service)(times, songs));
  expect(answers.flat().every(({ statuses }) => statuses[0] === "PRESENT")).toBe(true);
});
