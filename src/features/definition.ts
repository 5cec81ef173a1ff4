import type { Schema, SourceDefinition } from "../data/source.ts";
import { sourceHash } from "../data/source.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { definitionHash, type Canonical } from "../kernel/hashing.ts";
import { parseDuration } from "../kernel/time.ts";
import type { AggregateName, ExpressionProblem, KeyColumn, VectorProblem } from "./column-names.ts";
import { outputOf } from "./feature-output.ts";

export type { AggregateName } from "./column-names.ts";

/** What features are about: one key column or several, joined as a tuple, never concatenated. */
export interface EntityDefinition<K extends string = string> {
  readonly kind: "entity";
  readonly name: string;
  readonly keys: readonly K[];
}

export function entity<const K extends string>(name: string, options: { readonly keys: readonly K[] }): EntityDefinition<K> {
  return { kind: "entity", name, keys: options.keys };
}

/**
 * One feature of a view: an aggregate over the rows of an entity, or the newest row's value.
 *
 * Windows hold the rows with event time in [from, t) that are known at t, where from = t - W, or the hop edge at or before it if a hop is
 * declared (`sawtooth`). Empty window: count 0, distinct 0, everything else null. Nulls of the measured expression are skipped. Ties go to
 * the greatest (event, known, sequence).
 *   sum, mean, share, std, variance   of fixed-point integers (whole numbers as they are, fractions as millionths), so both engines add
 *                                     exactly and agree to the bit; NaN and infinities are skipped as nulls; std and variance are of a
 *                                     sample (divided by n - 1), null below two values
 *   min, max, percentile              NaN is a value, above every other number; a percentile is the value of rank ceil(p n), never between two
 *   first, last, lastN                by event time, newest first
 *   distinct, approxDistinct          number of different values; approximate: bottom-k sketch, see `bottom-k.ts`
 *   topK                              the most frequent values, the smaller first among equally frequent ones
 *   latest                            the newest row with event <= t and t - event <= ttl, its value even if it is null
 */
export interface ViewFeature<A extends AggregateName = AggregateName, M extends string = string, W extends string = string> {
  /** As declared; "lifetime" for all time, "latest" for the newest row. */
  readonly window: string;
  readonly windowUs: number;
  /** Sawtooth: the window's start is moved back to a multiple of it. Absent: exact. */
  readonly hopUs?: number;
  readonly aggregate: A;
  /** Expression: what is aggregated; a condition for share; absent for a count of all rows. */
  readonly measure?: M;
  /** Rows for which this condition does not hold are not seen by this feature. */
  readonly where?: W;
  /** Length of the list of lastN and topK; size of the sketch of approxDistinct. */
  readonly n?: number;
  /** Of a percentile, 0 < p <= 1. */
  readonly p?: number;
  /** The newest row's vector: the measure is the column that holds it. */
  readonly embedding?: EmbeddingOptions;
}

/** How near two vectors are: 1 - cosine of their angle, minus their dot product, or the length of their difference. Smaller is nearer. */
export type EmbeddingMetric = "cosine" | "dot" | "l2";

export interface EmbeddingOptions<D extends number = number> {
  readonly dimensions: D;
  readonly metric: EmbeddingMetric;
  /** Whether models read it, each dimension as a slot of their vector; default not. */
  readonly asModelInput?: boolean;
}

export interface EmbeddingFeature<M extends string = string, D extends number = number> extends ViewFeature<"latest", M, never> {
  readonly embedding: EmbeddingOptions<D>;
}

