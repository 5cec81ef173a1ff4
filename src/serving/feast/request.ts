import type { KeyPart } from "../../features/key-part.ts";
import type { Micros } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { isObject, readName, readTime, refuse } from "../request-fields.ts";

/** Feast's `GetOnlineFeaturesRequest`, and `as_of`, which is ours: the time the question is asked, default now. */
export interface OnlineFeaturesRequest {
  /** Join key or request field -> its value in each row; all lists of one length. */
  readonly entities: ReadonlyMap<string, readonly (KeyPart | null)[]>;
  readonly numRows: number;
  /** "view:feature", as `readReference` reads it; empty if a service is asked for. */
  readonly features: readonly string[];
  readonly service: string | undefined;
  readonly fullFeatureNames: boolean;
  readonly asOfUs: Micros;
  readonly maxTextLength: number;
}

export interface FeatureName {
  readonly view: string;
  readonly feature: string;
}

export interface FeastLimits {
  readonly maxInstances: number;
  readonly maxPushRows: number;
  readonly maxTextLength: number;
}

const maxFeatures = 2000;
const maxEntities = 100;

/** @throws INVALID_ARGUMENT naming the field */
export function readOnlineFeaturesRequest(body: unknown, limits: FeastLimits, nowUs: Micros): OnlineFeaturesRequest {
  if (!isObject(body)) throw refuse("body", 'expected {"entities": {…}, "features": ["view:feature"]}', body);
  const { service, features } = readWhat(body, limits);
  const raw = body["entities"];
  if (!isObject(raw)) throw refuse("entities", "expected an object from join key to a list of values", raw);
  const names = Object.keys(raw);
  if (names.length > maxEntities) throw refuse("entities", `at most ${maxEntities}`, names.length);
  const entities = new Map<string, readonly (KeyPart | null)[]>();
  let numRows: number | undefined;
  for (const name of names) {
    const values = raw[name];
    if (!Array.isArray(values)) throw refuse(`entities.${name}`, "expected a list of values", values);
    if (values.length > limits.maxInstances) throw refuse(`entities.${name}`, `at most ${limits.maxInstances} rows a request`, values.length);
    if (numRows !== undefined && values.length !== numRows) throw refuse(`entities.${name}`, `expected ${numRows} values, as the others have`, values.length);
    numRows = values.length;
    entities.set(
      name,
      values.map((value: unknown, i) => readKey(value, `entities.${name}[${i}]`, limits.maxTextLength)),
    );
  }
  return {
    entities,
    numRows: numRows ?? 0,
    features,
    service,
    fullFeatureNames: body["full_feature_names"] === true,
    asOfUs: readTime(body["as_of"] ?? undefined, "as_of", nowUs),
    maxTextLength: limits.maxTextLength,
  };
}

function readWhat(body: Record<string, unknown>, limits: FeastLimits): Pick<OnlineFeaturesRequest, "service" | "features"> {
  const service = body["feature_service"] ?? undefined;
  if (service !== undefined) return { service: readName(service, "feature_service", limits.maxTextLength), features: [] };
  const features = body["features"];
  if (!Array.isArray(features) || features.length === 0) throw refuse("features", 'expected a list of "view:feature", or a feature_service', features);
  if (features.length > maxFeatures) throw refuse("features", `at most ${maxFeatures}`, features.length);
  const isText = (one: unknown): one is string => typeof one === "string";
  if (features.every(isText)) return { service: undefined, features };
  const other = features.findIndex((one) => !isText(one));
  throw refuse(`features[${other}]`, 'expected "view:feature"', features[other]);
}

/** Read once for each list of names, not for each question. @throws INVALID_ARGUMENT naming the field */
export function readReference(name: string, at: number, maxTextLength: number): FeatureName {
  const reference = readName(name, `features[${at}]`, 2 * maxTextLength);
  const colon = reference.indexOf(":");
  if (colon <= 0 || colon === reference.length - 1) throw refuse(`features[${at}]`, 'expected "view:feature"', name);
  return { view: reference.slice(0, colon), feature: reference.slice(colon + 1) };
}

function readKey(value: unknown, field: string, maxLength: number): KeyPart | null {
  if (value === null) return null;
  if (typeof value === "string" && value.length <= maxLength && value.isWellFormed()) return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "boolean") return value;
  throw refuse(field, `expected text of at most ${maxLength} characters, a number, true, false or null`, value);
}

/** Feast's `PushFeaturesRequest`: a data frame by columns. */
export interface FeastPush {
  readonly source: string;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** @throws INVALID_ARGUMENT naming the field */
export function readFeastPush(body: unknown, limits: FeastLimits): FeastPush {
  if (!isObject(body)) throw refuse("body", 'expected {"push_source_name": …, "df": {…}}', body);
  const source = readName(body["push_source_name"], "push_source_name", limits.maxTextLength);
  const to = body["to"] ?? "online";
  if (to !== "online" && to !== "online_and_offline")
    throw refuse("to", "expected online or online_and_offline: training reads the project's sources, which a push cannot add to without serving it", to);
  const df = body["df"];
  if (!isObject(df)) throw refuse("df", "expected an object from column to a list of values", df);
  const columns = Object.entries(df);
  const [first] = columns;
  if (first === undefined || !Array.isArray(first[1]) || first[1].length === 0) throw refuse("df", "expected at least one column with at least one value", df);
  const numRows = first[1].length;
  if (numRows > limits.maxPushRows) throw refuse("df", `at most ${limits.maxPushRows} rows a push`, numRows);
  for (const [name, values] of columns)
    if (!Array.isArray(values) || values.length !== numRows) throw refuse(`df.${name}`, `expected a list of ${numRows} values, as the others have`, values);
  const rows = Array.from({ length: numRows }, (_, i) => Object.fromEntries(columns.map(([name, values]) => [name, (values as unknown[])[i]])));
  return { source, rows };
}

/** Which view or feature is not there. */
export function absent(field: string, what: string, name: string, known: readonly string[]): KarkhanaError {
  return new KarkhanaError("FEATURE_NOT_FOUND", { field, what, name: name.slice(0, 200), known: known.slice(0, 20).join(", ") });
}
