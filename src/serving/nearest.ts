/** Who is near: `POST /v1/views/{name}/nearest`, and Feast's `/retrieve-online-documents`. */
import type { FastifyInstance } from "fastify";
import type { FeatureViewDefinition } from "../features/definition.ts";
import type { NearestAnswer, NearestQuestion } from "../features/nearest/view-index.ts";
import type { Neighbour } from "../features/nearest/vector-table.ts";
import type { FeatureValue } from "../features/vector.ts";
import { planView } from "../features/view-plan.ts";
import type { Clock, Micros } from "../kernel/clock.ts";
import { formatIso } from "../kernel/time.ts";
import { viewsOf } from "../project/definition.ts";
import { absent } from "./feast/request.ts";
import type { AnswerWork } from "./http-call.ts";
import { isObject, readName, refuse } from "./request-fields.ts";
import type { ServedModel } from "./served-model.ts";

/** What serving asks of the neighbours; in a thread of its own. */
export interface NearestFace {
  nearest(view: FeatureViewDefinition, question: NearestQuestion): Promise<NearestAnswer>;
}

export interface NearestRouteOptions {
  readonly models: ReadonlyMap<string, ServedModel>;
  readonly nearest?: NearestFace | undefined;
  readonly clock: Clock;
  readonly limits: { readonly maxTextLength: number };
  readonly answer: AnswerWork;
}

const maxNeighbours = 1000;
const maxDimensions = 8192;

export function addNearestRoutes(app: FastifyInstance, { models, nearest, clock, limits, answer }: NearestRouteOptions): void {
  if (nearest === undefined) return;
  const views = new Map([...models.values()].flatMap(({ definition }) => viewsOf(definition.service)).map((view) => [view.name, view]));
  const viewNamed = (field: string, name: string): FeatureViewDefinition => {
    const view = views.get(name);
    if (view === undefined) throw absent(field, "feature view", name, [...views.keys()]);
    return view;
  };
  app.post<{ Params: { name: string } }>("/v1/views/:name/nearest", (request, reply) => {
    const view = viewNamed("name", request.params.name);
    answer(request, reply, "features", async () => {
      const found = await nearest.nearest(view, readNearest(request.body, view, limits.maxTextLength, clock.nowUs()));
      const { metric } = view.features[found.feature]!.embedding!;
      return JSON.stringify({
        view: view.name,
        feature: found.feature,
        metric,
        exact: found.exact,
        entities: found.entities,
        neighbours: found.neighbours.map(({ keys, distance, eventUs, attributes }) => ({
          key: Object.fromEntries(view.entity.keys.map((name, i) => [name, keys[i]])),
          distance,
          eventTime: formatIso(eventUs),
          attributes,
        })),
      });
    });
  });
  app.post("/retrieve-online-documents", (request, reply) => {
    answer(request, reply, "features", async () => {
      const { view, feature, shown, query, k } = readFeastDocuments(request.body, viewNamed);
      const found = await nearest.nearest(view, { feature, of: { vector: query }, k, timeUs: clock.nowUs() });
      return JSON.stringify(feastDocuments(view, shown, found));
    });
  });
}

/** @throws INVALID_ARGUMENT naming the field */
function readNearest(body: unknown, view: FeatureViewDefinition, maxTextLength: number, timeUs: Micros): NearestQuestion {
  if (!isObject(body)) throw refuse("body", 'expected {"vector": […]} or {"key": {…}}, and "k"', body);
  const { vector, key, k = 10, exact = false, where } = body;
  if ((vector === undefined) === (key === undefined)) throw refuse("vector", "expected either a vector or a key", vector ?? null);
  if (typeof k !== "number" || !Number.isInteger(k) || k < 1 || k > maxNeighbours) throw refuse("k", `expected a whole number from 1 to ${maxNeighbours}`, k);
  if (typeof exact !== "boolean") throw refuse("exact", "expected true or false", exact);
  return {
    feature: body["feature"] === undefined ? undefined : readName(body["feature"], "feature", maxTextLength),
    of: vector === undefined ? { keys: readKeys(key, view, maxTextLength) } : { vector: readVector(vector, "vector") },
    k,
    where: where === undefined ? undefined : readWhere(where, maxTextLength),
    exact,
    timeUs,
  };
}

function readVector(value: unknown, field: string): number[] {
  if (!Array.isArray(value) || value.length > maxDimensions) throw refuse(field, `expected a list of at most ${maxDimensions} numbers`, value);
  return value.map((one: unknown, i) => {
    if (typeof one !== "number") throw refuse(`${field}[${i}]`, "expected a number", one);
    return one;
  });
}

