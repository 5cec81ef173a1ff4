import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asStream } from "../data/versions.ts";
import { openDuckDb, type DuckDb } from "../storage/duckdb/duckdb.ts";
import { openLmdb } from "../storage/kv/lmdb.ts";
import { openMemoryStore } from "../storage/kv/memory.ts";
import { quoteLiteral } from "../storage/duckdb/quote.ts";
import { naiveValues, naiveVector, type TimedRow } from "./naive.ts";
import { answerSpine } from "./offline/vectors.ts";
import { materialize } from "./online/materialize.ts";
import { createOnlineFeatures, type OnlineFeatures } from "./online/online-features.ts";
import { definitions, question, row, type RandomDefinitions } from "./test-definitions.ts";
import { relationOfRows, type Question } from "./test-streams.ts";
import type { FeatureValue } from "./vector.ts";

/* Random definitions over random streams: what the definition says (naive.ts), DuckDB and the online store must give the same, to the bit. */

/** How many values were compared, and how many of them said something. */
const compared = { values: 0, told: 0 };
let duck: DuckDb;
beforeAll(async () => {
  duck = await openDuckDb({ threads: 2 });
});
afterAll(() => duck.close());

function byDefinition({ service }: RandomDefinitions, rows: readonly TimedRow[], questions: readonly Question[]): FeatureValue[][] {
  const expected = questions.map(({ timeUs, fields }) => naiveValues(service, () => rows, timeUs, fields));
  const all = expected.flat();
  compared.values += all.length;
  compared.told += all.filter((value) => value !== null && value !== 0).length;
  return expected;
}

async function offline({ service, source }: RandomDefinitions, rows: readonly TimedRow[], questions: readonly Question[]): Promise<FeatureValue[][]> {
  const tuples = questions.map(
    ({ timeUs, fields }, i) =>
      `(${i}, ${timeUs}, ${quoteLiteral(fields["a"]!)}, ${quoteLiteral(fields["kind"]!)}, ${fields["n"] ?? "NULL"}, ${fields["ok"] ?? "NULL"})`,
  );
  const spine = `SELECT CAST(r AS BIGINT) AS _row, CAST(t AS BIGINT) AS _event, CAST(a AS VARCHAR) AS a, CAST(kind AS VARCHAR) AS kind, CAST(n AS BIGINT) AS n, CAST(ok AS BOOLEAN) AS ok
    FROM (VALUES ${tuples.join(",")}) s(r, t, a, kind, n, ok)`;
  const answers = await answerSpine(duck, { service, relations: () => relationOfRows(source, rows), spine });
  try {
    const found = await duck.rows(answers.featuresSql);
    return found.map((one, i) => {
      expect(one["_row"]).toBe(i);
      return Object.entries(one).flatMap(([name, value]) => (name.includes(".") ? [value as FeatureValue] : []));
    });
  } finally {
    await answers.drop();
  }
}

async function online(
  features: OnlineFeatures,
  { service }: RandomDefinitions,
  rows: readonly TimedRow[],
  questions: readonly Question[],
): Promise<FeatureValue[][]> {
  const times = questions.map(({ timeUs }) => timeUs);
  const fields = questions.map((one) => one.fields);
  const width = service.slots.length;
  const vectors = new Float64Array(width * questions.length);
  await features.batchReader(service)(times, fields, vectors);
  const expected = new Float64Array(width);
  for (const [i, one] of questions.entries()) {
    naiveVector(service, () => rows, one.timeUs, one.fields, expected);
    expect([...vectors.subarray(i * width, (i + 1) * width)]).toEqual([...expected]);
  }
  const answers = await features.valuesReader(service)(times, fields);
  return answers.map((views) => views.flatMap(({ values }) => values));
}

/** Arrival in any order, in batches, some rows twice: their place in the stream is their `_row`. */
interface Arrival {
  readonly shuffle: readonly number[];
  readonly batches: readonly number[];
  readonly twice: number;
}

const arrival: fc.Arbitrary<Arrival> = fc.record({
  shuffle: fc.array(fc.nat(1000), { minLength: 1, maxLength: 30 }),
  batches: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 }),
  twice: fc.integer({ min: 2, max: 9 }),
});

function arriving(rows: readonly TimedRow[], { shuffle, twice }: Arrival): Record<string, unknown>[] {
  const sent = rows.flatMap((one, i) => {
    const as = { ...one.values, _row: i };
    return i % twice === 0 ? [as, as] : [as];
  });
  return sent
    .map((one, i) => ({ one, by: (shuffle[i % shuffle.length]! * (i + 7)) % 1009 }))
    .sort((a, b) => a.by - b.by)
    .map(({ one }) => one);
}

