import { KarkhanaError } from "../kernel/error.ts";
import { floatsOfBase64, intsOfBase64 } from "./array-text.ts";

export function invalidModel(field: string, problem: string, cause?: unknown): KarkhanaError {
  return new KarkhanaError("MODEL_FILE_INVALID", { field, problem }, { cause });
}

/** Reads members of a JSON object by type, naming the path of the one that is wrong. */
export class ObjectReader {
  readonly #members: ReadonlyMap<string, unknown>;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalidModel(path === "" ? "content" : path, "expected an object");
    this.#members = new Map(Object.entries(value));
    this.#path = path;
  }

  static parse(bytes: Uint8Array): ObjectReader {
    try {
      return new ObjectReader(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)), "");
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError) throw invalidModel("content", "is not JSON", error);
      throw error;
    }
  }

  object(name: string): ObjectReader {
    return new ObjectReader(this.#members.get(name), this.#at(name));
  }

  list(name: string): readonly ObjectReader[] {
    const value = this.#members.get(name);
    if (!Array.isArray(value)) throw invalidModel(this.#at(name), "expected a list");
    return value.map((item, i) => new ObjectReader(item, `${this.#at(name)}[${i}]`));
  }

  text(name: string): string {
    const value = this.#members.get(name);
    if (typeof value !== "string") throw invalidModel(this.#at(name), "expected text");
    return value;
  }

  whole(name: string, min: number): number {
    const value = this.#members.get(name);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min) throw invalidModel(this.#at(name), `expected a whole number from ${min}`);
    return value;
  }

  floats(name: string): Float64Array {
    const values = floatsOfBase64(this.text(name));
    if (values === undefined) throw invalidModel(this.#at(name), "expected base64 of 64-bit numbers");
    return values;
  }

  ints(name: string): Int32Array {
    const values = intsOfBase64(this.text(name));
    if (values === undefined) throw invalidModel(this.#at(name), "expected base64 of 32-bit integers");
    return values;
  }

  /** Integers that must be 0 or 1. */
  flags(name: string): Uint8Array {
    const values = this.ints(name);
    if (!values.every((value) => value === 0 || value === 1)) throw invalidModel(this.#at(name), "expected 0 or 1");
    return Uint8Array.from(values);
  }

  #at(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }
}
