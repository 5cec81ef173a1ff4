import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { pushedTypes, readPushedManifest } from "../../data/pushed-copy.ts";
import { relationOf } from "../../data/relation.ts";
import { pushed, type SourceDefinition } from "../../data/source.ts";
import { asStream } from "../../data/versions.ts";
import { seededRng } from "../../kernel/rng.ts";
import { openDuckDb, type DuckDb } from "../../storage/duckdb/duckdb.ts";
import { quoteLiteral } from "../../storage/duckdb/quote.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import { listSegments } from "../../storage/segments/folder.ts";
import { entity, featureService, featureView, latest, window, type FeatureService } from "../definition.ts";
import { openLoggedFeatures, type LoggedFeatures } from "../online/logged-features.ts";
import { materialize } from "../online/materialize.ts";
import { createOnlineFeatures, type SourceRow } from "../online/online-features.ts";
import { pushLogFolder } from "../online/push-log.ts";
import { compareVectors, type ServedVector } from "../parity.ts";
import { minute } from "../test-streams.ts";
import { planView } from "../view-plan.ts";
import { copyPushed, locatePushed, type CopiedPushed } from "./pushed-rows.ts";

const start = 1_000_000 * minute;
const schema = { at: "timestamp", shop: "string", n: "int64", amount: "float64", open: "boolean" } as const;
/** Rows that are known when they arrive. */
const sales = pushed("sales", { schema, eventTime: "at", lateness: "2h" });
/** Corrected and deleted, known when they say. */
const offers = pushed("offers", {
  schema: { ...schema, id: "string", told: "timestamp", gone: "boolean" },
  eventTime: "at",
  knownTime: "told",
  id: "id",
  deleted: "gone",
});
const shopOf = entity("shop", { keys: ["shop"] });
const features = {
  count: window("20m").count(),
  spent: window("1h").sum("amount"),
  last: latest("n"),
  first: window("1h").first("n"),
  lasts: window("1h").lastN("amount", 3),
  most: window("lifetime").max("amount"),
  open: window("10m").share("open"),
};
const byShop = featureView("by_shop", { entity: shopOf, source: sales, on: { shop: "shop" }, features });
const ofOffers = featureView("of_offers", { entity: shopOf, source: offers, on: { shop: "shop" }, features });
const views = [byShop, ofOffers];
const saleService = featureService("sales", [byShop.at({ shop: "shop" }, "s")]);
const service = featureService("shops", [byShop.at({ shop: "shop" }, "s"), ofOffers.at({ shop: "shop" }, "o")]);
const shops = ["a", "b", "a\u0000b", "q\"uo'te"];

let duck: DuckDb;
beforeAll(async () => void (duck = await openDuckDb({ threads: 1 })));
afterAll(() => duck.close());

let folder: string;
let nowUs: number;
const fresh = (): void => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-pushed-"));
  nowUs = start;
};
beforeEach(fresh);
afterEach(() => rmSync(folder, { recursive: true }));

const folders = (): { logFolder: string; copyFolder: string } => ({ logFolder: path.join(folder, "log"), copyFolder: path.join(folder, "copy") });
const copy = (source: SourceDefinition): Promise<CopiedPushed | undefined> =>
  copyPushed({ ...folders(), duck, source, plans: views.filter((view) => view.source.name === source.name).map(planView), nowUs });
const relation = (source: SourceDefinition): string =>
  relationOf(locatePushed(source, folders()), { numQuarantined: 0, foundTypes: pushedTypes(source) }, "/nowhere");
const openOver = (store = openMemoryStore(), maxSegmentBytes?: number): Promise<LoggedFeatures> =>
  openLoggedFeatures({
    online: createOnlineFeatures({ store, views }),
    sources: [sales, offers],
    folder: folders().logFolder,
    clock: { nowUs: () => nowUs },
    ...(maxSegmentBytes === undefined ? {} : { log: { maxSegmentBytes } }),
  });

/** Rows as they may be sent: ties, corrections, deletions, late, early and poisoned ones. */
function madeRows(rng: ReturnType<typeof seededRng>, count: number): SourceRow[] {
  return Array.from({ length: count }, () => {
    const at = nowUs - rng.int(4) * minute * (rng.int(5) === 0 ? 50 : 1);
    const row = {
      at,
      shop: rng.int(12) === 0 ? null : shops[rng.int(shops.length)]!,
      n: rng.int(9) === 0 ? null : rng.int(5),
      amount: [null, Number.NaN, Number.POSITIVE_INFINITY, -0, 0.1, 2.5, 1e300][rng.int(6)]! as number | null,
      open: rng.int(2) === 0,
      id: rng.int(6) === 0 ? null : `f${rng.int(6)}`,
      told: at + rng.int(5) * minute,
      gone: rng.int(9) === 0,
    };
    const poison = rng.int(12);
    if (poison === 0) return { ...row, n: "many" };
    if (poison === 1) return { ...row, at: null, gone: false };
    if (poison === 2) return { ...row, amount: 1e300 };
    return row;
  });
}

