import type { DefinitionHistory } from "../features/definition-history.ts";
import { featureView, window, type FeatureViewDefinition } from "../features/definition.ts";
import type { Micros } from "../kernel/clock.ts";
import { MICROS_PER_DAY } from "../kernel/time.ts";
import type { ModelDefinition } from "../project/definition.ts";
import { currentDefinitions } from "../workflows/definition-plan.ts";

/** The project as it is, after a start with a route view of other windows. */
export async function adoptTwice(history: DefinitionHistory, model: ModelDefinition, route: FeatureViewDefinition, atUs: Micros): Promise<void> {
  const before = featureView(route.name, {
    entity: route.entity,
    source: route.source,
    on: route.on,
    features: { late_share_7d: window("7d").share("delay >= 30"), flights_1d: window("1d").count() },
  });
  const features = model.service.features.map((f) => (f.kind === "featureReference" && f.view === route ? before.at(f.binding, f.prefix) : f));
  await history.adopt(currentDefinitions([{ ...model, service: { ...model.service, features } }]), atUs - 20 * MICROS_PER_DAY);
  await history.adopt(currentDefinitions([model]), atUs - 2 * MICROS_PER_DAY);
}
