import { featureService, slotsOf, type FeatureService, type FeatureViewDefinition } from "../../features/definition.ts";
import type { ValuesReader, ViewValues } from "../../features/online/online-features.ts";
import { categoryOf, derivedFiller, requestFiller, type FeatureValue, type RequestFields } from "../../features/vector.ts";
import type { MaybePromise } from "../../storage/kv/port.ts";
import { absent, type OnlineFeaturesRequest } from "./request.ts";
import { refuse } from "../request-fields.ts";

type Status = "PRESENT" | "NULL_VALUE" | "NOT_FOUND" | "OUTSIDE_MAX_AGE";

/** Feast's `GetOnlineFeaturesResponse` as JSON: one result a name, not a row, each with a value, a status and a time for every row. */
export interface OnlineFeaturesResponse {
  readonly metadata: { readonly feature_names: readonly string[] };
  readonly results: readonly FeatureColumn[];
}

export interface FeatureColumn {
  readonly values: FeatureValue[];
  readonly statuses: Status[];
  /** One array for all features of a view. */
  readonly event_timestamps: readonly string[];
}

/** As `JSON.stringify`, with a view's times written once: they are most of the text. */
export function toJson({ metadata, results }: OnlineFeaturesResponse): string {
  const written = new Map<readonly string[], string>();
  const times = (of: readonly string[]): string => {
    let text = written.get(of);
    if (text === undefined) written.set(of, (text = JSON.stringify(of)));
    return text;
  };
  const columns = results.map(
    ({ values, statuses, event_timestamps }) =>
      `{"values":${JSON.stringify(values)},"statuses":${JSON.stringify(statuses)},"event_timestamps":${times(event_timestamps)}}`,
  );
  return `{"metadata":${JSON.stringify(metadata)},"results":[${columns.join(",")}]}`;
}

export interface FeastOptions {
  readonly views: readonly FeatureViewDefinition[];
  readonly services: ReadonlyMap<string, FeatureService>;
  readonly valuesReader: (service: FeatureService) => ValuesReader;
  readonly vectorReader: (service: FeatureService) => (timeUs: number, fields: RequestFields, out: Float64Array, offset: number) => MaybePromise<void>;
}

/** What Feast gives where a value has no time of its own. */
const noTime = "1970-01-01T00:00:00Z";

/** Answers questions in Feast's shape. Which views a request reads is worked out once for each set of views. */
export class FeastReader {
  readonly #options: FeastOptions;
  readonly #views: ReadonlyMap<string, FeatureViewDefinition>;
  readonly #readers = new Map<string, ValuesReader>();

  constructor(options: FeastOptions) {
    this.#options = options;
    this.#views = new Map(options.views.map((view) => [view.name, view]));
  }

  /** @throws FEATURE_NOT_FOUND, INVALID_ARGUMENT naming the join key that is missing, or a feature name that two views share */
  async read(request: OnlineFeaturesRequest): Promise<OnlineFeaturesResponse> {
    const columns = new Map<string, FeatureColumn>();
    for (const [name, values] of request.entities)
      columns.set(name, { values: [...values], statuses: values.map(() => "PRESENT"), event_timestamps: values.map(() => noTime) });
    const found = request.service === undefined ? await this.#byReference(request) : await this.#byService(request, request.service);
    for (const [name, column] of found) columns.set(name, column);
    return { metadata: { feature_names: [...columns.keys()] }, results: [...columns.values()] };
  }

