import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { csv, type SourceDefinition } from "../../data/source.ts";
import { openDuckDb, type DuckDb } from "../../storage/duckdb/duckdb.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import type { KeyValueStore } from "../../storage/kv/port.ts";
import { entity, featureService, featureView, featureViewHash, window, type FeatureViewDefinition } from "../definition.ts";
import type { SourceValues } from "../measure.ts";
import { naiveValues, type TimedRow } from "../naive.ts";
import { answerSpine } from "../offline/vectors.ts";
import { minute, relationOfRows } from "../test-streams.ts";
import type { FeatureValue } from "../vector.ts";
import { planView } from "../view-plan.ts";
import { decodeHead, entryStride, ID, rowStride, ROWS } from "./blocks.ts";
import { writeMarks } from "./marks.ts";
import { createOnlineFeatures, type OnlineFeatures } from "./online-features.ts";
import { tileId } from "./tiles.ts";

/* Views whose windows all hop keep totals of old rows in place of the rows: what is answered must not show it. */

const schema = { at: "timestamp", told: "timestamp", a: "string", x: "float64", delay: "int64", ok: "boolean" } as const;
const rides = csv("rides", { path: "r.csv", schema, eventTime: "at", knownTime: "told", lateness: "10m" }) as unknown as SourceDefinition;
const short = { hop: "6m" };
const long = { hop: "15m" };
const view: FeatureViewDefinition = featureView("saw", {
  entity: entity("a", { keys: ["a"] }),
  source: rides,
  on: { a: "a" },
  where: "delay is null or delay > -3",
  features: {
    n: window("1h", short).count(),
    ok: window("3h", long).share("ok"),
    sum: window("3h", long).sum("x"),
    mean: window("1h", short).mean("delay"),
    spread: window("3h", long).std("delay"),
    least: window("3h", long).min("x"),
    most: window("1h", short).max("delay"),
    late: window("2h", { hop: "9m" }).where("delay >= 15").count(),
  },
});
const service = featureService("saw", [view.at({ a: "a" })]);
const slackUs = 20 * minute;
const start = 1_000_000 * minute;

/** In the order they became known, over about nine hours. */
const stream: fc.Arbitrary<TimedRow[]> = fc
  .array(
    fc.record({
      step: fc.constantFrom(0, 0, 0, 0, 0, 1, 0, 1),
      lag: fc.constantFrom(0, 0, 1, 5, 10, 10 + 1 / 60_000_000, 30),
      a: fc.constantFrom("1", "1", "1", "2"),
      x: fc.option(fc.oneof(fc.constantFrom(0, -0, Number.NaN, Infinity), fc.double({ min: -1e6, max: 1e6, noNaN: true })), { freq: 6 }),
      delay: fc.option(fc.integer({ min: -5, max: 40 }), { freq: 6 }),
      ok: fc.option(fc.boolean(), { freq: 5 }),
    }),
    { minLength: 900, maxLength: 1100, size: "max" },
  )
  .map((rows) => {
    let told = start;
    return rows.map(({ step, lag, ...values }): TimedRow => {
      told += step * minute;
      const at = told - Math.round(lag * minute);
      return { eventUs: at, knownUs: told, values: { at, told, ...values } };
    });
  });

const world = fc.record({
  rows: stream,
  batches: fc.array(fc.constantFrom(1, 7, 60, 150), { minLength: 1, maxLength: 5 }),
  /** How much of the stream is history that is loaded, and loaded again. */
  history: fc.integer({ min: 0, max: 60 }),
  asked: fc.array(fc.tuple(fc.integer({ min: -20, max: 260 }), fc.constantFrom(-1, 0, 0, 1), fc.constantFrom("1", "2", "3")), {
    minLength: 25,
    maxLength: 25,
    size: "max",
  }),
});

interface State {
  readonly tiles: number;
  readonly rowsInTiles: number;
  readonly rows: number;
  readonly bytes: number;
}

