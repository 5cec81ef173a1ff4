/** Who is near: `POST /v1/views/{name}/nearest`, and Feast's `/search` and `/retrieve-online-documents`. */
import type { FastifyInstance } from "fastify";
import type { FeatureViewDefinition } from "../features/definition.ts";
import { isKeyPart, keyKinds, type KeyPart } from "../features/key-part.ts";
import type { NearestAnswer, NearestQuestion } from "../features/nearest/view-index.ts";
import { planView } from "../features/view-plan.ts";
import type { Clock, Micros } from "../kernel/clock.ts";
import { formatIso } from "../kernel/time.ts";
import { viewsOf } from "../project/definition.ts";
import { documentsAnswer, readDocumentsRequest } from "./feast/documents.ts";
import { absent } from "./feast/request.ts";
import type { AnswerWork } from "./http-call.ts";
import { maxNeighbours, readVector } from "./question-vector.ts";
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
  // Feast's clients ask under the first name, and where it is not found (a view that is not there, too) under the older one.
  for (const route of ["/search", "/retrieve-online-documents"])
    app.post(route, (request, reply) => {
      answer(request, reply, "features", async () => {
        const { view, feature, shown, query, k, where } = readDocumentsRequest(request.body, viewNamed, limits.maxTextLength);
        const question: NearestQuestion = { feature, of: { vector: query }, k, where, timeUs: clock.nowUs(), vectors: feature !== undefined };
        return JSON.stringify(documentsAnswer(view, shown, await nearest.nearest(view, question)));
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

function readKeys(value: unknown, view: FeatureViewDefinition, maxTextLength: number): KeyPart[] {
  if (!isObject(value)) throw refuse("key", `expected an object with ${view.entity.keys.join(", ")}`, value);
  const { keyTypes } = planView(view);
  return view.entity.keys.map((name, i) => {
    const part = Object.hasOwn(value, name) ? value[name] : undefined;
    const type = keyTypes[i]!;
    if (isKeyPart(part, type) && !(typeof part === "string" && part.length > maxTextLength)) return part;
    throw refuse(`key.${name}`, `expected ${keyKinds[type].expected}${type === "string" ? ` of at most ${maxTextLength} characters` : ""}`, part);
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
