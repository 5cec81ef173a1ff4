import { invalidModel } from "../../../learn/model-reader.ts";

/** Members of a parsed XGBoost file by type, naming the path of the one that is wrong. Numbers may stand in text, as XGBoost's parameters do. */
export class Fields {
  readonly #members: Record<string, unknown>;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalidModel(path === "" ? "content" : path, "expected an object");
    this.#members = value as Record<string, unknown>;
    this.#path = path;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#members, name);
  }

  object(name: string): Fields {
    return new Fields(this.#get(name), this.at(name));
  }

  list(name: string): readonly unknown[] {
    const value = this.#get(name);
    if (!Array.isArray(value)) throw invalidModel(this.at(name), "expected a list");
    return value;
  }

  text(name: string): string {
    const value = this.#get(name);
    if (typeof value !== "string") throw invalidModel(this.at(name), "expected text");
    return value;
  }

  whole(name: string, min: number, max: number): number {
    const value = this.#get(name);
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number !== "number" || !Number.isSafeInteger(number) || number < min || number > max)
      throw invalidModel(this.at(name), `expected a whole number from ${min} to ${max}`);
    return number;
  }

  /** A list of numbers, of `length` if given; null, as JSON writes NaN, is refused unless it is to become NaN. */
  numbers(name: string, length?: number, nullIsNan = false): readonly number[] {
    const listed = this.list(name);
    const values = nullIsNan && listed.includes(null) ? listed.map((value) => value ?? Number.NaN) : listed;
    if (length !== undefined && values.length !== length) throw invalidModel(this.at(name), `expected ${length} numbers, got ${values.length}`);
    const wrong = values.findIndex((value) => typeof value !== "number" && typeof value !== "boolean");
    if (wrong >= 0) throw invalidModel(this.at(name), `element ${wrong} is not a number`);
    return values.some((value) => typeof value === "boolean") ? values.map(Number) : (values as readonly number[]);
  }

  wholes(name: string, length: number | undefined, min: number, max: number): readonly number[] {
    const values = this.numbers(name, length);
    const wrong = values.find((value) => !Number.isSafeInteger(value) || value < min || value > max);
    if (wrong !== undefined) throw invalidModel(this.at(name), `${wrong} is not a whole number from ${min} to ${max}`);
    return values;
  }

  at(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }

  #get(name: string): unknown {
    return this.has(name) ? this.#members[name] : undefined;
  }
}
