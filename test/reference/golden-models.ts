import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** One model of a library, rows, and what the library answered: made by `models.py`. */
export interface GoldenCase {
  readonly name: string;
  readonly model: Uint8Array;
  readonly numRows: number;
  /** shape [numRows, numFeatures] */
  readonly rows: Float64Array;
  /** shape [numRows, numScores] */
  readonly raw: Float64Array;
  readonly predict: Float64Array;
  /** shape [first rows, numScores, numFeatures + 1] */
  readonly contributions: Float64Array | undefined;
  readonly range: { readonly begin: number; readonly count?: number } | undefined;
  readonly missing: number | undefined;
}

interface StoredCase {
  name: string;
  model?: string;
  modelBase64?: string;
  numRows: number;
  rows: string;
  raw: string;
  predict: string;
  contributions?: string;
  range?: { begin: number; count?: number };
  missing?: number;
}

export function readGoldenCases(file: string): GoldenCase[] {
  const { cases } = JSON.parse(gunzipSync(readFileSync(new URL(file, import.meta.url))).toString()) as { cases: StoredCase[] };
  return cases.map(({ name, model, modelBase64, numRows, rows, raw, predict, contributions, range, missing }) => ({
    name,
    model: model === undefined ? new Uint8Array(Buffer.from(modelBase64!, "base64")) : new TextEncoder().encode(model),
    numRows,
    rows: floats(rows),
    raw: floats(raw),
    predict: floats(predict),
    contributions: contributions === undefined ? undefined : floats(contributions),
    range,
    missing,
  }));
}

function floats(text: string): Float64Array {
  const bytes = Buffer.from(text, "base64");
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** Places where two arrays differ by a bit (NaN is equal to NaN, -0 is not 0). */
export function differences(actual: Float64Array, expected: Float64Array): string[] {
  if (actual.length !== expected.length) return [`length ${actual.length}, expected ${expected.length}`];
  return [...actual.keys()].filter((i) => !Object.is(actual[i], expected[i])).map((i) => `[${i}] ${actual[i]}, expected ${expected[i]}`);
}

/** Largest distance in units of the last place of the expected value; `float32` counts float32's. */
export function maxUlps(actual: Float64Array, expected: Float64Array, float32: boolean): number {
  let max = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i]!, expected[i]!];
    if (Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const exponent = Math.max(Math.floor(Math.log2(Math.abs(b))), float32 ? -126 : -1022);
    const unit = 2 ** (exponent - (float32 ? 23 : 52));
    max = Math.max(max, Math.abs(a - b) / unit);
  }
  return max;
}