function readKeys(value: unknown, view: FeatureViewDefinition, maxTextLength: number): (string | number)[] {
  if (!isObject(value)) throw refuse("key", `expected an object with ${view.entity.keys.join(", ")}`, value);
  const { keyTypes } = planView(view);
  return view.entity.keys.map((name, i) => {
    const part = Object.hasOwn(value, name) ? value[name] : undefined;
    if (typeof part === "string" && keyTypes[i] === "string" && part.length <= maxTextLength) return part;
    if (typeof part === "number" && keyTypes[i] === "number" && Number.isSafeInteger(part)) return part;
    throw refuse(`key.${name}`, keyTypes[i] === "string" ? `expected text of at most ${maxTextLength} characters` : "expected a whole number", part);
  });
}

function readWhere(value: unknown, maxTextLength: number): Record<string, string | number> {
  if (!isObject(value)) throw refuse("where", "expected an object from a latest feature to its value", value);
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => {
      if (typeof one === "string" && one.length <= maxTextLength) return [name, one];
      if (typeof one === "number" && Number.isFinite(one)) return [name, one];
      throw refuse(`where.${name}`, "expected text or a number", one);
    }),
  );
}

interface FeastDocuments {
  readonly view: FeatureViewDefinition;
  readonly feature: string | undefined;
  /** Features asked for, in their order. */
  readonly shown: readonly string[];
  readonly query: readonly number[];
  readonly k: number;
}

/** Feast's `GetOnlineDocumentsRequest`: `features` of one view, `query` a vector, `top_k`. @throws INVALID_ARGUMENT, FEATURE_NOT_FOUND */
function readFeastDocuments(body: unknown, viewNamed: (field: string, name: string) => FeatureViewDefinition): FeastDocuments {
  if (!isObject(body)) throw refuse("body", 'expected {"features": ["view:embedding"], "query": […], "top_k": 10}', body);
  const { features, query, top_k: k = 10 } = body;
  if (!Array.isArray(features) || features.length === 0 || features.length > 100)
    throw refuse("features", 'expected a list of "view:feature" of one view', features);
  if (typeof k !== "number" || !Number.isInteger(k) || k < 1 || k > maxNeighbours)
    throw refuse("top_k", `expected a whole number from 1 to ${maxNeighbours}`, k);
  if (query === undefined || query === null) throw refuse("query", "expected a vector; text is not searched here", query);
  const named = features.map((one: unknown, i) => {
    const text = readName(one, `features[${i}]`, 1000);
    const colon = text.indexOf(":");
    if (colon <= 0 || colon === text.length - 1) throw refuse(`features[${i}]`, 'expected "view:feature"', one);
    return { view: text.slice(0, colon), feature: text.slice(colon + 1) };
  });
  const view = viewNamed("features[0]", named[0]!.view);
  const shown = named.map(({ view: name, feature }, i) => {
    if (name !== view.name) throw refuse(`features[${i}]`, "expected features of one view", name);
    const own = Object.hasOwn(view.features, feature) ? view.features[feature] : undefined;
    if (own === undefined) throw absent(`features[${i}]`, `feature of view ${view.name}`, feature, Object.keys(view.features));
    if (own.aggregate !== "latest") throw refuse(`features[${i}]`, "expected an embedding or a latest feature", feature);
    return feature;
  });
  return { view, feature: shown.find((name) => view.features[name]?.embedding !== undefined), shown, query: readVector(query, "query"), k };
}

/** `GetOnlineFeaturesResponse`: keys, the features asked for (vectors are not sent back), and the distance, a column each. */
function feastDocuments(view: FeatureViewDefinition, shown: readonly string[], { neighbours }: NearestAnswer): unknown {
  const column = (values: readonly FeatureValue[], times: readonly string[]): unknown => ({
    values,
    statuses: values.map((value) => (value === null ? "NULL_VALUE" : "PRESENT")),
    event_timestamps: times,
  });
  const times = neighbours.map(({ eventUs }) => formatIso(eventUs));
  const named = shown.filter((name) => view.features[name]?.embedding === undefined);
  const of = (value: (neighbour: Neighbour) => FeatureValue): unknown => column(neighbours.map(value), times);
  return {
    metadata: { feature_names: [...view.entity.keys, ...named, "distance"] },
    results: [
      ...view.entity.keys.map((_, i) => of(({ keys }) => keys[i]!)),
      ...named.map((name) => of(({ attributes }) => attributes[name] ?? null)),
      of(({ distance }) => distance),
    ],
  };
}
