import type { FeatureReference, FeatureService } from "./definition.ts";

/** What a request carries. */
export type RequestFields = Readonly<Record<string, string | number | null>>;

/** The categories a model version knows, by slot; a category's code is its position. */
export type CategoryDictionary = Readonly<Record<string, readonly string[]>>;

/** A reference and the position of its first slot; the view's features follow in their order. */
export interface ReferenceSlots {
  readonly reference: FeatureReference;
  readonly first: number;
}

/** Where each view's values stand in the vector. */
export function referenceSlots(service: FeatureService): ReferenceSlots[] {
  const found: ReferenceSlots[] = [];
  let at = 0;
  for (const feature of service.features) {
    if (feature.kind === "featureReference") {
      found.push({ reference: feature, first: at });
      at += Object.keys(feature.view.features).length;
    } else at += feature.kind === "requestFeatures" ? feature.outputs.length : 1;
  }
  return found;
}

/**
 * Writes the slots that come from the request alone into `out[offset + slot]`; the views' slots are left as the engine filled them.
 * Null, a missing field, text in a numeric slot and an unknown category are NaN.
 */
export type RequestFiller = (timeUs: number, fields: RequestFields, out: Float64Array, offset: number) => void;

/** The one place where a vector is assembled: training, serving and parity all go through it. */
export function requestFiller(service: FeatureService, dictionary: CategoryDictionary): RequestFiller {
  const steps: RequestFiller[] = [];
  let at = 0;
  for (const feature of service.features) {
    const first = at;
    if (feature.kind === "featureReference") at += Object.keys(feature.view.features).length;
    else if (feature.kind === "requestFeatures") {
      const { outputs, compute } = feature;
      at += outputs.length;
      steps.push((timeUs, fields, out, offset) => {
        const values = compute(timeUs, fields);
        for (let i = 0; i < outputs.length; i++) out[offset + first + i] = values[outputs[i]!] ?? Number.NaN;
      });
    } else {
      const { field } = feature;
      at += 1;
      if (feature.type === "numeric") {
        steps.push((_timeUs, fields, out, offset) => {
          const value = fields[field];
          out[offset + first] = typeof value === "number" ? value : Number.NaN;
        });
      } else {
        const codes = new Map((Object.hasOwn(dictionary, field) ? dictionary[field]! : []).map((category, code) => [category, code]));
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

/** A field's value as the text that dictionaries hold. */
export function categoryOf(value: string | number | null | undefined): string | null {
  return value === null || value === undefined || (typeof value === "number" && Number.isNaN(value)) ? null : String(value);
}