export interface WindowBuilder<W extends string = never> {
  count(): ViewFeature<"count", never, W>;
  sum<const M extends string>(measure: M): ViewFeature<"sum", M, W>;
  mean<const M extends string>(measure: M): ViewFeature<"mean", M, W>;
  /** Standard deviation of a sample. |value| below 3.5e13, or 3.5e7 where it may have a fraction. */
  std<const M extends string>(measure: M): ViewFeature<"std", M, W>;
  variance<const M extends string>(measure: M): ViewFeature<"variance", M, W>;
  /** Share of rows for which the condition holds, among those where it is not null. */
  share<const M extends string>(condition: M): ViewFeature<"share", M, W>;
  min<const M extends string>(measure: M): ViewFeature<"min", M, W>;
  max<const M extends string>(measure: M): ViewFeature<"max", M, W>;
  /** @param p 0 < p <= 1; 0.5 is the lower median */
  percentile<const M extends string>(measure: M, p: number): ViewFeature<"percentile", M, W>;
  first<const M extends string>(measure: M): ViewFeature<"first", M, W>;
  last<const M extends string>(measure: M): ViewFeature<"last", M, W>;
  /** Up to n values, newest first; n slots of a vector. @param n 1 to 100 */
  lastN<const M extends string>(measure: M, n: number): ViewFeature<"lastN", M, W>;
  distinct<const M extends string>(measure: M): ViewFeature<"distinct", M, W>;
  /** Of text and whole numbers. Exact below `size` values; beyond, off by 1 / sqrt(size - 2) on average. @param size 16 to 4096, default 1024 */
  approxDistinct<const M extends string>(measure: M, size?: number): ViewFeature<"approxDistinct", M, W>;
  /** Up to n values, most frequent first; of text, whole numbers and conditions. @param n 1 to 100 */
  topK<const M extends string>(measure: M, n: number): ViewFeature<"topK", M, W>;
  /** The same window over the rows for which a condition holds. */
  where<const C extends string>(condition: C): WindowBuilder<C>;
}

/** Length of a window without a beginning. */
export const lifetimeUs: number = Number.MAX_SAFE_INTEGER;

/**
 * @param length such as "6h", or "lifetime"
 * @param options hop: the window's start is moved back to a multiple of it (counted from 1970), so that it is W to W + hop long
 * @example window("6h").mean("delay") @throws INVALID_ARGUMENT if a duration is not one
 */
export function window(length: string, options: { readonly hop?: string } = {}): WindowBuilder {
  const windowUs = length === "lifetime" ? lifetimeUs : parseDuration(length, "window");
  return builder({ window: length, windowUs, ...(options.hop === undefined ? {} : { hopUs: parseDuration(options.hop, "hop") }) });
}

function builder<W extends string>(base: Pick<ViewFeature<never, never, W>, "window" | "windowUs" | "hopUs" | "where">): WindowBuilder<W> {
  return {
    count: () => ({ ...base, aggregate: "count" }),
    sum: (measure) => ({ ...base, aggregate: "sum", measure }),
    mean: (measure) => ({ ...base, aggregate: "mean", measure }),
    std: (measure) => ({ ...base, aggregate: "std", measure }),
    variance: (measure) => ({ ...base, aggregate: "variance", measure }),
    share: (condition) => ({ ...base, aggregate: "share", measure: condition }),
    min: (measure) => ({ ...base, aggregate: "min", measure }),
    max: (measure) => ({ ...base, aggregate: "max", measure }),
    percentile: (measure, p) => ({ ...base, aggregate: "percentile", measure, p }),
    first: (measure) => ({ ...base, aggregate: "first", measure }),
    last: (measure) => ({ ...base, aggregate: "last", measure }),
    lastN: (measure, n) => ({ ...base, aggregate: "lastN", measure, n }),
    distinct: (measure) => ({ ...base, aggregate: "distinct", measure }),
    approxDistinct: (measure, size = 1024) => ({ ...base, aggregate: "approxDistinct", measure, n: size }),
    topK: (measure, n) => ({ ...base, aggregate: "topK", measure, n }),
    where: (condition) => builder({ ...base, where: condition }),
  };
}

/** The value of the newest row (event <= t), even if it is null; null when that row is older than the view's ttl. */
export function latest<const M extends string>(measure: M): ViewFeature<"latest", M, never> {
  return { window: "latest", windowUs: 0, aggregate: "latest", measure };
}

/**
 * The vector of the newest row, by which entities are found that are nearest to it. A row whose vector has another length, holds what is not
 * finite, or by cosine is all zero, is set aside by the view.
 * @param column of type "float32[n]" @example embedding("title", { dimensions: 384, metric: "cosine" })
 */
