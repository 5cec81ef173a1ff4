import { KarkhanaError } from "../kernel/error.ts";

/** The request field that carries an entity key. @throws INVALID_ARGUMENT */
export function boundField(binding: Readonly<Record<string, string>>, key: string, prefix: string): string {
  const field = Object.hasOwn(binding, key) ? binding[key] : undefined;
  if (field === undefined)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: `reference ${prefix}`, problem: "binds no request field to an entity key", value: key });
  return field;
}
