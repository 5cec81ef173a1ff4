import { featureService, slotsOf, type FeatureService, type FeatureViewDefinition } from "../../features/definition.ts";
import type { ColumnsReader, ViewColumns } from "../../features/online/online-features.ts";
import { boundField } from "../../features/binding.ts";
import { fieldOfPart, isKeyPart, keyKinds, type KeyPart, type KeyType } from "../../features/key-part.ts";
import { planView } from "../../features/view-plan.ts";
import { categoryOf, derivedFiller, referenceSlots, requestFiller, type FeatureValue, type RequestFields } from "../../features/vector.ts";
import type { MaybePromise } from "../../storage/kv/port.ts";
import { absent, readReference, type FeatureName, type OnlineFeaturesRequest } from "./request.ts";
import { refuse } from "../request-fields.ts";

type Status = "PRESENT" | "NULL_VALUE" | "NOT_FOUND" | "OUTSIDE_MAX_AGE";

/** Feast's `GetOnlineFeaturesResponse` as JSON: one result a name, not a row, each with a value, a status and a time for every row. */
export interface OnlineFeaturesResponse {
  readonly metadata: { readonly feature_names: readonly string[] };
  readonly results: readonly FeatureColumn[];
}

export interface FeatureColumn {
  readonly values: readonly (FeatureValue | boolean)[];
  readonly statuses: readonly Status[];
  /** One array for all features of a view. */
  readonly event_timestamps: readonly string[];
}

/** What answers to questions of one shape have in common. */
const metadataWritten = new WeakMap<OnlineFeaturesResponse["metadata"], string>();

/** As `JSON.stringify`, with what is the same for many features written once. */
export function toJson({ metadata, results }: OnlineFeaturesResponse): string {
  let names = metadataWritten.get(metadata);
  if (names === undefined) metadataWritten.set(metadata, (names = JSON.stringify(metadata)));
  let text = `{"metadata":${names},"results":[`;
  let separator = "";
  // Features of a view come one after the other.
  let lastTimes: readonly string[] | undefined;
  let times = "";
  let allPresent: string | undefined;
  for (const { values, statuses, event_timestamps: of } of results) {
    if (of !== lastTimes) {
      times = JSON.stringify(of);
      lastTimes = of;
    }
    const present = statuses.every(isPresent) ? (allPresent ??= JSON.stringify(statuses)) : JSON.stringify(statuses);
    text += `${separator}{"values":${JSON.stringify(values)},"statuses":${present},"event_timestamps":${times}}`;
    separator = ",";
  }
  return `${text}]}`;
}

const isPresent = (status: Status): boolean => status === "PRESENT";

export interface FeastOptions {
  readonly views: readonly FeatureViewDefinition[];
  readonly services: ReadonlyMap<string, FeatureService>;
  readonly columnsReader: (service: FeatureService) => ColumnsReader;
  readonly vectorReader: (service: FeatureService) => (timeUs: number, fields: RequestFields, out: Float64Array, offset: number) => MaybePromise<void>;
}

/** A join key of which all views asked for expect the same type. */
interface JoinKey {
  readonly name: string;
  readonly type: KeyType;
  readonly view: string;
}

/** What a question for features by name comes to, whatever it is asked of. */
interface Plan {
  readonly read: ColumnsReader;
  /** Of the answers. */
  readonly metadata: OnlineFeaturesResponse["metadata"];
  readonly keys: readonly JoinKey[];
  readonly columns: readonly { readonly view: number; readonly position: number }[];
}

/** As many as there are questions of different shape; a client that asks for ever new ones must not fill the memory. */
const maxPlans = 200;

/** What Feast gives where a value has no time of its own. */
const noTime = "1970-01-01T00:00:00Z";

/** Answers questions in Feast's shape. What is to be read for features by name is worked out once for each list of them. */
export class FeastReader {
  readonly #options: FeastOptions;
  readonly #views: ReadonlyMap<string, FeatureViewDefinition>;
  readonly #plans = new Map<string, Plan>();

  constructor(options: FeastOptions) {
    this.#options = options;
    this.#views = new Map(options.views.map((view) => [view.name, view]));
  }

