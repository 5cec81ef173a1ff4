import { parseExpression } from "../data/expression.ts";
import type { Schema } from "../data/source.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { featureViewHash, lifetimeUs, type AggregateName, type FeatureViewDefinition, type ViewFeature } from "./definition.ts";
import { outputOf, type FeatureOutput } from "./feature-output.ts";
import { keyKinds, type KeyType } from "./key-part.ts";
import { conditionMeasure, filtered, hashMeasure, isWhole, squarePart, sumMeasure, valueMeasure, vectorMeasure, type Measure } from "./measure.ts";

/** Bytes of a key as the online store keeps it whole: three and its UTF-8 for text, nine for a number, two for true or false. */
export const maxTupleBytes = 400;

/** Rows with event in [start of the window, t), where the start is t - length, moved back to a multiple of the hop. */
export interface PlannedWindow {
  /** Infinity for a lifetime. */
  readonly lengthUs: number;
  /** 1 for an exact window: times are whole microseconds. */
  readonly hopUs: number;
}

export interface PlannedFeature {
  readonly name: string;
  readonly aggregate: AggregateName;
  /** Position in `windows`; -1 for latest. */
  readonly window: number;
  /** Position in `measures`; -1 for a count of all rows. Parts of squares, if any, are the three at `squares`. */
  readonly measure: number;
  readonly squares: number;
  readonly n: number;
  readonly p: number;
  readonly output: FeatureOutput;
}

/** What both engines compile from: a view's distinct windows and measures, and how each feature is made of them. */
export interface ViewPlan {
  readonly view: FeatureViewDefinition;
  readonly hash: string;
  /** Source columns of the entity's keys, in the entity's order, and how they compare. */
  readonly keyColumns: readonly string[];
  readonly keyTypes: readonly KeyType[];
  /** Distinct, by how far they reach back. */
  readonly windows: readonly PlannedWindow[];
  readonly measures: readonly Measure[];
  readonly features: readonly PlannedFeature[];
  /** Rows the view sees. */
  readonly where: Measure | undefined;
  /** SQL conditions that rows of the view must meet beside `where`: that their embeddings are sound, and their keys short enough to be told again. */
  readonly validSql: readonly string[];
  /** Oldest row `latest` gives; Infinity without a ttl, undefined if there is no such feature. */
  readonly latestUs: number | undefined;
  /** How far before t a row may lie and still be read at t. */
  readonly reachUs: number;
  /** Width of the tiles that old rows may be added up into, since no window begins inside one; undefined if single rows are needed. */
  readonly tileUs: number | undefined;
}

/** First microsecond of a window at t. */
export function windowStart(window: PlannedWindow, timeUs: number): number {
  const start = timeUs - window.lengthUs;
  return window.hopUs === 1 || start === Number.NEGATIVE_INFINITY ? start : floorTo(start, window.hopUs);
}

/** The greatest multiple of `step` that is not above `us`. A remainder of doubles is exact, a quotient is not. */
function floorTo(us: number, step: number): number {
  const rest = us % step;
  return us - (rest < 0 ? rest + step : rest);
}

const aggregatesOfSums = new Set<AggregateName>(["count", "sum", "mean", "share", "std", "variance"]);
/** Aggregates that running sums answer; the others look at each row of the window. */
export function isSum(feature: PlannedFeature): boolean {
  return aggregatesOfSums.has(feature.aggregate);
}

const planned = new WeakMap<FeatureViewDefinition, ViewPlan>();

/** @throws EXPRESSION_INVALID, INVALID_ARGUMENT naming the view's field */
export function planView(view: FeatureViewDefinition): ViewPlan {
  let plan = planned.get(view);
  if (plan === undefined) planned.set(view, (plan = makePlan(view)));
  return plan;
}

