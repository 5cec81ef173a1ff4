import type { FeatureService } from "../features/definition.ts";
import { derivedFiller, loggedSources, referenceSlots, requestFiller, type CategoryDictionary } from "../features/vector.ts";
import type { MaybePromise } from "../storage/kv/port.ts";
import type { OnlineFace } from "./faces.ts";
import type { RequestFields } from "./request-fields.ts";

/** How one version's vector is made: windows of its views from the online store, the rest from the request by the version's dictionary. */
export interface VersionVector {
  readonly numSlots: number;
  readonly categories: CategoryDictionary;
  /** The pushed sources among what is read. */
  readonly sources: readonly string[];
  /** Fills `out[offset .. offset + numSlots)`, and `applied` for each of `sources`. */
  read(timeUs: number, fields: Readonly<RequestFields>, out: Float64Array, offset: number, applied?: number[]): MaybePromise<void>;
  /**
   * The vector this version would have read where another version of the same service, which codes by `from`, read `vector`: only codes of
   * categories can differ. With the request's fields, text that `from` has no code for is coded too; undefined where the caller brought the vector.
   */
  recode(timeUs: number, fields: Readonly<RequestFields> | undefined, vector: Float64Array, from: CategoryDictionary): Float64Array;
}

export function versionVector(service: FeatureService, online: OnlineFace, categories: CategoryDictionary): VersionVector {
  const readViews = online.reader(service, categories);
  const fillRequest = requestFiller(service, categories);
  const derive = derivedFiller(service);
  const codedByViews = referenceSlots(service).flatMap(({ first, numSlots }) =>
    service.slots.slice(first, first + numSlots).flatMap(({ name, type }, i) => (type === "categorical" ? [{ name, slot: first + i }] : [])),
  );
  const categorical = service.slots.flatMap(({ name, type }, slot) => (type === "categorical" ? [{ name, slot }] : []));
  return {
    numSlots: service.slots.length,
    categories,
    sources: loggedSources(service),
    read: (timeUs, fields, out, offset, applied) => {
      fillRequest(timeUs, fields, out, offset);
      const reading = readViews(timeUs, fields, out, offset, applied);
      if (reading !== undefined) return reading.then(() => derive(timeUs, out, offset));
      return derive(timeUs, out, offset);
    },
    recode: (timeUs, fields, vector, from) => {
      const own = Float64Array.from(vector);
      for (const { name, slot } of fields === undefined ? categorical : codedByViews) {
        const category = from[name]?.[vector[slot]!];
        const code = category === undefined ? -1 : (categories[name]?.indexOf(category) ?? -1);
        own[slot] = code < 0 ? Number.NaN : code;
      }
      if (fields !== undefined) fillRequest(timeUs, fields, own, 0);
      return own;
    },
  };
}
