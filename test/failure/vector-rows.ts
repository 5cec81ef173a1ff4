import { csv } from "../../src/data/source.ts";
import { embedding, entity, featureView, type FeatureViewDefinition } from "../../src/features/definition.ts";
import type { SourceRow } from "../../src/features/online/online-features.ts";
import { seededRng } from "../../src/kernel/rng.ts";
import { MICROS_PER_HOUR } from "../../src/kernel/time.ts";

const source = csv("songs", { path: "songs.csv", eventTime: "at", schema: { at: "timestamp", song: "int64", sound: "float32[16]" } });
export const vectorView: FeatureViewDefinition = featureView("song", {
  entity: entity("song", { keys: ["song"] }),
  source,
  on: { song: "song" },
  features: { sound: embedding("sound", { dimensions: 16, metric: "l2" }) },
});

export const numSongs = 40;
export const vectorBatches = 40;
const rowsABatch = 60;
const batchUs: number = 6 * MICROS_PER_HOUR;

/** The same rows whenever it is asked; of few different vectors, so that what has gone comes again. */
export function vectorBatch(sequence: number): SourceRow[] {
  const rng = seededRng(`vectors ${sequence}`);
  return Array.from({ length: rowsABatch }, (_, i) => ({
    at: sequence * batchUs - rng.int(30) * MICROS_PER_HOUR,
    song: rng.int(numSongs),
    sound: Array.from({ length: 16 }, (__, j) => (j === 0 ? rng.int(50) : 1)),
    _row: sequence * rowsABatch + i,
  }));
}