async function stateOf(store: KeyValueStore): Promise<State> {
  const m = planView(view).measures.length;
  let [tiles, rowsInTiles, rows, bytes] = [0, 0, 0, 0];
  for await (const { key, value } of store.range(Buffer.from("fh"), Buffer.from("fi"))) {
    bytes += key.length + value.length;
    const { entries, open } = decodeHead(new Uint8Array(value), m);
    rows += open.length / rowStride(m);
    for (let at = 0; at < entries.length; at += entryStride(m)) {
      const isTile = entries[at + ID] === tileId;
      tiles += Number(isTile);
      if (isTile) rowsInTiles += entries[at + ROWS]!;
      else rows += entries[at + ROWS]!;
    }
  }
  for await (const { key, value } of store.range(Buffer.from("fb"), Buffer.from("fc"))) bytes += key.length + value.length;
  return { tiles, rowsInTiles, rows, bytes };
}

async function fill(
  features: OnlineFeatures,
  store: KeyValueStore,
  { rows, batches, history }: { rows: readonly TimedRow[]; batches: readonly number[]; history: number },
): Promise<TimedRow[]> {
  const sent = rows.map((row, i): { at: number; _row: number; x: SourceValues[string] } & SourceValues => ({
    ...row.values,
    x: row.values["x"] ?? null,
    at: row.eventUs,
    _row: i,
  }));
  const numLoaded = Math.floor((history / 100) * sent.length);
  const byEvent = sent.slice(0, numLoaded).sort((a, b) => a.at - b.at || a._row - b._row);
  const load = async (): Promise<void> => {
    for (let from = 0; from < byEvent.length; from += 90) expect(await features.load("rides", byEvent.slice(from, from + 90))).toEqual([]);
  };
  await load();
  // Everything that a file will ever have is there from now on, or pushed.
  await writeMarks(store, [{ viewHash: featureViewHash(view), untilUs: start + 10_000 * minute, numRows: 0 }]);
  let sequence = 0;
  for (let from = numLoaded; from < sent.length; sequence++) {
    const size = batches[sequence % batches.length]!;
    // Now and then what was just sent comes again in another batch, some of it corrected.
    const isAgain = sequence % 4 === 3;
    for (let i = isAgain ? Math.max(0, from - 20) : from; i < from; i += 3) sent[i] = { ...sent[i]!, x: sequence / 4 - i };
    const again = isAgain ? sent.slice(Math.max(0, from - 20), from) : [];
    await features.ingest("rides", [...again, ...sent.slice(from, from + size)], { producer: "p", sequence });
    from += size;
    if (sequence % 9 === 5) await load();
  }
  await load();
  return sent.map(({ _row, ...values }, i) => ({ ...rows[i]!, values }));
}

let duck: DuckDb;
beforeAll(async () => {
  duck = await openDuckDb({ threads: 1 });
});
afterAll(() => duck.close());

async function offline(
  rows: readonly TimedRow[],
  questions: readonly { readonly timeUs: number; readonly fields: { readonly a: string } }[],
): Promise<FeatureValue[][]> {
  const tuples = questions.map(({ timeUs, fields }, i) => `(${i}, ${timeUs}, '${fields.a}')`);
  const spine = `SELECT CAST(r AS BIGINT) AS _row, CAST(t AS BIGINT) AS _event, a FROM (VALUES ${tuples.join(",")}) s(r, t, a)`;
  const answers = await answerSpine(duck, { service, relations: () => relationOfRows(rides, rows), spine });
  try {
    return (await duck.rows(answers.featuresSql)).map((one) =>
      Object.entries(one).flatMap(([name, value]) => (name.includes(".") ? [value as FeatureValue] : [])),
    );
  } finally {
    await answers.drop();
  }
}

