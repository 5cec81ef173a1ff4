/**
 * Universal Binary JSON (draft 12) as XGBoost writes it: numbers big-endian, typed arrays `[$type#count` kept as number arrays.
 * Bounded by the file: a count larger than what is left is refused before anything of that size is made.
 * @see https://ubjson.org, XGBoost src/common/json.cc
 */
import { invalidModel } from "../../../learn/model-reader.ts";

const maxDepth = 64;
const code = (letter: string): number => letter.codePointAt(0)!;
const sizes: ReadonlyMap<number, number> = new Map([
  [code("i"), 1],
  [code("U"), 1],
  [code("I"), 2],
  [code("l"), 4],
  [code("L"), 8],
  [code("d"), 4],
  [code("D"), 8],
]);

/** @returns objects, arrays, text, numbers, booleans and null, as `JSON.parse` would @throws MODEL_FILE_INVALID naming the byte */
export function readUbjson(bytes: Uint8Array): unknown {
  const reader = new UbjsonReader(bytes);
  return reader.value(reader.marker(), 0);
}

class UbjsonReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  marker(): number {
    this.#need(1);
    let marker = this.#bytes[this.#at++]!;
    while (marker === code("N")) {
      this.#need(1);
      marker = this.#bytes[this.#at++]!;
    }
    return marker;
  }

  value(marker: number, depth: number): unknown {
    if (depth > maxDepth) throw this.#wrong("is nested too deeply");
    switch (marker) {
      case code("{"):
        return this.#object(depth);
      case code("["):
        return this.#array(depth);
      case code("S"):
        return this.#string();
      case code("C"):
        this.#need(1);
        return String.fromCharCode(this.#bytes[this.#at++]!);
      case code("H"):
        return Number(this.#string());
      case code("T"):
        return true;
      case code("F"):
        return false;
      case code("Z"):
        return null;
      default:
        return this.#number(marker);
    }
  }

  #object(depth: number): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    const { type, count } = this.#container();
    const limit = count ?? Infinity;
    for (let i = 0; i < limit; i++) {
      const first = this.#peek();
      if (count === undefined && first === code("}")) {
        this.#at++;
        break;
      }
      const key = this.#string();
      entries.push([key, this.value(type ?? this.marker(), depth + 1)]);
    }
    return Object.fromEntries(entries);
  }

  #array(depth: number): unknown[] | number[] {
    const { type, count } = this.#container();
    if (type !== undefined && count !== undefined) {
      const size = sizes.get(type);
      if (size === undefined) throw this.#wrong("has a typed array of what is no number");
      this.#need(size * count);
      const numbers = Array.from<number>({ length: count });
      for (let i = 0; i < count; i++) numbers[i] = this.#number(type);
      return numbers;
    }
    const items: unknown[] = [];
    const limit = count ?? Infinity;
    for (let i = 0; i < limit; i++) {
      const marker = this.marker();
      if (count === undefined && marker === code("]")) break;
      items.push(this.value(marker, depth + 1));
    }
    return items;
  }

  #container(): { readonly type: number | undefined; readonly count: number | undefined } {
    let type: number | undefined;
    if (this.#peek() === code("$")) {
      this.#at++;
      type = this.marker();
    }
    if (this.#peek() !== code("#")) {
      if (type !== undefined) throw this.#wrong("has a type without a count");
      return { type, count: undefined };
    }
    this.#at++;
    const count = this.#number(this.marker());
    if (count < 0 || !Number.isSafeInteger(count) || count > this.#bytes.length) throw this.#wrong(`counts ${count} elements, more than the file holds`);
    return { type, count };
  }

  #string(): string {
    const marker = this.marker();
    const length = this.#number(marker === code("S") ? this.marker() : marker);
    if (!Number.isSafeInteger(length) || length < 0) throw this.#wrong(`has a text of ${length} bytes`);
    this.#need(length);
    const text = new TextDecoder().decode(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return text;
  }

  #number(marker: number): number {
    const size = sizes.get(marker);
    if (size === undefined) throw this.#wrong(`has marker ${marker}, which has no meaning here`);
    this.#need(size);
    const at = this.#at;
    this.#at += size;
    switch (marker) {
      case code("i"):
        return this.#view.getInt8(at);
      case code("U"):
        return this.#view.getUint8(at);
      case code("I"):
        return this.#view.getInt16(at);
      case code("l"):
        return this.#view.getInt32(at);
      case code("d"):
        return this.#view.getFloat32(at);
      case code("D"):
        return this.#view.getFloat64(at);
      default: {
        const value = Number(this.#view.getBigInt64(at));
        if (!Number.isSafeInteger(value)) throw this.#wrong("has an integer beyond 53 bits");
        return value;
      }
    }
  }

  #peek(): number {
    this.#need(1);
    return this.#bytes[this.#at]!;
  }

  #need(length: number): void {
    if (length > this.#bytes.length - this.#at) throw this.#wrong("ends in the middle of a value");
  }

  #wrong(problem: string): Error {
    return invalidModel("content", `UBJSON ${problem}, at byte ${this.#at}`);
  }
}
