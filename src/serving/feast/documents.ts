/** Feast's `GetOnlineDocumentsRequest` (0.67: `/search`, before `/retrieve-online-documents`) and its answer. */
import type { FeatureViewDefinition } from "../../features/definition.ts";
import type { NearestAnswer } from "../../features/nearest/view-index.ts";
import type { Neighbour } from "../../features/nearest/vector-table.ts";
import type { FeatureValue } from "../../features/vector.ts";
import { formatIso } from "../../kernel/time.ts";
import { maxNeighbours, readVector } from "../question-vector.ts";
import { isObject, readName, refuse } from "../request-fields.ts";
import { absent } from "./request.ts";

export interface DocumentsRequest {
  readonly view: FeatureViewDefinition;
  /** The embedding among the features asked for: its vectors are sent back. */
  readonly feature: string | undefined;
  /** Features asked for, in their order. */
  readonly shown: readonly string[];
  readonly query: readonly number[];
  readonly k: number;
  readonly where: Readonly<Record<string, string | number>> | undefined;
}

type ViewNamed = (field: string, name: string) => FeatureViewDefinition;

const maxFilters = 20;

/** `features` of one view, `query` a vector, `top_k`, `filters` of equal values. @throws INVALID_ARGUMENT, FEATURE_NOT_FOUND */
export function readDocumentsRequest(body: unknown, viewNamed: ViewNamed, maxTextLength: number): DocumentsRequest {
  if (!isObject(body)) throw refuse("body", 'expected {"features": ["view:embedding"], "query": […], "top_k": 10}', body);
  const { features, query } = body;
  const k = body["top_k"] ?? 10;
  if (!Array.isArray(features) || features.length === 0 || features.length > 100)
    throw refuse("features", 'expected a list of "view:feature" of one view', features);
  if (typeof k !== "number" || !Number.isInteger(k) || k < 1 || k > maxNeighbours)
    throw refuse("top_k", `expected a whole number from 1 to ${maxNeighbours}`, k);
  if ((body["query_string"] ?? null) !== null) throw refuse("query_string", "text is not searched here; send the text's vector as query", body["query_string"]);
  if (query === undefined || query === null) throw refuse("query", "expected a vector; text is not searched here", query);
  const named = features.map((one: unknown, i) => {
    const text = readName(one, `features[${i}]`, 1000);
    const colon = text.indexOf(":");
    if (colon <= 0 || colon === text.length - 1) throw refuse(`features[${i}]`, 'expected "view:feature"', one);
    return { view: text.slice(0, colon), feature: text.slice(colon + 1) };
  });
  const view = viewNamed("features[0]", named[0]!.view);
  let feature: string | undefined;
  const shown = named.map(({ view: name, feature: one }, i) => {
    if (name !== view.name) throw refuse(`features[${i}]`, "expected features of one view", name);
    const own = Object.hasOwn(view.features, one) ? view.features[one] : undefined;
    if (own === undefined) throw absent(`features[${i}]`, `feature of view ${view.name}`, one, Object.keys(view.features));
    if (own.aggregate !== "latest") throw refuse(`features[${i}]`, "expected an embedding or a latest feature", one);
    if (own.embedding !== undefined && feature !== undefined && feature !== one)
      throw refuse(`features[${i}]`, `expected one embedding; ${feature} is named`, one);
    if (own.embedding !== undefined) feature = one;
    return one;
  });
  checkMetric(body["distance_metric"] ?? undefined, feature === undefined ? undefined : view.features[feature]?.embedding?.metric);
  return { view, feature, shown, query: readVector(query, "query"), k, where: readFilters(body["filters"] ?? undefined, maxTextLength) };
}

const metricNames: Readonly<Record<string, string>> = { cosine: "cosine", l2: "l2", ip: "dot", inner_product: "dot" };

/** The definition says by what is measured. Feast's clients send "L2" where nobody chose anything, so that is no choice. */
function checkMetric(asked: unknown, metric: string | undefined): void {
  if (asked === undefined || metric === undefined) return;
  if (typeof asked !== "string" || asked.length > 100) throw refuse("distance_metric", "expected text", asked);
  const name = asked.toLowerCase();
  if (name !== "l2" && metricNames[name] !== metric) throw refuse("distance_metric", `the embedding is declared to be measured by ${metric}`, asked);
}

/** Feast's `ComparisonFilter` of equal values, or several that must all hold. */
function readFilters(filters: unknown, maxTextLength: number): Record<string, string | number> | undefined {
  if (filters === undefined) return undefined;
  const where = new Map<string, string | number>();
  const read = (filter: unknown, field: string, depth: number): void => {
    if (!isObject(filter)) throw refuse(field, 'expected {"type": "eq", "key": …, "value": …}', filter);
    const { type, filters: parts, value } = filter;
    if (type === "and" && Array.isArray(parts) && parts.length <= maxFilters && depth < 3) {
      for (const [i, part] of parts.entries()) read(part, `${field}.filters[${i}]`, depth + 1);
      return;
    }
    if (type !== "eq") throw refuse(`${field}.type`, 'expected "eq", or "and" of such', type);
    const key = readName(filter["key"], `${field}.key`, maxTextLength);
    if (!(typeof value === "string" && value.length <= maxTextLength) && !(typeof value === "number" && Number.isFinite(value)))
      throw refuse(`${field}.value`, "expected text or a number", value);
    if (where.has(key) && where.get(key) !== value) throw refuse(`${field}.key`, "is asked to equal two values", key);
    where.set(key, value);
  };
  read(filters, "filters", 0);
  return Object.fromEntries(where);
}

/** `GetOnlineFeaturesResponse`: keys, the features asked for, and the distance, a column each. */
export function documentsAnswer(view: FeatureViewDefinition, shown: readonly string[], { feature, neighbours }: NearestAnswer): unknown {
  const times = neighbours.map(({ eventUs }) => formatIso(eventUs));
  const of = (value: (neighbour: Neighbour) => FeatureValue | boolean | readonly number[]): unknown => {
    const values = neighbours.map(value);
    return { values, statuses: values.map((one) => (one === null ? "NULL_VALUE" : "PRESENT")), event_timestamps: times };
  };
  return {
    metadata: { feature_names: [...view.entity.keys, ...shown, "distance"] },
    results: [
      ...view.entity.keys.map((_, i) => of(({ keys }) => keys[i]!)),
      ...shown.map((name) => of(({ attributes, vector }) => (name === feature ? Array.from(vector ?? []) : (attributes[name] ?? null)))),
      of(({ distance }) => distance),
    ],
  };
}
