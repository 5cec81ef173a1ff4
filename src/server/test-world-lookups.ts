import { featureService, type FeatureViewDefinition } from "../features/definition.ts";
import { createDefinitionHistory } from "../features/definition-history.ts";
import { LookupWatch } from "../features/online/lookup-watch.ts";
import { createOnlineFeatures } from "../features/online/online-features.ts";
import type { Clock, Micros } from "../kernel/clock.ts";
import { MICROS_PER_HOUR } from "../kernel/time.ts";
import type { ModelDefinition } from "../project/definition.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { adoptTwice } from "./test-world-definitions.ts";
import type { KeyValueStore } from "../storage/kv/port.ts";

interface InUse {
  readonly database: SqlDatabase;
  readonly onlineStore: KeyValueStore;
  readonly machineClock: Clock;
}

/** Definitions that changed once, and a day of lookups. */
export async function useFeatures(
  { database, onlineStore, machineClock }: InUse,
  model: ModelDefinition,
  views: { readonly airport: FeatureViewDefinition; readonly route: FeatureViewDefinition },
  airports: readonly string[],
  startUs: Micros,
): Promise<void> {
  await adoptTwice(createDefinitionHistory(database), model, views.route, startUs);
  await lookUp(onlineStore, views, airports, startUs, machineClock);
}

/** Six hundred questions of a day, one in thirty about an airport nobody knows. */
async function lookUp(
  store: KeyValueStore,
  { airport, route }: { readonly airport: FeatureViewDefinition; readonly route: FeatureViewDefinition },
  airports: readonly string[],
  startUs: Micros,
  clock: Clock,
): Promise<void> {
  const watch = new LookupWatch({ store, views: [airport, route], clock, writer: "serving" });
  const online = createOnlineFeatures({ store, views: [airport, route], watch });
  const service = featureService("asked", [airport.at({ airport: "origin" }), route.at({ origin: "origin", destination: "destination" })]);
  const numQuestions = 600;
  const times = Array.from({ length: numQuestions }, (_, i) => startUs - 24 * MICROS_PER_HOUR + Math.floor((i * 24 * MICROS_PER_HOUR) / numQuestions));
  const fields = times.map((_, i) => ({ origin: i % 30 === 7 ? "XYZ" : airports[i % 8]!, destination: airports[(i * 3 + 1) % 8]! }));
  await online.valuesReader(service)(times, fields);
  await watch.write();
}
