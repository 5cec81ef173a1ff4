import type { FastifyInstance } from "fastify";
import { featureViewHash, slotsOf, type FeatureViewDefinition, type ModelFeature } from "../../features/definition.ts";
import { viewsOf, type ModelDefinition } from "../../project/definition.ts";
import type { FeatureSlot, Features, FeatureView } from "../api.ts";
import type { RouteContext } from "../control-rooms.ts";
import { schemas } from "../schemas.ts";

export function addFeatureRoutes(app: FastifyInstance, { project }: RouteContext): void {
  // Definitions do not change while the program runs.
  const views = [...new Map(project.models.flatMap((m) => viewsOf(m.service)).map((v) => [featureViewHash(v), v]))];
  const features: Features = {
    views: views.map(([hash, view]) => featureView(hash, view, project.models)),
    models: project.models.map((m) => ({ model: m.name, serviceHash: m.service.hash, slots: m.service.features.flatMap(slots) })),
  };
  app.get("/features", { schema: { summary: "Feature views and the vectors models read", response: { 200: schemas.features } } }, () => features);
}

function featureView(hash: string, view: FeatureViewDefinition, models: readonly ModelDefinition[]): FeatureView {
  const readBy = models.flatMap((m) =>
    m.service.features.flatMap((f) =>
      f.kind === "featureReference" && featureViewHash(f.view) === hash ? [{ model: m.name, prefix: f.prefix, binding: f.binding }] : [],
    ),
  );
  return {
    name: view.name,
    hash,
    entity: view.entity.name,
    keys: view.entity.keys,
    source: view.source.name,
    eventTime: view.source.eventTime,
    knownTime: view.source.knownTime ?? null,
    features: Object.entries(view.features).map(([name, w]) => ({
      name,
      aggregate: w.aggregate,
      measure: w.measure ?? null,
      window: w.window,
      windowUs: w.windowUs,
    })),
    readBy,
  };
}

function slots(feature: ModelFeature): FeatureSlot[] {
  if (feature.kind === "field") return [{ name: feature.field, type: feature.type, from: "field", view: null, feature: null }];
  if (feature.kind === "requestFeatures" || feature.kind === "derivedFeatures")
    return feature.outputs.map((o) => ({ name: `${feature.name}.${o}`, type: "numeric", from: "request", view: feature.name, feature: o }));
  const { view, prefix } = feature;
  return slotsOf(feature).map(({ name, type }) => {
    const own = Object.keys(view.features).find((f) => name === `${prefix}.${f}` || name.replace(/\.\d+$/, "") === `${prefix}.${f}`) ?? null;
    return { name, type, from: "view", view: view.name, feature: own };
  });
}
