import fc from "fast-check";
import { csv, type SourceDefinition } from "../data/source.ts";
import {
  entity,
  featureService,
  featureView,
  latest,
  window,
  type FeatureService,
  type FeatureViewDefinition,
  type ViewFeature,
  type WindowBuilder,
} from "./definition.ts";
import type { TimedRow } from "./naive.ts";
import { minute, timeUs, type Question } from "./test-streams.ts";

/** Random definitions over a stream with every trap: ties, NaN, nulls, texts of every length, corrections that move a fact, deletions. */
const schema = {
  at: "timestamp",
  told: "timestamp",
  a: "string",
  n: "int64",
  x: "float64",
  delay: "int64",
  kind: "string",
  ok: "boolean",
  fact: "string",
  gone: "boolean",
} as const;

const base = { path: "rides.csv", schema, eventTime: "at", knownTime: "told" } as const;
const sources: readonly SourceDefinition[] = [
  csv("rides", base),
  csv("rides", { ...base, where: "delay >= 0 or delay is null" }),
  csv("rides", { ...base, lateness: "20m", ahead: "2m" }),
  csv("rides", { ...base, id: "fact", deleted: "gone" }),
  csv("rides", { ...base, id: "fact", deleted: "gone", where: "ok is null or ok", lateness: "1h" }),
];

const windows = fc
  .record({
    length: fc.constantFrom("1m", "5m", "17m", "1h", "lifetime"),
    hop: fc.constantFrom(undefined, undefined, "1m", "3m", "7m"),
    where: fc.constantFrom(undefined, undefined, "ok", "delay >= 15", "kind = 'a' or x > 0"),
  })
  .map(({ length, hop, where }): WindowBuilder<string> => {
    const fits = hop !== undefined && length !== "lifetime" && !(length === "1m" && hop !== "1m") && !(length === "5m" && hop === "7m");
    const one = window(length, fits ? { hop } : {});
    return where === undefined ? one : one.where(where);
  });
const numeric = fc.constantFrom("delay", "x", "x / 3", "delay * 2 + 1", "n");
const anything = fc.constantFrom("delay", "x", "kind", "a", "ok", "at");
const counted = fc.constantFrom("delay", "kind", "at");

const feature: fc.Arbitrary<ViewFeature> = fc.oneof(
  anything.map((m) => latest(m)),
  windows.map((w) => w.count()),
  fc.tuple(windows, numeric).map(([w, m]) => w.sum(m)),
  fc.tuple(windows, numeric).map(([w, m]) => w.mean(m)),
  fc.tuple(windows, numeric).map(([w, m]) => w.std(m)),
  fc.tuple(windows, numeric).map(([w, m]) => w.variance(m)),
  fc.tuple(windows, fc.constantFrom("ok", "x > 1", "delay >= 15")).map(([w, m]) => w.share(m)),
  fc.tuple(windows, numeric).map(([w, m]) => w.min(m)),
  fc.tuple(windows, numeric).map(([w, m]) => w.max(m)),
  fc.tuple(windows, numeric, fc.constantFrom(0.01, 0.5, 0.95, 1)).map(([w, m, p]) => w.percentile(m, p)),
  fc.tuple(windows, anything).map(([w, m]) => w.first(m)),
  fc.tuple(windows, anything).map(([w, m]) => w.last(m)),
  fc.tuple(windows, anything, fc.constantFrom(1, 3, 10)).map(([w, m, n]) => w.lastN(m, n)),
  fc.tuple(windows, anything).map(([w, m]) => w.distinct(m)),
  fc.tuple(windows, counted, fc.constantFrom(16, 64)).map(([w, m, size]) => w.approxDistinct(m, size)),
  fc.tuple(windows, fc.constantFrom("kind", "delay", "ok", "at"), fc.constantFrom(1, 3)).map(([w, m, n]) => w.topK(m, n)),
);

const view = (name: string, source: SourceDefinition, keys: Readonly<Record<string, string>>): fc.Arbitrary<FeatureViewDefinition> =>
  fc
    .record({
      ttl: fc.constantFrom(undefined, "1m", "5m", "1h"),
      where: fc.constantFrom(undefined, undefined, "ok", "delay > 3 or delay is null"),
      features: fc.array(feature, { minLength: 3, maxLength: 9 }),
    })
    .map(({ ttl, where, features }) =>
      featureView(name, {
        entity: entity(name, { keys: Object.keys(keys) }),
        source,
        on: keys,
        ...(ttl === undefined ? {} : { ttl }),
        ...(where === undefined ? {} : { where }),
        features: Object.fromEntries(features.map((one, i) => [`f${i}_${one.aggregate}`, one])),
      }),
    );

/** Entity key -> column, of every type that a key may have, alone and together. */
const single = fc.constantFrom<Readonly<Record<string, string>>>({ a: "a" }, { a: "a" }, { o: "ok" });
const composite = fc.constantFrom<Readonly<Record<string, string>>>(
  { k: "kind", n: "n" },
  { k: "kind", n: "n" },
  { o: "ok", k: "kind" },
  { n: "n", o: "ok" },
  { a: "a", o: "ok", n: "n" },
);

export interface RandomDefinitions {
  readonly source: SourceDefinition;
  readonly views: readonly FeatureViewDefinition[];
  readonly service: FeatureService;
}

export const definitions: fc.Arbitrary<RandomDefinitions> = fc
  .constantFrom(...sources)
  .chain((source) =>
    fc.tuple(
      fc.constant(source),
      single.chain((keys) => view("by_one", source, keys)),
      composite.chain((keys) => view("by_many", source, keys)),
    ),
  )
  // Request fields are called as the columns.
  .map(([source, one, two]) => ({ source, views: [one, two], service: featureService("rides", [one.at(one.on), two.at(two.on)]) }));

const kinds = ["a", "b", "", "sixsix", "seven77", "a text too long for a number", "a text too long for a numbes", "é", "中文字", "k".repeat(300)];
const key = fc.option(fc.constantFrom("1", "2"), { freq: 12 });
const kind = fc.option(fc.constantFrom(...kinds), { freq: 8 });
const number = fc.option(fc.integer({ min: 0, max: 1 }), { freq: 12 });
const lags = [0, 0, 0, -3 * minute, -2 * minute, 1, minute, 5 * minute, 20 * minute, 20 * minute + 1, 59 * minute, 60 * minute, 90 * minute];

export const row: fc.Arbitrary<TimedRow> = fc
  .record({
    at: timeUs,
    lag: fc.constantFrom(...lags),
    a: key,
    n: number,
    x: fc.option(
      fc.oneof({ weight: 3, arbitrary: fc.constantFrom(0, -0, 0.5, -3.25, 1e6, Number.NaN, Infinity, -Infinity) }, fc.double({ min: -1e6, max: 1e6 })),
      {
        freq: 6,
      },
    ),
    delay: fc.option(fc.integer({ min: -5, max: 40 }), { freq: 6 }),
    kind,
    ok: fc.option(fc.boolean(), { freq: 5 }),
    fact: fc.option(fc.constantFrom("f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8"), { freq: 5 }),
    gone: fc.constantFrom(null, false, false, false, true),
  })
  .map(({ at, lag, ...values }) => ({ eventUs: at, knownUs: at + lag, values: { at, told: at + lag, ...values } }));

export const question: fc.Arbitrary<Question> = fc.record({ timeUs, fields: fc.record({ a: key, kind, n: number, ok: number }) });
