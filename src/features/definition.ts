import type { Schema, SourceDefinition } from "../data/source.ts";
import { sourceHash } from "../data/source.ts";
import { definitionHash } from "../kernel/hashing.ts";
import { parseDuration } from "../kernel/time.ts";

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
 * One aggregate over the rows of an entity with event time in [t - W, t) and known time <= t.
 * Empty window: count 0, everything else null. Nulls of the measured expression are skipped by sum, mean and share.
 * Measures are summed as fixed-point integers of `scale` decimals (default 0 for whole numbers is declared by the column type, 6 otherwise),
 * so that both engines add exactly and agree to the bit.
 */
export interface WindowAggregate {
  readonly window: string;
  readonly windowUs: number;
  readonly aggregate: "count" | "sum" | "mean" | "share";
  /** Expression: a number for sum and mean, a condition for share; absent for count. */
  readonly measure?: string;
}

export interface WindowBuilder {
  count(): WindowAggregate;
  sum(measure: string): WindowAggregate;
  mean(measure: string): WindowAggregate;
  /** Share of rows for which the condition holds, among those where it is not null. */
  share(condition: string): WindowAggregate;
}

/** @example window("6h").mean("delay") @throws INVALID_ARGUMENT if the duration is not one */
export function window(length: string): WindowBuilder {
  const base = { window: length, windowUs: parseDuration(length, "window") };
  return {
    count: () => ({ ...base, aggregate: "count" }),
    sum: (measure) => ({ ...base, aggregate: "sum", measure }),
    mean: (measure) => ({ ...base, aggregate: "mean", measure }),
    share: (condition) => ({ ...base, aggregate: "share", measure: condition }),
  };
}

export interface FeatureViewOptions<S extends Schema, K extends string, F extends string> {
  readonly entity: EntityDefinition<K>;
  readonly source: SourceDefinition<S>;
  /** Source column of each entity key. */
  readonly on: Readonly<Record<K, keyof S & string>>;
  readonly features: Readonly<Record<F, WindowAggregate>>;
}

export interface FeatureViewDefinition<K extends string = string, F extends string = string> {
  readonly kind: "featureView";
  readonly name: string;
  readonly entity: EntityDefinition<K>;
  readonly source: SourceDefinition;
  readonly on: Readonly<Record<K, string>>;
  readonly features: Readonly<Record<F, WindowAggregate>>;
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

export function featureView<const S extends Schema, const K extends string, const F extends string>(
  name: string,
  options: FeatureViewOptions<S, K, F>,
): FeatureViewDefinition<K, F> {
  const view: FeatureViewDefinition<K, F> = {
    kind: "featureView",
    name,
    entity: options.entity,
    source: options.source,
    on: options.on,
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

export type ModelFeature = FeatureReference | RequestFeatures | FieldFeature;

/** One position of the vector a model reads. */
export interface VectorSlot {
  /** Unique in the vector: "<prefix>.<feature>" for view features, "<name>.<output>" for request features, the field for fields. */
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
    features: view.features as never,
  });
}

export function featureService(name: string, features: readonly ModelFeature[]): FeatureService {
  const slots = features.flatMap(slotsOf);
  const parts = features.map((f) =>
    f.kind === "featureReference"
      ? { view: featureViewHash(f.view), binding: f.binding, prefix: f.prefix }
      : f.kind === "requestFeatures"
        ? { name: f.name, outputs: f.outputs, code: f.compute.toString() }
        : { field: f.field, type: f.type },
  );
  return { name, features, slots, hash: definitionHash({ kind: "featureService", name, parts }) };
}

function slotsOf(feature: ModelFeature): VectorSlot[] {
  if (feature.kind === "field") return [{ name: feature.field, type: feature.type }];
  if (feature.kind === "requestFeatures") return feature.outputs.map((output) => ({ name: `${feature.name}.${output}`, type: "numeric" }));
  return Object.keys(feature.view.features).map((name) => ({ name: `${feature.prefix}.${name}`, type: "numeric" }));
}
