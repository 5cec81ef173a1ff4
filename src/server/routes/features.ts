import type { FastifyInstance } from "fastify";
import { Type, type Static } from "typebox";
import { featureViewHash, slotsOf, type FeatureViewDefinition, type ModelFeature } from "../../features/definition.ts";
import { viewsOf, type ModelDefinition } from "../../project/definition.ts";
import { changesBetween } from "../../features/definition-changes.ts";
import { keyKinds, partOfField, partOfText, type KeyPart, type KeyType } from "../../features/key-part.ts";
import { describeOnline } from "../../features/online/describe.ts";
import { planView } from "../../features/view-plan.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import type { FeatureSlot, Features, FeatureView } from "../api.ts";
import type { ExploredEntity, FeatureViewDetail, SourceStream, ViewVersion } from "../api-features.ts";
import type { RouteContext } from "../control-rooms.ts";
import { viewInUse } from "../feature-profile.ts";
import { schemas } from "../schemas.ts";
import type { ServingWatch } from "../serving-watch.ts";

const params = Type.Object({ hash: Type.String({ maxLength: 200 }) });
const question = Type.Object({
  key: Type.Optional(Type.Union([Type.String({ maxLength: 500 }), Type.Array(Type.String({ maxLength: 500 }), { maxItems: 20 })])),
  atUs: Type.Integer({ minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
});

const period = Type.Object({ days: Type.Optional(Type.Integer({ minimum: 1, maximum: 4, description: "Newest days of questions; default 2." })) });

export function addFeatureRoutes(app: FastifyInstance, context: RouteContext): void {
  const { project, explorer } = context;
  // Definitions do not change while the program runs.
  const views = [...new Map(project.models.flatMap((m) => viewsOf(m.service)).map((v) => [featureViewHash(v), v]))];
  const features: Features = {
    views: views.map(([hash, view]) => featureView(hash, view, project.models)),
    models: project.models.map((m) => ({ model: m.name, serviceHash: m.service.hash, slots: m.service.features.flatMap(slots) })),
  };
  const viewOf = (hash: string): FeatureViewDefinition => {
    const found = views.find(([own]) => own === hash);
    if (found === undefined)
      throw new KarkhanaError("FEATURE_NOT_FOUND", {
        field: "view",
        what: "feature view with hash",
        name: hash,
        known: views.map(([own, { name }]) => `${name} (${own.slice(0, 10)})`).join(", "),
      });
    return found[1];
  };
  app.get<{ Params: Static<typeof params> }>(
    "/features/:hash",
    { schema: { summary: "A view: its definition, what both engines do, and the health of its source", params, response: { 200: schemas.featureView } } },
    (request) => detailOf(context, viewOf(request.params.hash), featureView(request.params.hash, viewOf(request.params.hash), project.models)),
  );
  app.get<{ Params: Static<typeof params>; Querystring: Static<typeof question> }>(
    "/features/:hash/entity",
    {
      schema: {
        summary: "What a view says of an entity as of a time, by both engines, and the rows behind it",
        params,
        querystring: question,
        response: { 200: schemas.exploredEntity },
      },
    },
    async (request): Promise<ExploredEntity> => {
      const view = viewOf(request.params.hash);
      const { key = [], atUs } = request.query;
      const keys = readKeys(view, typeof key === "string" ? [key] : key);
      const found = await explorer.explore(view, keys, atUs);
      return { view: view.name, atUs, keys: Object.fromEntries(view.entity.keys.map((name, i) => [name, keys[i]!])), ...found };
    },
  );
  app.get<{ Params: Static<typeof params> }>(
    "/features/:hash/history",
    { schema: { summary: "Versions of a view's definition, newest first, and what each changed", params, response: { 200: schemas.viewVersions } } },
    async (request): Promise<ViewVersion[]> => {
      const versions = await context.definitions.versions("view", viewOf(request.params.hash).name);
      return versions.map(({ hash, seenUs, parts }, i) => {
        const before = versions[i + 1];
        return { hash, seenUs, isCurrent: i === 0, changes: before === undefined ? [] : changesBetween(before.parts, parts) };
      });
    },
  );
  app.get<{ Params: Static<typeof params>; Querystring: Static<typeof period> }>(
    "/features/:hash/profile",
    {
      schema: {
        summary: "What lookups of a view gave lately: shares of nulls, defaults and unknown keys, distributions beside the training set's, parity",
        params,
        querystring: period,
        response: { 200: schemas.viewInUse },
      },
    },
    async (request) => {
      const view = viewOf(request.params.hash);
      return viewInUse(context, view, await explorer.profile(view, request.query.days));
    },
  );
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
      aggregate: w.embedding === undefined ? w.aggregate : `embedding, ${w.embedding.dimensions} by ${w.embedding.metric}`,
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

/** @throws INVALID_ARGUMENT */
function readKeys(view: FeatureViewDefinition, given: readonly string[]): KeyPart[] {
  const { keyTypes } = planView(view);
  if (given.length !== keyTypes.length)
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: "key",
      problem: `expected ${keyTypes.length}, one each for ${view.entity.keys.join(", ")}`,
      value: given.length,
    });
  return given.map((text, i) => {
    const type = keyTypes[i]!;
    const part = partOfText(text, type);
    if (part !== undefined) return part;
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: `key ${view.entity.keys[i]}`,
      problem: `expected ${keyKinds[type].expected}`,
      value: text.slice(0, 100),
    });
  });
}