  /** @throws FEATURE_NOT_FOUND, INVALID_ARGUMENT naming the join key that is missing or of the wrong type, or a feature name that two views share */
  async read(request: OnlineFeaturesRequest): Promise<OnlineFeaturesResponse> {
    if (request.service === undefined) return this.#byReference(request);
    const columns = new Map<string, FeatureColumn>();
    for (const [name, values] of request.entities) columns.set(name, given(values));
    for (const [name, column] of await this.#byService(request, request.service)) columns.set(name, column);
    return { metadata: { feature_names: [...columns.keys()] }, results: [...columns.values()] };
  }

  async #byReference(request: OnlineFeaturesRequest): Promise<OnlineFeaturesResponse> {
    const { read, metadata, keys, columns } = this.#planOf(request);
    for (const key of keys) checkKeys(key, request.entities.get(key.name)!);
    const rows = rowsOf(request);
    const found = read(timesOf(request, rows), rows);
    const views = (found instanceof Promise ? await found : found).map(featureColumns);
    const results: FeatureColumn[] = [];
    for (const values of request.entities.values()) results.push(given(values));
    for (const { view, position } of columns) results.push(views[view]!(position));
    return { metadata, results };
  }

  #planOf(request: OnlineFeaturesRequest): Plan {
    const { features, fullFeatureNames, entities } = request;
    // Names that have a plan hold no control characters, so with their number no other list of names reads the same.
    const key = `${fullFeatureNames} ${features.length} ${JSON.stringify([...entities.keys()])}\n${features.join("\n")}`;
    let plan = this.#plans.get(key);
    if (plan === undefined) {
      if (this.#plans.size >= maxPlans) this.#plans.clear();
      this.#plans.set(key, (plan = this.#plan(request)));
    }
    return plan;
  }