  async #byReference(request: OnlineFeaturesRequest): Promise<Map<string, FeatureColumn>> {
    const names = namesOf(request);
    const views = [...new Set(request.features.map((f) => f.view))].map((name) => {
      const view = this.#views.get(name);
      if (view === undefined) throw absent("features", "feature view", name, [...this.#views.keys()]);
      for (const key of view.entity.keys) if (!request.entities.has(key)) throw refuse(`entities.${key}`, `is missing: view ${name} is keyed by it`, undefined);
      return view;
    });
    const columns = new Map<string, FeatureColumn>();
    const found = await this.#readerOf(views)(timesOf(request), rowsOf(request));
    const columnOf = new Map(views.map((view, at) => [view.name, columnsOf(found, at)]));
    for (const [i, { view, feature }] of request.features.entries()) {
      const features = Object.keys(this.#views.get(view)!.features);
      const position = features.indexOf(feature);
      if (position < 0) throw absent(`features[${i}]`, `feature of view ${view}`, feature, features);
      columns.set(names[i]!, columnOf.get(view)!(position));
    }
    return columns;
  }

  /** A model's whole vector: views, request features and derived ones, each under its own name. */
  async #byService(request: OnlineFeaturesRequest, name: string): Promise<Map<string, FeatureColumn>> {
    const service = this.#options.services.get(name);
    if (service === undefined) throw absent("feature_service", "feature service", name, [...this.#options.services.keys()]);
    const rows = rowsOf(request);
    const found = await this.#options.valuesReader(service)(timesOf(request), rows);
    const vectors = await this.#vectors(service, request.asOfUs, rows);
    const columns = new Map<string, FeatureColumn>();
    const join = (prefix: string, feature: string): string => (request.fullFeatureNames ? `${prefix}__${feature}` : feature);
    const add = (column: string, value: FeatureColumn): void => {
      if (columns.has(column)) throw refuse("full_feature_names", `must be true: two features of service ${name} are called`, column);
      columns.set(column, value);
    };
    let [reference, slot] = [0, 0];
    for (const feature of service.features) {
      if (feature.kind === "featureReference") {
        const columnOf = columnsOf(found, reference++);
        for (const [position, own] of Object.keys(feature.view.features).entries()) add(join(feature.prefix, own), columnOf(position));
        slot += slotsOf(feature).length;
      } else if (feature.kind === "field") {
        add(feature.field, plain(rows.map((row) => (feature.type === "categorical" ? categoryOf(row[feature.field]) : (row[feature.field] ?? null)))));
        slot++;
      } else
        for (const output of feature.outputs) {
          const at = slot++;
          add(join(feature.name, output), plain(vectors.map((vector) => (Number.isNaN(vector[at]!) ? null : vector[at]!))));
        }
    }
    return columns;
  }

  async #vectors(service: FeatureService, timeUs: number, rows: readonly RequestFields[]): Promise<Float64Array[]> {
    const read = this.#options.vectorReader(service);
    const [fillRequest, fillDerived] = [requestFiller(service, {}), derivedFiller(service)];
    const vectors: Float64Array[] = [];
    for (const fields of rows) {
      const vector = new Float64Array(service.slots.length);
      await read(timeUs, fields, vector, 0);
      fillRequest(timeUs, fields, vector, 0);
      fillDerived(timeUs, vector, 0);
      vectors.push(vector);
    }
    return vectors;
  }

  #readerOf(views: readonly FeatureViewDefinition[]): ValuesReader {
    const key = JSON.stringify(views.map((view) => view.name));
    let reader = this.#readers.get(key);
    if (reader === undefined) {
      // As many as there are sets of views asked together; a client that asks for ever new ones must not fill the memory.
      if (this.#readers.size >= 200) this.#readers.clear();
      const service = featureService(
        "feast",
        views.map((view) => view.at(Object.fromEntries(view.entity.keys.map((name) => [name, name])))),
      );
      this.#readers.set(key, (reader = this.#options.valuesReader(service)));
    }
    return reader;
  }
}

function timesOf({ numRows, asOfUs }: OnlineFeaturesRequest): number[] {
  return Array.from({ length: numRows }, () => asOfUs);
}

function rowsOf({ entities, numRows }: OnlineFeaturesRequest): RequestFields[] {
  const names = [...entities];
  return Array.from({ length: numRows }, (_, i) => Object.fromEntries(names.map(([name, values]) => [name, values[i]!])));
}

/** @throws INVALID_ARGUMENT if two views share a feature's name and full names are not asked for, as Feast does */
function namesOf({ features, fullFeatureNames, entities }: OnlineFeaturesRequest): string[] {
  const names = features.map(({ view, feature }) => (fullFeatureNames ? `${view}__${feature}` : feature));
  const twice = names.findIndex((name, i) => names.indexOf(name) !== i || entities.has(name));
  if (twice >= 0) throw refuse(`features[${twice}]`, "has the name of another feature or entity; ask for full_feature_names", names[twice]);
  return names;
}

/** Columns of one view, by position of the feature. */
function columnsOf(found: readonly (readonly ViewValues[])[], at: number): (position: number) => FeatureColumn {
  const rows = found.map((row) => row[at]!);
  const times = rows.map(({ newestUs }) => (newestUs === null ? noTime : timestamp(newestUs)));
  return (position) => ({
    // NaN leaves JSON as null; its status tells the two apart.
    values: rows.map(({ values }) => values[position]!),
    statuses: rows.map(({ statuses }) => statuses[position]!),
    event_timestamps: times,
  });
}

function plain(values: readonly FeatureValue[]): FeatureColumn {
  return {
    values: [...values],
    statuses: values.map((value) => (value === null ? "NULL_VALUE" : "PRESENT")),
    event_timestamps: values.map(() => noTime),
  };
}

/** RFC 3339 in UTC with 0, 3 or 6 digits of a second, as protobuf's JSON has it. */
function timestamp(us: number): string {
  const seconds = Math.floor(us / 1e6);
  const rest = us - seconds * 1e6;
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  if (rest === 0) return `${whole}Z`;
  return rest % 1000 === 0 ? `${whole}.${String(rest / 1000).padStart(3, "0")}Z` : `${whole}.${String(rest).padStart(6, "0")}Z`;
}
