import type { FeatureReference, FeatureService } from "./definition.ts";
import { slotsOf } from "./definition.ts";
import type { FeatureOutput } from "./feature-output.ts";

/** What a request carries. */
export type RequestFields = Readonly<Record<string, string | number | null>>;

/** A feature's value with null and NaN apart; lists are of values, newest or most frequent first. */
export type FeatureValue = number | string | null | readonly (number | string)[];

/** The categories a model version knows, by slot; a category's code is its position. */
export type CategoryDictionary = Readonly<Record<string, readonly string[]>>;

/** A reference and its slots: the view's features in their order, a list feature with a slot for each of its items. */
export interface ReferenceSlots {
  readonly reference: FeatureReference;
  readonly first: number;
  readonly numSlots: number;
}

/** Where each view's values stand in the vector. */
export function referenceSlots(service: FeatureService): ReferenceSlots[] {
  const found: ReferenceSlots[] = [];
  let at = 0;
  for (const feature of service.features) {
    const numSlots = slotsOf(feature).length;
    if (feature.kind === "featureReference") found.push({ reference: feature, first: at, numSlots });
    at += numSlots;
  }
  return found;
}

/** The pushed sources that a service's slots are made from, by name: what their log has lacked in the online store, a vector lacks. */
export function loggedSources(service: FeatureService): string[] {
  const logged = referenceSlots(service).filter(({ reference, numSlots }) => numSlots > 0 && reference.view.source.format === "pushed");
  return [...new Set(logged.map(({ reference }) => reference.view.source.name))];
}

/** Codes of a categorical slot's categories. */
export function categoryCodes(dictionary: CategoryDictionary, slot: string): ReadonlyMap<string, number> {
  return new Map((Object.hasOwn(dictionary, slot) ? dictionary[slot]! : []).map((category, code) => [category, code]));
}

/**
 * Writes a value into its slots from `out[at]` on: null, text without a code and items that are not there are NaN.
 * @returns the position after them
 */
export function writeValue(
  value: FeatureValue,
  output: FeatureOutput,
  codesAt: (slot: number) => ReadonlyMap<string, number>,
  out: Float64Array,
  at: number,
): number {
  const numbers = (one: number | string | null | undefined, slot: number): number =>
    typeof one === "number" ? one : typeof one === "string" ? (codesAt(slot).get(one) ?? Number.NaN) : Number.NaN;
  if (output.isInput === false) return at;
  if (output.length === undefined) {
    out[at] = typeof value === "object" ? Number.NaN : numbers(value, at);
    return at + 1;
  }
  for (let i = 0; i < output.length; i++) out[at + i] = typeof value === "object" ? numbers(value?.[i], at + i) : Number.NaN;
  return at + output.length;
}

/**
 * Writes the slots that come from the request alone into `out[offset + slot]`; the other slots are left as they are.
 * Null, a missing field, text in a numeric slot and an unknown category are NaN.
 */
export type RequestFiller = (timeUs: number, fields: RequestFields, out: Float64Array, offset: number) => void;

/** The one place where a vector is assembled: training, serving and parity all go through it. */
export function requestFiller(service: FeatureService, dictionary: CategoryDictionary): RequestFiller {
  const steps: RequestFiller[] = [];
  let at = 0;
  for (const feature of service.features) {
    const first = at;
    at += slotsOf(feature).length;
    if (feature.kind === "requestFeatures") {
      const { outputs, compute } = feature;
      steps.push((timeUs, fields, out, offset) => {
        const values = compute(timeUs, fields);
        for (let i = 0; i < outputs.length; i++) out[offset + first + i] = values[outputs[i]!] ?? Number.NaN;
      });
    } else if (feature.kind === "field") {
      const { field } = feature;
      if (feature.type === "numeric") {
        steps.push((_timeUs, fields, out, offset) => {
          const value = fields[field];
          out[offset + first] = typeof value === "number" ? value : Number.NaN;
        });
      } else {
        const codes = categoryCodes(dictionary, field);
        steps.push((_timeUs, fields, out, offset) => {
          const category = categoryOf(fields[field]);
          out[offset + first] = category === null ? Number.NaN : (codes.get(category) ?? Number.NaN);
        });
      }
    }
  }
  return (timeUs, fields, out, offset) => {
    for (const step of steps) step(timeUs, fields, out, offset);
  };
}

/** Writes the slots of derived features, in their order, once every slot they read has been filled. */
export type DerivedFiller = (timeUs: number, out: Float64Array, offset: number) => void;

export function derivedFiller(service: FeatureService): DerivedFiller {
  const positions = new Map(service.slots.map(({ name }, slot) => [name, slot]));
  const steps: DerivedFiller[] = [];
  let at = 0;
  for (const feature of service.features) {
    const first = at;
    at += slotsOf(feature).length;
    if (feature.kind !== "derivedFeatures") continue;
    const { outputs, compute } = feature;
    const read = feature.inputs.map((name) => [name, positions.get(name)!] as const);
    steps.push((timeUs, out, offset) => {
      const inputs: Record<string, number> = {};
      for (const [name, slot] of read) inputs[name] = out[offset + slot]!;
      const values = compute(inputs, timeUs);
      for (let i = 0; i < outputs.length; i++) out[offset + first + i] = values[outputs[i]!] ?? Number.NaN;
    });
  }
  return (timeUs, out, offset) => {
    for (const step of steps) step(timeUs, out, offset);
  };
}

/** A field's value as the text that dictionaries hold. */
export function categoryOf(value: string | number | null | undefined): string | null {
  return value === null || value === undefined || (typeof value === "number" && Number.isNaN(value)) ? null : String(value);
}