function makePlan(view: FeatureViewDefinition): ViewPlan {
  const where = `view ${view.name}`;
  const { schema } = view.source;
  const declared = Object.entries(view.features);
  if (declared.length === 0) throw refuse(where, "a view needs at least one feature", 0);
  if (view.entity.keys.length === 0) throw refuse(`${where}, entity`, "needs at least one key", view.entity.name);
  const windows = distinctWindows(declared.map(([, feature]) => feature));
  const measures = new Measures(schema);
  const features = declared.map(([name, feature]): PlannedFeature => {
    const field = `${where}, feature ${name}`;
    checkParameters(feature, field);
    const { measure, squares } = measures.of(feature, field);
    return {
      name,
      aggregate: feature.aggregate,
      window: feature.aggregate === "latest" ? -1 : windows.findIndex((w) => isWindowOf(w, feature)),
      measure,
      squares,
      n: feature.n ?? 0,
      p: feature.p ?? 0,
      output: outputOf(feature, schema),
    };
  });
  const keyColumns = view.entity.keys.map((key) => keyColumn(view, key, where));
  const keyTypes = keyColumns.map((column) => keyType(schema, column, where));
  const latestUs = features.some((f) => f.aggregate === "latest") ? (view.ttlUs ?? Number.POSITIVE_INFINITY) : undefined;
  const longest = windows.at(-1);
  return {
    view,
    hash: featureViewHash(view),
    keyColumns,
    keyTypes,
    windows,
    measures: measures.all,
    features,
    validSql: measures.validSql.length === 0 ? [] : [...measures.validSql, shortKeysSql(keyColumns, keyTypes)],
    where: view.where === undefined ? undefined : conditionMeasure(view.where, schema, `${where}, where`),
    latestUs,
    tileUs: tileOf(view, windows, features),
    reachUs: Math.max(latestUs ?? 0, longest === undefined ? 0 : longest.lengthUs + longest.hopUs - 1),
  };
}

const aggregatesOfTiles = new Set<AggregateName>([...aggregatesOfSums, "min", "max"]);

/** Every window must hop, every aggregate be merged from parts, and a row be final once it is later than the source lets it be. */
function tileOf({ source }: FeatureViewDefinition, windows: readonly PlannedWindow[], features: readonly PlannedFeature[]): number | undefined {
  if (source.id !== undefined || source.lateness === undefined) return undefined;
  if (windows.length === 0 || windows.some(({ hopUs }) => hopUs === 1)) return undefined;
  if (features.some(({ window, aggregate }) => window < 0 || !aggregatesOfTiles.has(aggregate))) return undefined;
  return windows.reduce((width, { hopUs }) => greatestDivisor(width, hopUs), 0);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

function distinctWindows(features: readonly ViewFeature[]): PlannedWindow[] {
  const found: PlannedWindow[] = [];
  for (const feature of features) {
    if (feature.aggregate === "latest" || found.some((w) => isWindowOf(w, feature))) continue;
    found.push(windowOf(feature));
  }
  return found.sort((a, b) => (a.lengthUs === b.lengthUs ? a.hopUs - b.hopUs : a.lengthUs + a.hopUs - (b.lengthUs + b.hopUs)));
}

function windowOf({ windowUs, hopUs }: ViewFeature): PlannedWindow {
  return windowUs === lifetimeUs ? { lengthUs: Number.POSITIVE_INFINITY, hopUs: 1 } : { lengthUs: windowUs, hopUs: hopUs ?? 1 };
}

function isWindowOf(window: PlannedWindow, feature: ViewFeature): boolean {
  const own = windowOf(feature);
  return window.lengthUs === own.lengthUs && window.hopUs === own.hopUs;
}

/** Measures of a view, each once. */
class Measures {
  readonly all: Measure[] = [];
  readonly validSql: string[] = [];
  readonly #schema: Schema;
  readonly #places = new Map<string, number>();

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  of({ aggregate, measure: text, where, embedding }: ViewFeature, field: string): { readonly measure: number; readonly squares: number } {
    const schema = this.#schema;
    if (embedding !== undefined) {
      const column = text ?? "";
      const place = this.#place(`vector ${embedding.metric} : ${column}`, () => {
        const { validSql, ...measure } = vectorMeasure(column, embedding, schema, field);
        this.validSql.push(validSql);
        return measure;
      });
      return { measure: place, squares: -1 };
    }
    if (aggregate === "count")
      return { measure: where === undefined ? -1 : this.#place(`count ${where}`, () => conditionMeasure(where, schema, `${field}, where`)), squares: -1 };
    if (text === undefined) throw refuse(field, `${aggregate} needs a measure`, null);
    const kind = aggregate === "share" ? "share" : aggregatesOfSums.has(aggregate) ? "number" : aggregate === "approxDistinct" ? "hash" : "value";
    const key = `${kind} ${where ?? ""} : ${text}`;
    const measure = this.#place(key, () => {
      const plain =
        kind === "value"
          ? valueMeasure(text, schema, field)
          : kind === "hash"
            ? hashMeasure(text, schema, field)
            : sumMeasure(text, kind === "share", schema, field);
      return where === undefined ? plain : filtered(plain, conditionMeasure(where, schema, `${field}, where`));
    });
    if (aggregate === "std" || aggregate === "variance") {
      const [first] = [0, 1, 2].map((part) => this.#place(`square ${part} ${key}`, () => squarePart(this.all[measure]!, measure, part)));
      return { measure, squares: first! };
    }
    refuseUnordered(aggregate, text, schema, field);
    return { measure, squares: -1 };
  }

  #place(key: string, make: () => Measure): number {
    let place = this.#places.get(key);
    if (place === undefined) this.#places.set(key, (place = this.all.push(make()) - 1));
    return place;
  }
}

