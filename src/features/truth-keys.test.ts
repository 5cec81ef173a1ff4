import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { relationOf } from "../data/relation.ts";
import { csv, parquet, type SourceDefinition } from "../data/source.ts";
import { openDuckDb, type DuckDb } from "../storage/duckdb/duckdb.ts";
import { openMemoryStore } from "../storage/kv/memory.ts";
import { createEntityExplorer } from "../workflows/explore-entity.ts";
import { entity, featureService, featureView, window, type FeatureViewDefinition } from "./definition.ts";
import { partOfText } from "./key-part.ts";
import { historicalFeatures, type Spine } from "./offline/historical.ts";
import { materialize } from "./online/materialize.ts";
import { createOnlineFeatures } from "./online/online-features.ts";
import { compareVectors } from "./parity.ts";
import { minute } from "./test-streams.ts";
import { planView } from "./view-plan.ts";

/* Keys of true and false, from files and tables to answers. */

const schema = { at: "timestamp", zone: "string", night: "boolean", fare: "float64" } as const;
const start = 978_307_200_000_000;
const asked = start + 10 * minute;
/** zone, night, fare; the first at 00:00, each a minute later. */
const rides: readonly (readonly [string, boolean | null, number])[] = [
  ["a", true, 1],
  ["a", false, 2],
  ["a", true, 4],
  ["b", true, 8],
  ["a", null, 16],
];
const viewsOf = (source: SourceDefinition<typeof schema>): readonly [FeatureViewDefinition, FeatureViewDefinition] => {
  const features = { rides: window("1h").count(), fares: window("1h").sum("fare") };
  return [
    featureView("by_night", { entity: entity("night", { keys: ["night"] }), source, on: { night: "night" }, features }),
    featureView("by_both", { entity: entity("both", { keys: ["night", "zone"] }), source, on: { night: "night", zone: "zone" }, features }),
  ];
};
const questions = [
  { zone: "a", night: true, expected: [3, 13, 2, 5] },
  { zone: "a", night: false, expected: [1, 2, 1, 2] },
  { zone: "b", night: false, expected: [1, 2, 0, null] },
  { zone: "b", night: null, expected: [0, null, 0, null] },
] as const;

let duck: DuckDb;
let folder: string;
beforeAll(async () => {
  duck = await openDuckDb({ threads: 1 });
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-truth-"));
  writeFileSync(
    path.join(folder, "rides.csv"),
    ["at,zone,night,fare", ...rides.map(([zone, night, fare], i) => `2001-01-01T00:0${i}:00Z,${zone},${night ?? ""},${fare}`)].join("\n"),
  );
  await duck.run(
    `COPY (SELECT CAST("at" AS TIMESTAMP) AS "at", zone, night, fare FROM read_csv('${path.join(folder, "rides.csv")}')) TO '${path.join(folder, "rides.parquet")}' (FORMAT parquet)`,
  );
});
afterAll(async () => {
  await duck.close();
  rmSync(folder, { recursive: true });
});

const text = { at: "VARCHAR", zone: "VARCHAR", night: "VARCHAR", fare: "VARCHAR" };
const typed = { at: "TIMESTAMP", zone: "VARCHAR", night: "BOOLEAN", fare: "DOUBLE" };
const files = [
  ["CSV", csv("rides", { path: "rides.csv", schema, eventTime: "at" }), text],
  ["Parquet", parquet("rides", { path: "rides.parquet", schema, eventTime: "at" }), typed],
] as const;
const relationIn = ([, source, foundTypes]: (typeof files)[number]): string => relationOf(source, { numQuarantined: 0, foundTypes }, folder);

const rows = questions.map(({ zone, night }) => ({ zone, night, t: asked }));
const spines: readonly (readonly [string, () => Spine])[] = [
  ["rows", () => ({ rows, time: "t" })],
  [
    "a CSV file",
    () => {
      const file = path.join(folder, "asked.csv");
      writeFileSync(file, ["zone,night,t", ...rows.map(({ zone, night, t }) => `${zone},${night ?? ""},${t}`)].join("\n"));
      return { file, time: "t" };
    },
  ],
];