async function ask(online: LoggedFeatures, service: FeatureService, timeUs: number): Promise<ServedVector[]> {
  const read = online.reader(service);
  const served: ServedVector[] = [];
  for (const shop of [...shops, "nobody"]) {
    const vector = new Float64Array(service.slots.length);
    await read(timeUs, { shop }, vector, 0);
    served.push({ id: `${timeUs} ${shop}`, timeUs, fields: { shop }, vector });
  }
  return served;
}

const differences = (service: FeatureService, served: readonly ServedVector[]): Promise<unknown> =>
  compareVectors(duck, { service, relations: relation, served, dictionary: {} });

test("what was answered while rows were pushed is what SQL says from the log's copy, however often and when it was copied", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 3 }), fc.boolean(), fc.boolean()), { maxLength: 12 }),
      async (seed, steps) => {
        rmSync(folder, { recursive: true });
        fresh();
        const rng = seededRng(seed);
        let store = openMemoryStore();
        let online = await openOver(store);
        const served: ServedVector[] = [];
        for (const [i, [count, minutes, copies, restarts]] of steps.entries()) {
          nowUs += minutes * minute + 1;
          await online.ingest("sales", madeRows(rng, count), { producer: "p", sequence: i });
          await online.ingest("offers", madeRows(rng, count), { producer: `p${i % 2}`, sequence: i });
          // Asked now, and of a time at which none of these rows was there.
          served.push(...(await ask(online, saleService, nowUs)), ...(await ask(online, saleService, nowUs - 1)));
          if (copies) await copy(i % 2 === 0 ? sales : offers);
          if (!restarts) continue;
          await online.close();
          if (i % 2 === 0) store = openMemoryStore();
          online = await openOver(store);
        }
        const atEnd: ServedVector[] = [];
        for (let back = 0; back < 12; back++) atEnd.push(...(await ask(online, service, nowUs - back * 3 * minute)));
        await online.close();
        await copy(sales);
        await copy(offers);
        expect(await differences(saleService, served)).toEqual([]);
        expect(await differences(service, atEnd)).toEqual([]);
      },
    ),
    { numRuns: 12, seed: 11, endOnFailure: true },
  );
});

test("a view that is new is filled from the copy and answers as the one that was there", async () => {
  const online = await openOver();
  const rng = seededRng(3);
  for (let i = 0; i < 20; i++) {
    nowUs += minute;
    await online.ingest("sales", madeRows(rng, 30), { producer: "p", sequence: i });
    await online.ingest("offers", madeRows(rng, 30), { producer: "p", sequence: i });
  }
  const before = await ask(online, service, nowUs);
  await online.close();
  const after = createOnlineFeatures({ store: openMemoryStore(), views });
  for (const source of [sales, offers]) {
    await copy(source);
    const { rejected } = await materialize({ duck, online: after, relation: relation(asStream(source)), source, upToKnownUs: nowUs });
    // Set aside rows are not among the copied.
    expect(rejected).toEqual([]);
  }
  const again = await ask({ ...after, close: async () => {} }, service, nowUs);
  expect(again.map(({ vector }) => [...vector])).toEqual(before.map(({ vector }) => [...vector]));
});

test("rows that cannot be used lie beside the copy with their reason, and the online store counts as many", async () => {
  const online = await openOver();
  await online.ingest(
    "sales",
    [
      { at: start, shop: "a", n: 1 },
      { at: start, shop: "a", n: 1.5 },
      { shop: "a", n: 1n },
      { at: start, shop: "a", amount: 1e300 },
    ],
    { producer: "p", sequence: 0 },
  );
  expect(await copy(sales)).toMatchObject({ rows: 1, setAside: 3 });
  const manifest = readPushedManifest(locatePushed(sales, folders()).path)!;
  const aside = path.join(path.dirname(locatePushed(sales, folders()).path), manifest.parts[0]!.asideFile!);
  expect(await duck.rows(`SELECT code, message, "row", _place FROM read_parquet(${quoteLiteral(aside)})`)).toEqual([
    { code: "ROW_REFUSED", message: expect.stringContaining("n: expected a whole number"), row: '{"at":60000000000000,"shop":"a","n":1.5}', _place: 1 },
    { code: "ROW_REFUSED", message: expect.stringContaining("n: expected a whole number"), row: '{"shop":"a","n":"1"}', _place: 2 },
    { code: "MEASURE_OUT_OF_RANGE", message: expect.any(String), row: expect.stringContaining("1e+300"), _place: 3 },
  ]);
  expect((await online.counters("sales")).setAside).toBe(3);
  await online.close();
});