function refuseUnordered(aggregate: AggregateName, text: string, schema: Schema, field: string): void {
  const { type, ast } = parseExpression(text, schema, field);
  const isNumber = type === "number" || type === "timestamp";
  if ((aggregate === "min" || aggregate === "max" || aggregate === "percentile") && !isNumber)
    throw refuse(field, `${aggregate} is of numbers, this is a ${type}`, text);
  if (aggregate === "topK" && type === "number" && !isWhole(ast, schema)) throw refuse(field, "topK is of text, conditions and whole numbers", text);
}

function checkParameters({ aggregate, n, p, windowUs, hopUs }: ViewFeature, field: string): void {
  const whole = (low: number, high: number): void => {
    if (n === undefined || !Number.isInteger(n) || n < low || n > high) throw refuse(field, `expected a whole number from ${low} to ${high}`, n ?? null);
  };
  if (aggregate === "lastN" || aggregate === "topK") whole(1, 100);
  if (aggregate === "approxDistinct") whole(16, 4096);
  if (aggregate === "percentile" && !(p !== undefined && p > 0 && p <= 1)) throw refuse(field, "expected a share above 0 and at most 1", p ?? null);
  if (hopUs !== undefined && (windowUs === lifetimeUs || hopUs > windowUs))
    throw refuse(field, "a hop is at most as long as its window, and a lifetime has none", hopUs);
}

function keyColumn(view: FeatureViewDefinition, key: string, where: string): string {
  const column = Object.hasOwn(view.on, key) ? view.on[key] : undefined;
  if (column === undefined) throw refuse(`${where}, on`, "names no source column for an entity key", key);
  return column;
}

function keyType(schema: Schema, column: string, where: string): KeyType {
  const type = Object.hasOwn(schema, column) ? schema[column] : undefined;
  if (type === "string") return "string";
  if (type === "int64" || type === "timestamp") return "number";
  if (type === "boolean") return "boolean";
  const allowed = `a key is text, a whole number, a time, or true and false (string, int64, timestamp, boolean), not ${type}`;
  const remedy = type === "float64" ? "; fractions are equal only by accident of rounding: key by a whole number of smaller units, or by text" : "";
  throw refuse(`${where}, on`, type === undefined ? "there is no such source column" : `${allowed}${remedy}`, column);
}

/** Longer keys are kept by a digest, from which nobody can say whose vector was near. */
function shortKeysSql(columns: readonly string[], types: readonly KeyType[]): string {
  const bytes = columns.map((column, i) => keyKinds[types[i]!].bytesSql(column));
  return `${bytes.join(" + ")} <= ${maxTupleBytes}`;
}

function refuse(field: string, problem: string, value: string | number | null): KarkhanaError {
  return new KarkhanaError("INVALID_ARGUMENT", { field, problem, value });
}
