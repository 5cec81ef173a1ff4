import type { FeatureService } from "../features/definition.ts";
import { requestFiller, type CategoryDictionary } from "../features/vector.ts";
import type { MaybePromise } from "../storage/kv/port.ts";
import type { OnlineFace } from "./faces.ts";
import type { RequestFields } from "./request-fields.ts";

/** How one version's vector is made: windows of its views from the online store, the rest from the request by the version's dictionary. */
export interface VersionVector {
  readonly numSlots: number;
  /** Fills `out[offset .. offset + numSlots)`. */
  read(timeUs: number, fields: Readonly<RequestFields>, out: Float64Array, offset: number): MaybePromise<void>;
  /** The vector this version would have read where another version of the same service read `vector`: only the request's slots can differ. */
  recode(timeUs: number, fields: Readonly<RequestFields>, vector: Float64Array): Float64Array;
}

export function versionVector(service: FeatureService, online: OnlineFace, categories: CategoryDictionary): VersionVector {
  const readViews = online.reader(service);
  const fillRequest = requestFiller(service, categories);
  return {
    numSlots: service.slots.length,
    read: (timeUs, fields, out, offset) => {
      fillRequest(timeUs, fields, out, offset);
      return readViews(timeUs, fields, out, offset);
    },
    recode: (timeUs, fields, vector) => {
      const own = Float64Array.from(vector);
      fillRequest(timeUs, fields, own, 0);
      return own;
    },
  };
}
