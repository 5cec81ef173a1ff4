import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { registerDataset } from "../../data/register.ts";
import { relationOf } from "../../data/relation.ts";
import { jsonLines } from "../../data/source.ts";
import { openDuckDb } from "../../storage/duckdb/duckdb.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import { embedding, entity, featureService, featureView } from "../definition.ts";
import { offlineVectors } from "../offline/vectors.ts";
import { materialize } from "../online/materialize.ts";
import { createOnlineFeatures } from "../online/online-features.ts";
import { nearestOffline } from "./offline.ts";
import { ViewIndex } from "./view-index.ts";
import { writeFile } from "node:fs/promises";
import { openSqlite } from "../../storage/sql/sqlite.ts";
import { migrate } from "../../storage/sql/migrate.ts";
import { dataMigrations } from "../../data/store.ts";
import { openFileBlobs } from "../../storage/blobs/files.ts";
import { ManualClock } from "../../kernel/clock.ts";

test.each(["parquet", "json"] as const)("vectors in a %s file are loaded online and found as the file says", async (format) => {
  const folder = await mkdtemp(path.join(tmpdir(), "karkhana-vectors-"));
  const duck = await openDuckDb({ threads: 1 });
  const database = await openSqlite(path.join(folder, "meta.db"));
  try {
    await migrate(database, dataMigrations);
    const source = {
      ...jsonLines("songs", { path: `songs.${format}`, schema: { at: "timestamp", song: "string", sound: "float32[3]" }, eventTime: "at" }),
      format,
    };
    const lines = Array.from({ length: 50 }, (_, i) => ({
      at: `2024-01-01T00:00:${String(i).padStart(2, "0")}Z`,
      song: `s${i % 20}`,
      sound: i === 49 ? [1] : i === 48 ? null : [Math.sin(i) / 3, Math.cos(i), i / 7],
    }));
    const json = path.join(folder, "songs.json");
    await writeFile(json, lines.map((line) => JSON.stringify(line)).join("\n"));
    if (format === "parquet")
      await duck.run(
        `COPY (SELECT CAST("at" AS TIMESTAMP) AS "at", song, CAST(sound AS DOUBLE[]) AS sound FROM read_json('${json}')) TO '${path.join(folder, "songs.parquet")}' (FORMAT parquet)`,
      );
    const view = featureView("song", {
      entity: entity("song", { keys: ["song"] }),
      source,
      on: { song: "song" },
      features: { sound: embedding("sound", { dimensions: 3, metric: "cosine", asModelInput: true }) },
    });
    const version = await registerDataset(source, {
      projectFolder: folder,
      duck,
      blobs: await openFileBlobs(path.join(folder, "blobs")),
      database,
      clock: new ManualClock(0),
    });
    expect([version.status, version.numQuarantined]).toEqual(["accepted", 0]);
    const relation = relationOf(source, version, folder);
    const store = openMemoryStore();
    const timeUs = Date.UTC(2024, 0, 2) * 1000;
    const features = createOnlineFeatures({ store, views: [view] });
    const { rejected } = await materialize({ duck, online: features, relation, source, upToKnownUs: timeUs });
    expect(rejected.map(({ code }) => code)).toEqual(["EMBEDDING_INVALID"]);
    const vector = [0.3, -0.2, 4];
    const online = await new ViewIndex({ store, view, feature: "sound" }).nearest({ of: { vector }, k: 30, timeUs });
    const offline = await nearestOffline(duck, { view, feature: "sound", relation, vector, k: 30, timeUs });
    // s8's newest row has no vector; s9's newest is no embedding, so the one before counts.
    expect(offline).toHaveLength(19);
    expect(online.neighbours.map(({ keys, distance }) => ({ keys, distance }))).toEqual(offline);
    // As a model reads it: a slot a dimension, the same in both engines.
    const service = featureService("model", [view.at({ song: "song" })]);
    expect(service.slots.map(({ name }) => name)).toEqual(["song.sound.0", "song.sound.1", "song.sound.2"]);
    const spine = `SELECT i AS _row, CAST(${timeUs} AS BIGINT) AS _event, 's' || i AS song FROM range(21) t(i)`;
    const vectors: number[][] = [];
    for await (const { numRows, columns } of offlineVectors(duck, { service, spine, relations: () => relation }))
      for (let i = 0; i < numRows; i++) vectors.push(columns.map((column) => Number(column[i])));
    const out = new Float64Array(3);
    const read = features.reader(service);
    for (const [i, vector] of vectors.entries()) {
      await read(timeUs, { song: `s${i}` }, out, 0);
      expect([...out]).toEqual(vector);
    }
    expect(vectors.filter(([first]) => Number.isNaN(first))).toHaveLength(2);
  } finally {
    await database.close();
    await duck.close();
    await rm(folder, { recursive: true });
  }
});