async function push(features: OnlineFeatures, sent: readonly Record<string, unknown>[], { batches }: Arrival, first = 0): Promise<void> {
  let from = 0;
  for (let sequence = first; from < sent.length; sequence++) {
    const size = batches[(sequence - first) % batches.length]!;
    const { applied } = await features.ingest("rides", sent.slice(from, from + size), { producer: "test", sequence });
    expect(applied).toBe(true);
    from += size;
  }
}

const short = fc.record({
  world: definitions,
  rows: fc.array(row, { minLength: 20, maxLength: 90, size: "max" }),
  questions: fc.array(question, { minLength: 60, maxLength: 60, size: "max" }),
  arrival,
});

/** Many rows of few keys: blocks are sealed, cut, changed and read by their totals. */
const long = fc.record({
  world: definitions,
  rows: fc.array(
    row.map((one) => ({
      ...one,
      values: { ...one.values, a: "1", n: 0, kind: one.values["kind"] === null ? null : one.values["ok"] === true ? one.values["kind"]! : "a" },
    })),
    { minLength: 400, maxLength: 600, size: "max" },
  ),
  questions: fc.array(
    question.map((one) => ({ ...one, fields: { a: "1", kind: "a", n: 0, ok: 1 } })),
    { minLength: 40, maxLength: 40, size: "max" },
  ),
  arrival: arrival.map((one) => ({ ...one, batches: [90, 200, 3] })),
});

describe("a feature is what its definition says", () => {
  test("in DuckDB, for any definition, stream and question", async () => {
    await fc.assert(
      fc.asyncProperty(short, async ({ world, rows, questions }) => {
        expect(await offline(world, rows, questions)).toEqual(byDefinition(world, rows, questions));
      }),
      { numRuns: 60, seed: 21, endOnFailure: true },
    );
  });

  test("in the online store, in whatever order rows arrive, some of them twice", async () => {
    await fc.assert(
      fc.asyncProperty(short, async ({ world, rows, questions, arrival: how }) => {
        const features = createOnlineFeatures({ store: openMemoryStore(), views: world.views });
        await push(features, arriving(rows, how), how);
        expect(await online(features, world, rows, questions)).toEqual(byDefinition(world, rows, questions));
      }),
      { numRuns: 300, seed: 22, endOnFailure: true },
    );
  });

  test("in both, for keys of many rows", async () => {
    await fc.assert(
      fc.asyncProperty(long, async ({ world, rows, questions, arrival: how }) => {
        const expected = byDefinition(world, rows, questions);
        const features = createOnlineFeatures({ store: openMemoryStore(), views: world.views });
        await push(features, arriving(rows, how), how);
        expect(await online(features, world, rows, questions)).toEqual(expected);
        expect(await offline(world, rows, questions)).toEqual(expected);
      }),
      { numRuns: 30, seed: 23, endOnFailure: true },
    );
  });
});

test("after a restart half-way, and after history was loaded twice over rows already pushed", async () => {
  await fc.assert(
    fc.asyncProperty(long, async ({ world, rows, questions, arrival: how }) => {
      const folder = mkdtempSync(path.join(tmpdir(), "karkhana-definitions-"));
      try {
        const upToKnownUs = questions[0]!.timeUs;
        const first = openLmdb(folder);
        const before = createOnlineFeatures({ store: first, views: world.views });
        const later = arriving(rows, how).filter(({ _row: i }) => rows[Number(i)]!.knownUs > upToKnownUs || Number(i) % 5 === 0);
        const half = later.length >> 1;
        await push(before, later.slice(0, half), how);
        await first.close();
        const second = openLmdb(folder);
        const after = createOnlineFeatures({ store: second, views: world.views });
        await push(after, later.slice(half), how, 1000);
        // Every version, whatever became of it: the relation that training reads has the deleted and the moved ones left out.
        const history = relationOfRows(asStream(world.source), rows);
        for (let i = 0; i < 2; i++) await materialize({ duck, online: after, relation: history, source: world.source, upToKnownUs });
        expect(await online(after, world, rows, questions)).toEqual(byDefinition(world, rows, questions));
        await second.close();
      } finally {
        rmSync(folder, { recursive: true });
      }
    }),
    { numRuns: 8, seed: 24, endOnFailure: true },
  );
});

test("the random definitions reach every aggregate, and what was compared said something", () => {
  expect(compared.values).toBeGreaterThan(200_000);
  expect(compared.told).toBeGreaterThan(40_000);
  const seen = new Set(
    fc.sample(definitions, { numRuns: 60, seed: 1 }).flatMap(({ views }) => views.flatMap((v) => Object.values(v.features).map((f) => f.aggregate))),
  );
  expect(seen.size).toBe(16);
  const keys = new Set(fc.sample(definitions, { numRuns: 60, seed: 1 }).flatMap(({ views }) => views.map((v) => Object.values(v.on).join())));
  expect([...keys].sort()).toEqual(["a", "a,ok,n", "kind,n", "n,ok", "ok", "ok,kind"]);
});
