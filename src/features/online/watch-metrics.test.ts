import { expect, test } from "vitest";
import { csv } from "../../data/source.ts";
import { ManualClock } from "../../kernel/clock.ts";
import { MICROS_PER_HOUR } from "../../kernel/time.ts";
import { openMemoryStore } from "../../storage/kv/memory.ts";
import { entity, featureService, featureView, latest, type ViewFeature } from "../definition.ts";
import { LookupWatch } from "./lookup-watch.ts";
import { createOnlineFeatures } from "./online-features.ts";
import { lookupFamilies, metricLines, sourceFamilies, watchedSources } from "./watch-metrics.ts";

const source = csv("visits", {
  path: "visits.csv",
  eventTime: "at",
  knownTime: "told",
  lateness: "1d",
  schema: { at: "timestamp", told: "timestamp", city: "string", spent: "float64" },
});
const of = { entity: entity("city", { keys: ["city"] }), source, on: { city: "city" } } as const;
const view = featureView('a "view"', { ...of, features: { spent: latest("spent") } });
const noon = 1e15;

test("lookups, values, ages, freshness, late and quarantined rows as Prometheus text", async () => {
  const store = openMemoryStore();
  const watch = new LookupWatch({ store, views: [view], clock: new ManualClock(noon), writer: "a" });
  const online = createOnlineFeatures({ store, views: [view], watch });
  const rows = [
    { at: noon - 20e6, told: noon - 20e6, city: "Pune", spent: 1 },
    { at: noon - 50 * MICROS_PER_HOUR, told: noon, city: "Pune", spent: 1 },
    { at: "soon", told: noon, city: "Pune", spent: 1 },
  ];
  await online.ingest("visits", rows, { producer: "p", sequence: 0 });
  const service = featureService("s", [view.at({ city: "city" })]);
  await online.valuesReader(service)([noon, noon], [{ city: "Pune" }, { city: "Agra" }]);
  const families = [...lookupFamilies(watch.totals()), ...sourceFamilies(await watchedSources(online, [view]), noon)];
  const text = metricLines(families).join("\n");
  const labels = `view="a \\"view\\"",version="${watch.totals()[0]!.hash.slice(0, 12)}"`;
  for (const line of [
    "# TYPE karkhana_feature_lookups_total counter",
    `karkhana_feature_lookups_total{${labels}} 2`,
    `karkhana_feature_lookups_not_found_total{${labels}} 1`,
    `karkhana_feature_values_total{${labels},feature="spent",status="PRESENT"} 1`,
    `karkhana_feature_values_total{${labels},feature="spent",status="NOT_FOUND"} 1`,
    `karkhana_feature_age_seconds_bucket{${labels},le="15"} 0`,
    `karkhana_feature_age_seconds_bucket{${labels},le="60"} 1`,
    `karkhana_feature_age_seconds_bucket{${labels},le="+Inf"} 1`,
    `karkhana_feature_age_seconds_sum{${labels}} 20`,
    `karkhana_feature_freshness_seconds{view="a \\"view\\"",source="visits"} 20`,
    'karkhana_source_late_rows_total{source="visits"} 1',
    'karkhana_source_quarantined_rows_total{source="visits",code="ROW_REFUSED"} 1',
  ])
    expect(text.split("\n")).toContain(line);
  expect(metricLines(families, true).join("\n")).toContain("# TYPE karkhana_feature_lookups counter");
});

test("a project of many features does not make ever more series", () => {
  const features = Object.fromEntries(Array.from({ length: 700 }, (_, i): [string, ViewFeature] => [`f${i}`, latest("spent")]));
  const views = ["one", "two", "three"].map((name) => featureView(name, { ...of, features: features as Record<string, ReturnType<typeof latest<"spent">>> }));
  const watch = new LookupWatch({ store: openMemoryStore(), views, clock: new ManualClock(noon), writer: "a" });
  const values = lookupFamilies(watch.totals()).find(({ name }) => name === "karkhana_feature_values_total")!;
  expect(values.samples).toHaveLength(1002 * 5);
  expect(values.samples.filter(({ labels }) => labels["feature"] === "(others)").map(({ labels }) => labels["view"])).toEqual(
    ["two", "three"].flatMap((name) => Array.from({ length: 5 }, () => name)),
  );
});