  #plan(request: OnlineFeaturesRequest): Plan {
    const features = request.features.map((name, i) => readReference(name, i, request.maxTextLength));
    const names = namesOf(features, request);
    const viewNames = [...new Set(features.map(({ view }) => view))];
    const views = viewNames.map((name) => {
      const view = this.#views.get(name);
      if (view === undefined) throw absent("features", "feature view", name, [...this.#views.keys()]);
      for (const key of view.entity.keys) if (!request.entities.has(key)) throw refuse(`entities.${key}`, `is missing: view ${name} is keyed by it`, undefined);
      return view;
    });
    const columns = features.map(({ view: viewName, feature }, i) => {
      const view = viewNames.indexOf(viewName);
      const own = Object.keys(views[view]!.features);
      const position = own.indexOf(feature);
      if (position < 0) throw absent(`features[${i}]`, `feature of view ${viewName}`, feature, own);
      return { view, position };
    });
    const service = featureService(
      "feast",
      views.map((view) => view.at(Object.fromEntries(view.entity.keys.map((name) => [name, name])))),
    );
    const metadata = { feature_names: [...request.entities.keys(), ...names] };
    return { read: this.#options.columnsReader(service), metadata, keys: joinKeysOf(views), columns };
  }

  /** A model's whole vector: views, request features and derived ones, each under its own name. */
  async #byService(request: OnlineFeaturesRequest, name: string): Promise<Map<string, FeatureColumn>> {
    const service = this.#options.services.get(name);
    if (service === undefined) throw absent("feature_service", "feature service", name, [...this.#options.services.keys()]);
    for (const key of serviceKeysOf(service)) {
      const values = request.entities.get(key.name) ?? [];
      // As a field of a model true is 1.
      if (key.type === "boolean" || values.some((value) => typeof value === "boolean")) checkKeys(key, values);
    }
    const rows = rowsOf(request);
    const found = await this.#options.columnsReader(service)(timesOf(request, rows), rows);
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
        const columnOf = featureColumns(found[reference++]!);
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
}

function timesOf({ asOfUs }: OnlineFeaturesRequest, rows: readonly RequestFields[]): number[] {
  return rows.map(() => asOfUs);
}

function rowsOf({ entities, numRows }: OnlineFeaturesRequest): RequestFields[] {
  return Array.from({ length: numRows }, (_, i) => {
    // Without a prototype: a key that a client calls __proto__ is one like any other.
    const row: Record<string, string | number | null> = Object.create(null);
    for (const [name, values] of entities) {
      const value = values[i]!;
      row[name] = value === null ? null : fieldOfPart(value);
    }
    return row;
  });
}

/** Names by which two views take different types are left out: whatever is asked, it is a key of one of them. */
function joinKeysOf(views: readonly FeatureViewDefinition[]): JoinKey[] {
  const keys = views.flatMap((view) => {
    const { keyTypes } = planView(view);
    return view.entity.keys.map((name, i): JoinKey => ({ name, type: keyTypes[i]!, view: view.name }));
  });
  const first = new Map<string, JoinKey>();
  for (const key of keys) if (!first.has(key.name)) first.set(key.name, key);
  return [...first.values()].filter(({ name, type }) => keys.every((key) => key.name !== name || key.type === type));
}

function serviceKeysOf(service: FeatureService): JoinKey[] {
  return referenceSlots(service).flatMap(({ reference: { view, binding, prefix } }) => {
    const { keyTypes } = planView(view);
    return view.entity.keys.map((key, i): JoinKey => ({ name: boundField(binding, key, prefix), type: keyTypes[i]!, view: view.name }));
  });
}

/** "7" is no key of a view that is keyed by numbers: said, rather than answered as an entity that nobody knows. */
function checkKeys({ name, type, view }: JoinKey, values: readonly (KeyPart | null)[]): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value !== null && !isKeyPart(value, type)) throw refuse(`entities.${name}[${i}]`, `view ${view} is keyed by ${keyKinds[type].expected}`, value);
  }
}

/** @throws INVALID_ARGUMENT if two views share a feature's name and full names are not asked for, as Feast does */
function namesOf(features: readonly FeatureName[], { fullFeatureNames, entities }: OnlineFeaturesRequest): string[] {
  const names = features.map(({ view, feature }) => (fullFeatureNames ? `${view}__${feature}` : feature));
  const twice = names.findIndex((name, i) => names.indexOf(name) !== i || entities.has(name));
  if (twice >= 0) throw refuse(`features[${twice}]`, "has the name of another feature or entity; ask for full_feature_names", names[twice]);
  return names;
}

/** Columns of one view, by position of the feature. NaN leaves JSON as null; its status tells the two apart. */
function featureColumns({ values, statuses, newestUs }: ViewColumns): (position: number) => FeatureColumn {
  const times = newestUs.map((us) => (us === null ? noTime : timestamp(us)));
  return (position) => ({ values: values[position]!, statuses: statuses[position]!, event_timestamps: times });
}

/** A column of the question itself. */
function given(values: readonly (FeatureValue | boolean)[]): FeatureColumn {
  return { values, statuses: values.map((): Status => "PRESENT"), event_timestamps: values.map(() => noTime) };
}

function plain(values: readonly FeatureValue[]): FeatureColumn {
  return {
    values: [...values],
    statuses: values.map((value) => (value === null ? "NULL_VALUE" : "PRESENT")),
    event_timestamps: values.map(() => noTime),
  };
}

const two = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, "0"));
let lastDay = Number.NaN;
let lastDate = "";

/** RFC 3339 in UTC with 0, 3 or 6 digits of a second, as protobuf's JSON has it. The date is kept: times asked together lie close. */
function timestamp(us: number): string {
  const seconds = Math.floor(us / 1e6);
  const day = Math.floor(seconds / 86_400);
  if (day !== lastDay) {
    lastDate = new Date(day * 86_400_000).toISOString().slice(0, 10);
    lastDay = day;
  }
  const ofDay = seconds - day * 86_400;
  const whole = `${lastDate}T${two[Math.floor(ofDay / 3600)]}:${two[Math.floor(ofDay / 60) % 60]}:${two[ofDay % 60]}`;
  const rest = us - seconds * 1e6;
  if (rest === 0) return `${whole}Z`;
  return rest % 1000 === 0 ? `${whole}.${String(rest / 1000).padStart(3, "0")}Z` : `${whole}.${String(rest).padStart(6, "0")}Z`;
}
