import type { Vector } from "apache-arrow";
import type { OnlineFeaturesResponse } from "./online-features.ts";

export const arrowType = "application/vnd.apache.arrow.stream";

/**
 * The values as an Arrow IPC stream, a column a name: Float64, Utf8, or a list of either, Bool for keys; null and NaN stay apart.
 * The library is loaded when it is first asked for: few clients want it, and it is large.
 */
export async function toArrow({ metadata, results }: OnlineFeaturesResponse): Promise<Buffer> {
  const { Bool, Field, Float64, List, Table, tableToIPC, Utf8, vectorFromArray } = await import("apache-arrow");
  const columns = metadata.feature_names.map((name, i): [string, Vector] => {
    const { values } = results[i]!;
    const sample = values.find((value) => value !== null && !(Array.isArray(value) && value.length === 0)) ?? null;
    const one: unknown = Array.isArray(sample) ? sample[0] : sample;
    const item = typeof one === "string" ? new Utf8() : typeof one === "boolean" ? new Bool() : new Float64();
    const isList = values.some((value) => Array.isArray(value));
    return [name, vectorFromArray(values as never, isList ? new List(new Field("item", item)) : item)];
  });
  return Buffer.from(tableToIPC(new Table(Object.fromEntries(columns)), "stream"));
}