test.each(files.flatMap((file) => spines.map(([name, spine]) => ({ kind: file[0], file, name, spine }))))(
  "a column of a $kind file is a key, asked for by $name; filled from it the online store gives the same, parity and explorer find it equal",
  async ({ file, spine }) => {
    const source = file[1];
    const [byNight, byBoth] = viewsOf(source);
    const service = featureService("rides", [byNight.at({ night: "night" }), byBoth.at({ night: "night", zone: "zone" })]);
    const relation = relationIn(file);
    const found = await historicalFeatures(duck, { service, spine: spine(), relations: () => relation });
    const names = ["by_night.rides", "by_night.fares", "by_both.rides", "by_both.fares"];
    expect((await duck.rows(found.sql)).map((row) => names.map((name) => row[name]))).toEqual(questions.map(({ expected }) => expected));
    await found.drop();

    const store = openMemoryStore();
    const online = createOnlineFeatures({ store, views: [byNight, byBoth] });
    const { rejected } = await materialize({ duck, online, relation, source, upToKnownUs: asked });
    expect(rejected).toEqual([]);
    const read = online.reader(service);
    const served = [];
    for (const [i, { zone, night }] of questions.entries()) {
      const fields = { zone, night: night === null ? null : Number(night) };
      const vector = new Float64Array(4);
      await read(asked, fields, vector, 0);
      served.push({ id: String(i), timeUs: asked, fields, vector });
    }
    expect(served.map(({ vector }) => [...vector].map((value) => (Number.isNaN(value) ? null : value)))).toEqual(questions.map(({ expected }) => expected));
    expect(await compareVectors(duck, { service, relations: () => relation, served, dictionary: {} })).toEqual([]);
    const wrong = served.map((one) => ({ ...one, fields: { ...one.fields, night: one.fields.night === 1 ? 0 : 1 } }));
    expect((await compareVectors(duck, { service, relations: () => relation, served: wrong, dictionary: {} })).length).toBeGreaterThan(4);

    const explorer = createEntityExplorer({
      views: [byNight, byBoth],
      relationOf: async () => relation,
      openOnlineStore: async () => store,
      tempFolder: path.join(folder, "spill"),
    });
    const explored = await explorer.explore(byBoth, [true, "a"], asked);
    expect(explored.features.map(({ online: own, offline, isEqual }) => [own, offline, isEqual])).toEqual([
      [2, 2, true],
      [5, 5, true],
    ]);
    expect(explored.events.map(({ values }) => [values["night"], values["zone"]])).toEqual([
      [true, "a"],
      [true, "a"],
    ]);
    await explorer.close();
  },
);

test.each([
  ["numbers", [{ night: 1, t: asked }], /request field night.*keyed by true or false; the spine gives BIGINT/],
  ["text", [{ night: "true", t: asked }], /request field night.*the spine gives VARCHAR/],
  [
    "both",
    [
      { night: true, t: asked },
      { night: "true", t: asked },
    ],
    /spine, night.*something else/,
  ],
])("a spine of %s is refused, not read as truth values", async (_, own, message) => {
  const [byNight] = viewsOf(files[0][1]);
  const service = featureService("rides", [byNight.at({ night: "night" })]);
  await expect(historicalFeatures(duck, { service, spine: { rows: own, time: "t" }, relations: () => relationIn(files[0]) })).rejects.toThrow(message);
});

test("pushed rows give true or false, as columns do, or are set aside with the field that does not", async () => {
  const [byNight] = viewsOf(files[0][1]);
  const online = createOnlineFeatures({ store: openMemoryStore(), views: [byNight] });
  const row = (night: unknown): Record<string, unknown> => ({ at: start, zone: "a", night, fare: 1 });
  const { rejected } = await online.ingest("rides", [true, false, 1, 0, "true", null, 2].map(row), { producer: "p", sequence: 0 });
  expect(rejected.map(({ index, code, message }) => [index, code, /^night|night/.exec(message)?.[0]])).toEqual([
    [4, "ROW_REFUSED", "night"],
    [5, "ROW_KEYLESS", undefined],
    [6, "ROW_REFUSED", "night"],
  ]);
});

test("a fraction is no key, and the error says what to do", () => {
  const [{ entity: of, features }] = viewsOf(files[0][1]);
  const source: SourceDefinition = files[0][1];
  const view = featureView("by_fare", { entity: of, source, on: { night: "fare" }, features });
  expect(() => planView(view)).toThrow(/accident of rounding: key by a whole number of smaller units, or by text/);
});

test("in an address a key is written true or false", () => {
  expect(["true", "false", "1", "True", "", "true "].map((one) => partOfText(one, "boolean"))).toEqual([
    true,
    false,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect([partOfText("true", "string"), partOfText("12", "number"), partOfText("1.5", "number"), partOfText("true", "number")]).toEqual([
    "true",
    12,
    undefined,
    undefined,
  ]);
});
