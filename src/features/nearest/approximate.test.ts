import { expect, test } from "vitest";
import { seededRng } from "../../kernel/rng.ts";
import { csv } from "../../data/source.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import { embedding, entity, featureView, type EmbeddingMetric } from "../definition.ts";
import { createOnlineFeatures } from "../online/online-features.ts";
import { loadApproximate } from "./approximate.ts";
import { VectorTable } from "./vector-table.ts";
import { ViewIndex } from "./view-index.ts";

const dimensions = 32;
const numVectors = 8000;
const rng = seededRng("nearest");
const normal = (): number => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());

const uniform = (): Float32Array => Float32Array.from({ length: dimensions }, () => rng.next() - 0.5);
const centres = Array.from({ length: 80 }, uniform);
const clustered = (): Float32Array => {
  const centre = centres[rng.int(centres.length)]!;
  return centre.map((x) => x + 0.05 * normal());
};

test.each([
  ["cosine", "uniform", uniform],
  ["cosine", "clustered", clustered],
  ["l2", "uniform", uniform],
  ["l2", "clustered", clustered],
  ["dot", "clustered", clustered],
] as const)("of the ten nearest by %s among %s vectors nineteen of twenty are found", async (metric: EmbeddingMetric, _name, make) => {
  const open = await loadApproximate();
  if (open === undefined) throw new Error("usearch is not installed: it is an optional dependency that this repository's tests need");
  const table = new VectorTable({ name: "t", dimensions, metric, maxBytes: 2 ** 26 });
  const graph = open(dimensions, metric);
  for (let i = 0; i < numVectors; i++) {
    const slot = table.add({ keys: [i], eventUs: 0, vector: make(), attributes: {} });
    graph.add(slot, table.vectorAt(slot));
  }
  // A third leaves again, and as many come: what is taken out must not be found, and must not cut off the rest.
  for (let slot = 0; slot < numVectors; slot += 3) {
    graph.remove(slot);
    table.remove(slot);
  }
  for (let i = 0; i < numVectors / 3; i++) {
    const slot = table.add({ keys: [numVectors + i], eventUs: 0, vector: make(), attributes: {} });
    graph.add(slot, table.vectorAt(slot));
  }
  expect(graph.size).toBe(table.size);
  let hits = 0;
  const questions = 100;
  for (let q = 0; q < questions; q++) {
    const question = make();
    const exact = new Set(table.nearest(question, 10, () => true).map(({ keys }) => keys[0]));
    for (const { keys } of table.nearestAmong(graph.search(question, 36), question, 10, () => true)) if (exact.has(keys[0])) hits++;
  }
  expect(hits / questions / 10).toBeGreaterThanOrEqual(0.95);
});

test("above its size an index answers by the graph, follows pushes, and says which it did", async () => {
  const approximate = await loadApproximate();
  const source = csv("items", { path: "items.csv", eventTime: "at", schema: { at: "timestamp", item: "int64", like: "float32[8]" } });
  const view = featureView("item", {
    entity: entity("item", { keys: ["item"] }),
    source,
    on: { item: "item" },
    features: { like: embedding("like", { dimensions: 8, metric: "cosine" }) },
  });
  const store = openMemoryStore();
  const online = createOnlineFeatures({ store, views: [view] });
  const rows = Array.from({ length: 1500 }, (_, item) => ({ at: item, item, like: Array.from({ length: 8 }, () => rng.next() - 0.5), _row: item }));
  await online.ingest("items", rows, { producer: "p", sequence: 0 });
  const index = new ViewIndex({ store, view, feature: "like", approximate, exactUpTo: 8 * 1000 });
  const ask = (vector: readonly number[], exact = false) => index.nearest({ of: { vector }, k: 5, timeUs: 10_000, exact });
  expect((await ask(rows[7]!.like)).exact).toBe(true);
  await index.linked();
  const answer = await ask(rows[7]!.like);
  expect([answer.exact, answer.entities, answer.neighbours[0]?.keys]).toEqual([false, 1500, [7]]);
  expect((await ask(rows[7]!.like, true)).neighbours).toEqual(answer.neighbours);
  await online.ingest(
    "items",
    [
      { at: 5000, item: 7, like: rows[8]!.like.map((x) => -x) },
      { at: 5000, item: 9000, like: rows[7]!.like },
    ],
    { producer: "p", sequence: 1 },
  );
  const after = await ask(rows[7]!.like);
  expect([after.exact, after.neighbours[0]?.keys, after.neighbours.some(({ keys }) => keys[0] === 7)]).toEqual([false, [9000], false]);
  index.close();
});