export function embedding<const M extends string, const D extends number>(column: M, options: EmbeddingOptions<D>): EmbeddingFeature<M, D> {
  return { window: "latest", windowUs: 0, aggregate: "latest", measure: column, embedding: options };
}

type Checked<S extends Schema, Fs> = {
  readonly [F in keyof Fs]: Fs[F] extends EmbeddingFeature<infer M, infer D>
    ? VectorProblem<S, M, D>
    : Fs[F] extends ViewFeature<infer A, infer M, infer W>
      ? ExpressionProblem<S, A, M> & ExpressionProblem<S, "count", W>
      : never;
};

export interface FeatureViewOptions<S extends Schema, K extends string, Fs extends Readonly<Record<string, ViewFeature>>> {
  readonly entity: EntityDefinition<K>;
  readonly source: SourceDefinition<S>;
  /** Source column of each entity key. */
  readonly on: Readonly<Record<K, KeyColumn<S>>>;
  /** How old the newest row may be for `latest`, such as "1d"; default: any age. */
  readonly ttl?: string;
  /** How old the source's newest event may grow before an alert is raised, such as "2h"; default: any age. No part of the view's identity. */
  readonly freshness?: string;
  /** Condition over the source's columns: other rows are not seen by this view. */
  readonly where?: string;
  readonly features: Fs & Checked<S, Fs>;
}

export interface FeatureViewDefinition<K extends string = string, F extends string = string> {
  readonly kind: "featureView";
  readonly name: string;
  readonly entity: EntityDefinition<K>;
  readonly source: SourceDefinition;
  readonly on: Readonly<Record<K, string>>;
  readonly ttlUs?: number;
  readonly freshnessUs?: number;
  readonly where?: string;
  readonly features: Readonly<Record<F, ViewFeature>>;
  /** The view read at given request fields. `as` prefixes the feature names in the vector; default: the view's name. */
  at(binding: Readonly<Record<K, string>>, as?: string): FeatureReference;
}

/** All features of a view, read with entity keys taken from named request fields. */
export interface FeatureReference {
  readonly kind: "featureReference";
  readonly view: FeatureViewDefinition;
  readonly binding: Readonly<Record<string, string>>;
  readonly prefix: string;
}

export function featureView<const S extends Schema, const K extends string, const Fs extends Readonly<Record<string, ViewFeature>>>(
  name: string,
  options: FeatureViewOptions<S, K, Fs>,
): FeatureViewDefinition<K, keyof Fs & string> {
  const view: FeatureViewDefinition<K, keyof Fs & string> = {
    kind: "featureView",
    name,
    entity: options.entity,
    source: options.source,
    on: options.on,
    ...(options.ttl === undefined ? {} : { ttlUs: parseDuration(options.ttl, `view ${name}, ttl`) }),
    ...(options.freshness === undefined ? {} : { freshnessUs: parseDuration(options.freshness, `view ${name}, freshness`) }),
    ...(options.where === undefined ? {} : { where: options.where }),
    features: options.features,
    at: (binding, as = name) => ({ kind: "featureReference", view, binding, prefix: as }),
  };
  return view;
}

/** Features computed from the request alone by a pure function; the same function runs offline and online. */
export interface RequestFeatures<N extends string = string> {
  readonly kind: "requestFeatures";
  readonly name: string;
  readonly outputs: readonly N[];
  /** @param timeUs the time the question is asked @param fields the request's fields */
  readonly compute: (timeUs: number, fields: Readonly<Record<string, string | number | null>>) => Readonly<Record<N, number | null>>;
}

export function requestFeatures<const N extends string>(name: string, options: Omit<RequestFeatures<N>, "kind" | "name">): RequestFeatures<N> {
  return { kind: "requestFeatures", name, ...options };
}

/**
 * Features computed from other features of the same vector, by a pure function; the same function runs offline and online.
 * The inputs are slots named as in the vector ("route.flights_1h") that stand before it; an input that is null is NaN.
 */
export interface DerivedFeatures<I extends string = string, N extends string = string> {
  readonly kind: "derivedFeatures";
  readonly name: string;
  readonly inputs: readonly I[];
  readonly outputs: readonly N[];
  readonly compute: (inputs: Readonly<Record<I, number>>, timeUs: number) => Readonly<Record<N, number | null>>;
}

