import { expect, test } from "vitest";
import { parquet } from "../data/source.ts";
import { derivedFeatures, embedding, entity, featureService, featureView, latest, window, type FeatureViewDefinition } from "./definition.ts";
import { planView } from "./view-plan.ts";

/* What the compiler says: each line after an expectation must not compile (`tsc -p .` reads this file). What slips past it is refused when planned. */

const flights = parquet("flights", {
  path: "flights.parquet",
  schema: { date: "timestamp", delay: "int64", miles: "float64", origin: "string", late: "boolean" },
  eventTime: "date",
});
const airport = entity("airport", { keys: ["airport"] });
const common = { entity: airport, source: flights, on: { airport: "origin" } } as const;

const good = featureView("from", {
  ...common,
  ttl: "1d",
  features: {
    newest: latest("origin"),
    mean_delay: window("6h").mean("delay"),
    speed: window("1h", { hop: "5m" }).std("miles / (30 + delay)"),
    far: window("1d").where("origin <> 'ORD' and \"miles\" > 500").count(),
    often: window("lifetime").topK("origin", 3),
    share: window("1h").share("late"),
    big: window("1h").share("delay >= 15 or origin in ('JFK', 'LAX')"),
    since: window("1h").where("date > timestamp '2001-04-01T00:00:00Z'").max("date"),
  },
});

test("a wrong column or type does not compile, and is refused when planned as well", () => {
  const wrong: FeatureViewDefinition[] = [
    // @ts-expect-error -- there is no such column
    featureView("a", { ...common, features: { x: window("1h").mean("delays") } }),
    // @ts-expect-error -- nor in the middle of an expression
    featureView("b", { ...common, features: { x: window("1h").sum("delay + mile / 2") } }),
    // @ts-expect-error -- nor in a condition
    featureView("c", { ...common, features: { x: window("1h").where("latte").count() } }),
    // @ts-expect-error -- text has no mean
    featureView("d", { ...common, features: { x: window("1h").mean("origin") } }),
    // @ts-expect-error -- a share is of a condition
    featureView("e", { ...common, features: { x: window("1h").share("delay") } }),
    // @ts-expect-error -- there is no such column to read the newest of
    featureView("f", { ...common, features: { x: latest("departure") } }),
    // @ts-expect-error -- text has no greatest
    featureView("g", { ...common, features: { x: window("1h").max("origin") } }),
    // @ts-expect-error -- a key is no fraction
    featureView("h", { entity: airport, source: flights, on: { airport: "miles" }, features: { x: window("1h").count() } }),
  ];
  for (const view of wrong) expect(() => planView(view), view.name).toThrow(/EXPRESSION_INVALID|column|number|boolean|key/);
  expect(planView(good).features).toHaveLength(8);
  // @ts-expect-error -- the entity's key is called airport
  good.at({ origin: "origin" });
});

test("derived features read slots that stand before them, and nothing else", () => {
  const ratio = derivedFeatures("ratio", {
    inputs: ["from.mean_delay", "from.far"],
    outputs: ["r"],
    compute: (of) => ({ r: of["from.mean_delay"] / of["from.far"] }),
  });
  const from = good.at({ airport: "origin" });
  expect(featureService("s", [from, ratio]).slots.map(({ name }) => name)).toContain("from.often.2");
  expect(() => featureService("s", [ratio, from])).toThrow("stand before it");
  const category = derivedFeatures("c", { inputs: ["from.newest"], outputs: ["r"], compute: () => ({ r: 1 }) });
  expect(() => featureService("s", [from, category])).toThrow("code belongs to a model version");
  derivedFeatures("wrong", {
    inputs: ["from.mean_delay"],
    outputs: ["r"],
    // @ts-expect-error -- reads what is not among its inputs
    compute: (inputs) => ({ r: inputs["from.late"] }),
  });
});

test.each([
  ["a percentile of nothing", window("1h").percentile("delay", 0)],
  ["a list of a thousand", window("1h").lastN("delay", 1000)],
  ["a sketch of three", window("1h").approxDistinct("delay", 3)],
  ["a hop longer than its window", window("1h", { hop: "2h" }).count()],
  ["the most frequent fractions", window("1h").topK("miles / 3", 2)],
  ["the hash of a fraction", window("1h").approxDistinct("miles / 3")],
])("%s is refused", (_, feature) => {
  expect(() => planView(featureView("v", { ...common, features: { x: feature as never } }))).toThrow(/view v|feature x|hop|fraction|whole/);
});

test("another ttl, hop or condition is another version of the view", () => {
  const hashes = [
    featureView("v", { ...common, features: { x: window("1h").count() } }),
    featureView("v", { ...common, ttl: "1h", features: { x: window("1h").count() } }),
    featureView("v", { ...common, where: "late", features: { x: window("1h").count() } }),
    featureView("v", { ...common, features: { x: window("1h", { hop: "5m" }).count() } }),
    featureView("v", { ...common, features: { x: window("1h").where("late").count() } }),
  ].map((view) => planView(view).hash);
  expect(new Set(hashes).size).toBe(5);
});

test("an embedding of another length, or of what is no vector, does not compile, and is refused when planned as well", () => {
  const songs = parquet("songs", {
    path: "songs.parquet",
    schema: { at: "timestamp", song: "string", sound: "float32[3]", loud: "float64" },
    eventTime: "at",
  });
  const of = { entity: entity("song", { keys: ["song"] }), source: songs, on: { song: "song" } } as const;
  const right = featureView("song", { ...of, features: { sound: embedding("sound", { dimensions: 3, metric: "cosine" }) } });
  expect(planView(right).features[0]?.output).toEqual({ type: "number", length: 3, isInput: false });
  expect(featureService("s", [right.at({ song: "song" })]).slots).toEqual([]);
  const read = featureView("song", { ...of, features: { sound: embedding("sound", { dimensions: 3, metric: "cosine", asModelInput: true }) } });
  expect(featureService("s", [read.at({ song: "song" })]).slots.map(({ name }) => name)).toEqual(["song.sound.0", "song.sound.1", "song.sound.2"]);
  const wrong: (() => FeatureViewDefinition)[] = [
    // @ts-expect-error -- the column holds three numbers
    () => featureView("a", { ...of, features: { x: embedding("sound", { dimensions: 4, metric: "dot" }) } }),
    // @ts-expect-error -- a number is no vector
    () => featureView("b", { ...of, features: { x: embedding("loud", { dimensions: 1, metric: "l2" }) } }),
    // @ts-expect-error -- there is no such column
    () => featureView("c", { ...of, features: { x: embedding("noise", { dimensions: 3, metric: "l2" }) } }),
    // @ts-expect-error -- the newest vector is an embedding
    () => featureView("d", { ...of, features: { x: latest("sound") } }),
    // @ts-expect-error -- vectors are no keys
    () => featureView("e", { ...of, on: { song: "sound" }, features: { x: window("1h").count() } }),
    // @ts-expect-error -- nor counted
    () => featureView("f", { ...of, features: { x: window("1h").distinct("sound") } }),
  ];
  for (const make of wrong) expect(() => planView(make())).toThrow(/feature x|list of numbers|key/);
});
