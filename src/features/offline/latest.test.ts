import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, type SourceDefinition } from "../../data/source.ts";
import { openDuckDb, type DuckDb } from "../../storage/duckdb/duckdb.ts";
import { entity, featureService, featureView, latest, window } from "../definition.ts";
import { naiveValues, type TimedRow } from "../naive.ts";
import { minute, relationOfRows } from "../test-streams.ts";
import type { FeatureValue } from "../vector.ts";
import { answerSpine } from "./vectors.ts";

let duck: DuckDb;
beforeAll(async () => {
  duck = await openDuckDb({ threads: 2 });
});
afterAll(() => duck.close());

const schema = { at: "timestamp", a: "string", x: "float64", id: "string", gone: "boolean" } as const;
const start = 1_000_000 * minute;

const row = fc.record({
  m: fc.integer({ min: 0, max: 40 }),
  a: fc.constantFrom("1", "2", "3"),
  x: fc.option(fc.integer({ min: 0, max: 1000 }), { freq: 5 }),
  id: fc.option(fc.constantFrom("f1", "f2", "f3"), { freq: 2 }),
  gone: fc.constantFrom(false, false, false, true),
});

test.each([false, true])("the newest row of a source whose rows are known as they happen, with ties (versions: %s)", async (isVersioned) => {
  const source = csv("r", { path: "r.csv", schema, eventTime: "at", ...(isVersioned ? { id: "id", deleted: "gone" } : {}) }) as unknown as SourceDefinition;
  const view = featureView("v", {
    entity: entity("a", { keys: ["a"] }),
    source,
    on: { a: "a" },
    ttl: "15m",
    features: { x: latest("x"), last: window("20m").last("x"), n: window("20m").count() },
  });
  const service = featureService("s", [view.at({ a: "a" })]);
  let told = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 30, maxLength: 120, size: "max" }), async (drawn) => {
      const rows = drawn.map(({ m, ...values }): TimedRow => {
        const at = start + m * minute;
        return { eventUs: at, knownUs: at, values: { at, ...values } };
      });
      const questions = Array.from({ length: 60 }, (_, i) => ({ timeUs: start + (i >> 1) * 2 * minute - (i % 2), a: String(1 + (i % 3)) }));
      const tuples = questions.map(({ timeUs, a }, i) => `(${i}, ${timeUs}, '${a}')`).join(",");
      const spine = `SELECT CAST(r AS BIGINT) AS _row, CAST(t AS BIGINT) AS _event, a FROM (VALUES ${tuples}) s(r, t, a)`;
      const answers = await answerSpine(duck, { service, relations: () => relationOfRows(source, rows), spine });
      try {
        const found = (await duck.rows(answers.featuresSql)).map((one) => ["v.x", "v.last", "v.n"].map((name) => one[name] as FeatureValue));
        const expected = questions.map(({ timeUs, a }) => naiveValues(service, () => rows, timeUs, { a }));
        expect(found).toEqual(expected);
        told += expected.filter(([x]) => x !== null).length;
      } finally {
        await answers.drop();
      }
    }),
    { numRuns: 15, seed: 41, endOnFailure: true },
  );
  expect(told).toBeGreaterThan(100);
});