export function derivedFeatures<const I extends string, const N extends string>(
  name: string,
  options: Omit<DerivedFeatures<I, N>, "kind" | "name">,
): DerivedFeatures<I, N> {
  return { kind: "derivedFeatures", name, ...options };
}

/** A request field used as a feature as it is; text becomes a category. */
export interface FieldFeature {
  readonly kind: "field";
  readonly field: string;
  readonly type: "numeric" | "categorical";
}

export function numeric(field: string): FieldFeature {
  return { kind: "field", field, type: "numeric" };
}

export function categorical(field: string): FieldFeature {
  return { kind: "field", field, type: "categorical" };
}

export type ModelFeature = FeatureReference | RequestFeatures | DerivedFeatures | FieldFeature;

/** One position of the vector a model reads. */
export interface VectorSlot {
  /**
   * Unique in the vector: "<prefix>.<feature>" for view features, "<prefix>.<feature>.<i>" for the items of their lists,
   * "<name>.<output>" for request and derived features, the field for fields.
   */
  readonly name: string;
  readonly type: "numeric" | "categorical";
}

/**
 * The vector a model reads (a feature service): its slots in order. Vectors are Float64Array rows; null is NaN;
 * a category is its code in the model version's dictionary, unknown ones NaN.
 */
export interface FeatureService {
  readonly name: string;
  readonly features: readonly ModelFeature[];
  readonly slots: readonly VectorSlot[];
  /** Hash of everything that decides the vector's values. */
  readonly hash: string;
}

/** Identity of a view: source identity, keys, aggregates. */
export function featureViewHash(view: FeatureViewDefinition): string {
  return definitionHash({
    kind: "featureView",
    name: view.name,
    source: sourceHash(view.source),
    keys: view.entity.keys,
    on: view.on,
    ttlUs: view.ttlUs,
    where: view.where,
    features: view.features as never,
  });
}

/** @throws INVALID_ARGUMENT if derived features read a slot that does not stand before them */
export function featureService(name: string, features: readonly ModelFeature[]): FeatureService {
  const slots: VectorSlot[] = [];
  for (const feature of features) {
    for (const input of feature.kind === "derivedFeatures" ? feature.inputs : []) {
      const slot = slots.find((one) => one.name === input);
      if (slot?.type === "numeric") continue;
      const problem = slot === undefined ? "reads a slot that does not stand before it" : "reads a category; its code belongs to a model version";
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field: `derived features ${feature.kind === "derivedFeatures" ? feature.name : ""}`,
        problem,
        value: input,
      });
    }
    slots.push(...slotsOf(feature));
  }
  return { name, features, slots, hash: definitionHash({ kind: "featureService", name, parts: features.map(identityOf) }) };
}

function identityOf(f: ModelFeature): Canonical {
  if (f.kind === "featureReference") return { view: featureViewHash(f.view), binding: f.binding, prefix: f.prefix };
  if (f.kind === "requestFeatures") return { name: f.name, outputs: f.outputs, code: f.compute.toString() };
  if (f.kind === "derivedFeatures") return { name: f.name, inputs: f.inputs, outputs: f.outputs, code: f.compute.toString() };
  return { field: f.field, type: f.type };
}

/** The slots that one part of a service fills. */
export function slotsOf(feature: ModelFeature): VectorSlot[] {
  if (feature.kind === "field") return [{ name: feature.field, type: feature.type }];
  if (feature.kind !== "featureReference") return feature.outputs.map((output) => ({ name: `${feature.name}.${output}`, type: "numeric" }));
  return Object.entries(feature.view.features).flatMap(([name, one]): VectorSlot[] => {
    const { length, type, isInput = true } = outputOf(one, feature.view.source.schema);
    if (!isInput) return [];
    const slot = { name: `${feature.prefix}.${name}`, type: type === "text" ? "categorical" : "numeric" } as const;
    return length === undefined ? [slot] : Array.from({ length }, (_, i) => ({ ...slot, name: `${slot.name}.${i}` }));
  });
}