test("lists of numbers come back as they were pushed, what is no number among them", async () => {
  const texts = pushed("texts", { schema: { at: "timestamp", v: "float32[3]" }, eventTime: "at" });
  const online = await openLoggedFeatures({
    online: createOnlineFeatures({ store: openMemoryStore(), views, sources: [texts] }),
    sources: [texts],
    folder: folders().logFolder,
    clock: { nowUs: () => nowUs },
  });
  const lists = [[0.1, -2, 3e-9], Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, 1 / 3), [1, null, 2], "[1.5, nan, -inf]", [], null];
  await online.ingest(
    "texts",
    lists.map((v) => ({ at: start, v })),
    { producer: "p", sequence: 0 },
  );
  await online.close();
  await copy(texts);
  expect(await duck.rows(`SELECT v FROM ${relation(texts)} ORDER BY _row`)).toEqual(
    ["[0.1, -2.0, 3e-09]", "[nan, inf, 0.33333334]", "[1.0, nan, 2.0]", "[1.5, nan, -inf]", "[]", null].map((v) => ({ v })),
  );
});

test("what a copy that was killed left is removed, and nothing is copied twice", async () => {
  const online = await openOver();
  await online.ingest("sales", [{ at: start, shop: "a", n: 1 }], { producer: "p", sequence: 0 });
  await copy(sales);
  const own = pushLogFolder(folders().copyFolder, "sales");
  for (const name of ["x.unfinished.rows", "00000000000000000000-00000000000000000009.parquet", "y.parquet.z.unfinished"])
    writeFileSync(path.join(own, name), "half");
  await online.ingest("sales", [{ at: start, shop: "a", n: 2 }], { producer: "p", sequence: 1 });
  await Promise.all([copy(sales), copy(sales)]);
  await copy(sales);
  expect(await duck.rows(`SELECT n, _row FROM ${relation(sales)} ORDER BY _row`)).toEqual([
    { n: 1, _row: 0 },
    { n: 2, _row: 65_536 },
  ]);
  expect(readdirSync(own).filter((name) => name.endsWith(".parquet"))).toHaveLength(2);
  // An hour later nobody reads the file that was replaced.
  nowUs += 3 * 3_600_000_000;
  await copy(sales);
  expect(readdirSync(own).filter((name) => name.endsWith(".parquet"))).toHaveLength(1);
  await online.close();
});

test("nothing pushed yet is an empty table", async () => {
  await copy(sales);
  expect(await duck.rows(`SELECT * FROM ${relation(sales)}`)).toEqual([]);
});

test("retention drops whole files and segments that are older, and keeps what is younger", async () => {
  const kept = { ...sales, retention: "2d" };
  const online = await openOver(openMemoryStore(), 200);
  const day = 86_400_000_000;
  for (let i = 0; i < 6; i++) {
    await online.ingest("sales", [{ at: nowUs, shop: "a", n: i }], { producer: "p", sequence: i });
    await copy(sales);
    nowUs += day;
  }
  const segments = (): Promise<number> => listSegments(pushLogFolder(folders().logFolder, "sales")).then(({ length }) => length);
  const before = await segments();
  nowUs += day;
  const dropped = await copy(kept);
  expect(dropped?.segmentsDropped).toBeGreaterThan(0);
  expect(await segments()).toBe(before - dropped!.segmentsDropped);
  await online.close();
  // What is left of the log is enough to go on, and for a store that is lost to hold what is young.
  const again = await openOver();
  await again.ingest("sales", [{ at: nowUs, shop: "a", n: 7 }], { producer: "p", sequence: 6 });
  expect((await again.counters("sales")).rows).toBeGreaterThan(1);
  await again.close();
  nowUs += 5 * day;
  await copy(kept);
  await copy(kept);
  expect(await duck.rows(`SELECT n FROM ${relation(kept)}`)).toEqual([]);
});