describe("a view of sawtooth windows", () => {
  test("answers from tiles what the definition and DuckDB say, with late rows, repetitions, corrections and history loaded again", async () => {
    const seen = { tiles: 0, told: 0, values: 0 };
    await fc.assert(
      fc.asyncProperty(world, async ({ rows: first, batches, history, asked }) => {
        const store = openMemoryStore();
        const features = createOnlineFeatures({ store, views: [view], slackUs });
        const rows = await fill(features, store, { rows: first, batches, history });
        const newest = Math.max(...rows.map(({ eventUs }) => eventUs));
        const questions = asked.map(([m, off, a]) => ({ timeUs: newest + m * minute + off + 1, fields: { a } }));
        const expected = questions.map(({ timeUs, fields }) => naiveValues(service, () => rows, timeUs, fields));
        const answers = await features.valuesReader(service)(
          questions.map(({ timeUs }) => timeUs),
          questions.map(({ fields }) => fields),
        );
        expect(answers.map((views) => views.flatMap(({ values }) => values))).toEqual(expected);
        expect(await offline(rows, questions)).toEqual(expected);
        seen.tiles += (await stateOf(store)).rowsInTiles;
        seen.values += expected.flat().length;
        seen.told += expected.flat().filter((value) => value !== null && value !== 0).length;
      }),
      { numRuns: 25, seed: 31, endOnFailure: true },
    );
    expect(seen.tiles).toBeGreaterThan(1000);
    expect(seen.told).toBeGreaterThan(seen.values / 4);
  });

  test("takes no more room for a hundred times the traffic before the slack, and nothing is added up before the view was filled", async () => {
    const states: State[] = [];
    for (const [perMinute, isFilled] of [
      [3, true],
      [60, true],
      [60, false],
    ] as const) {
      const store = openMemoryStore();
      const features = createOnlineFeatures({ store, views: [view], slackUs });
      if (isFilled) await writeMarks(store, [{ viewHash: featureViewHash(view), untilUs: start + 10_000 * minute, numRows: 0 }]);
      for (let m = 0; m < 600; m += 10) {
        const rows = Array.from({ length: perMinute * 10 }, (_, i) => {
          const at = start + m * minute + Math.floor((i * 10 * minute) / (perMinute * 10));
          return { at, told: at, a: "1", x: i, delay: i % 30, ok: i % 2 === 0, _row: m * perMinute + i };
        });
        await features.ingest("rides", rows, { producer: "p", sequence: m });
      }
      states.push(await stateOf(store));
    }
    const [few, many, unfolded] = states as [State, State, State];
    // Three windows of at most three hours and a hop, in tiles of three minutes.
    expect([few.tiles <= 80, many.tiles <= 80]).toEqual([true, true]);
    expect(many.rows).toBeLessThan((20 + 10 + 10) * 60 + 3 * 128);
    expect([unfolded.tiles, unfolded.rows > 10_000]).toEqual([0, true]);
    expect(many.bytes).toBeLessThan(unfolded.bytes / 3);
  });

  test("a row pushed into a time that is added up already is counted, and changes no answer", async () => {
    const store = openMemoryStore();
    const features = createOnlineFeatures({ store, views: [view], slackUs });
    await writeMarks(store, [{ viewHash: featureViewHash(view), untilUs: start + 10_000 * minute, numRows: 0 }]);
    const row = (i: number): Record<string, unknown> => ({ at: start + i * minute, told: start + i * minute, a: "1", x: i, delay: i % 30, ok: true, _row: i });
    for (let i = 0; i < 600; i += 20)
      await features.ingest(
        "rides",
        Array.from({ length: 20 }, (_, k) => row(i + k)),
        { producer: "p", sequence: i },
      );
    const answer = async (): Promise<unknown> => (await features.valuesReader(service)([start + 600 * minute], [{ a: "1" }]))[0]![0]!.values;
    const before = await answer();
    const { tiles, rowsInTiles } = await stateOf(store);
    expect(tiles).toBeGreaterThan(20);
    // In tiles, where it might be there already; and in a block, where its number says whether it is.
    const { rejected } = await features.ingest("rides", [{ ...row(300), _row: 9001 }, row(595)], { producer: "p", sequence: 1000 });
    expect([rejected, await answer()]).toEqual([[], before]);
    expect(await stateOf(store)).toMatchObject({ tiles, rowsInTiles });
    expect(await features.counters("rides")).toMatchObject({ rows: 602, behind: 1 });
  });
});
