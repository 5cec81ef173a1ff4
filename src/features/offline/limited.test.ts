import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asStream } from "../../data/versions.ts";
import { openDuckDb, type DuckDb } from "../../storage/duckdb/duckdb.ts";
import { quoteLiteral } from "../../storage/duckdb/quote.ts";
import { naiveValues } from "../naive.ts";
import { definitions, question, row } from "../test-definitions.ts";
import { relationOfRows } from "../test-streams.ts";
import type { FeatureValue } from "../vector.ts";
import { answerSpine } from "./vectors.ts";

let duck: DuckDb;
beforeAll(async () => void (duck = await openDuckDb({ threads: 2 })));
afterAll(() => duck.close());

/** Questions with a limit each, or none: of a stream of up to 90 rows, so many of the first. */
const limited = fc.record({
  world: definitions,
  rows: fc.array(row, { minLength: 20, maxLength: 90, size: "max" }),
  questions: fc.array(fc.record({ question, limit: fc.option(fc.nat(95), { freq: 5 }) }), { minLength: 40, maxLength: 40, size: "max" }),
});

test("of rows below a question's own limit SQL says what the definition says of those rows alone, for any definition, stream and question", async () => {
  let [compared, changed] = [0, 0];
  await fc.assert(
    fc.asyncProperty(limited, async ({ world, rows, questions }) => {
      const { service, source } = world;
      const tuples = questions.map(
        ({ question: { timeUs, fields }, limit }, i) =>
          `(${[i, timeUs, quoteLiteral(fields["a"]!), quoteLiteral(fields["kind"]!), fields["n"] ?? "NULL", fields["ok"] ?? "NULL", limit ?? "NULL"].join(", ")})`,
      );
      const spine = `SELECT CAST(r AS BIGINT) AS _row, CAST(t AS BIGINT) AS _event, CAST(a AS VARCHAR) AS a, CAST(kind AS VARCHAR) AS kind, CAST(n AS BIGINT) AS n, CAST(ok AS BOOLEAN) AS ok, CAST(l AS BIGINT) AS _below
        FROM (VALUES ${tuples.join(",")}) s(r, t, a, kind, n, ok, l)`;
      const answers = await answerSpine(duck, {
        service,
        relations: () => relationOfRows(source, rows),
        spine,
        limits: () => ({ column: "_below", stream: relationOfRows(asStream(source), rows), maxRows: 1_000_000 }),
      });
      try {
        const found = await duck.rows(answers.featuresSql);
        const values = found.map((one) => Object.entries(one).flatMap(([name, value]) => (name.includes(".") ? [value as FeatureValue] : [])));
        const expected = questions.map(({ question: { timeUs, fields }, limit }) =>
          naiveValues(service, () => rows.slice(0, limit ?? rows.length), timeUs, fields),
        );
        expect(values).toEqual(expected);
        compared += expected.flat().length;
        const unlimited = questions.map(({ question: { timeUs, fields } }) => naiveValues(service, () => rows, timeUs, fields)).flat();
        changed += expected.flat().filter((value, i) => JSON.stringify(value) !== JSON.stringify(unlimited[i])).length;
      } finally {
        await answers.drop();
      }
      // Nothing is left behind.
      expect(await duck.rows("SELECT table_name FROM information_schema.tables")).toEqual([]);
    }),
    { numRuns: 25, seed: 31, endOnFailure: true },
  );
  expect(compared).toBeGreaterThan(5000);
  expect(changed, "values that the limit changes").toBeGreaterThan(500);
});