async function detailOf(
  { explorer, feedback, clock, serving }: RouteContext,
  definition: FeatureViewDefinition,
  view: FeatureView,
): Promise<FeatureViewDetail> {
  const plan = planView(definition);
  const { counters, quarantine, mark } = await explorer.health(definition);
  const { refused, ...counted } = counters;
  return {
    view,
    where: definition.where ?? null,
    ttlUs: definition.ttlUs ?? null,
    keyTypes: plan.keyTypes,
    online: describeOnline(plan),
    health: {
      ...counted,
      refused: { ...refused },
      filledToUs: mark?.untilUs ?? null,
      ageUs: counted.newestEventUs === null ? null : Math.max(0, clock.nowUs() - counted.newestEventUs),
      freshnessUs: definition.freshnessUs ?? null,
      quarantine,
    },
    stream: streamOf(definition, serving.streams()),
    example: await lastQuestion(feedback, view, plan.keyTypes),
  };
}

function streamOf({ source }: FeatureViewDefinition, streams: ReturnType<ServingWatch["streams"]>): SourceStream | null {
  const own = streams.find((one) => one.source === source.name);
  if (own === undefined)
    return source.topic === undefined ? null : { topic: source.topic.topic, state: "unknown", partitions: 0, lag: null, missed: 0, lastError: null };
  const { topic, state, partitions, missed, lastError } = own;
  return {
    topic,
    state,
    partitions: partitions.length,
    lag: partitions.length === 0 ? null : partitions.reduce((sum, { lag }) => sum + lag, 0),
    missed,
    lastError,
  };
}

const lookedAt = 200;

async function lastQuestion(
  feedback: RouteContext["feedback"],
  { keys, readBy }: FeatureView,
  keyTypes: readonly KeyType[],
): Promise<FeatureViewDetail["example"]> {
  const { predictions } = await feedback.ends();
  const logged = await feedback.predictions(Math.max(0, predictions - lookedAt), lookedAt);
  for (const { record } of logged.toReversed()) {
    const binding = readBy.find(({ model }) => model === record.model)?.binding;
    const values = keys.map((key, i) => (binding?.[key] === undefined ? null : partOfField(record.fields[binding[key]] ?? null, keyTypes[i]!)));
    if (values.every((value) => value !== null)) return { keys: values, atUs: record.askedUs };
  }
  return null;
}
