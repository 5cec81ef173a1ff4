import { order } from "../../data/expression-function.ts";
import { decodeVector } from "../../data/vector-column.ts";
import { estimateDistinct } from "../bottom-k.ts";
import type { FeatureValue } from "../vector.ts";
import { windowStart, type PlannedFeature, type ViewPlan } from "../view-plan.ts";
import { decodeValue, EVENT, FIRST, KNOWN, LAST, MEASURES, ROW_ID, ROWS, TOTALS, UNTIL } from "./blocks.ts";
import type { Texts } from "./text-ids.ts";
import { isVectorId } from "./vector-ids.ts";

const newestFirst = new Set(["latest", "last", "lastN"]);
const extremes = new Set(["min", "max"]);

/** Features that look at rows one by one, beyond sums, least and greatest. */
export function pickedFeatures(plan: ViewPlan): readonly PlannedFeature[] {
  return plan.features.filter(({ aggregate, window, measure }) => {
    if (window < 0) return true;
    return measure >= 0 && plan.measures[measure]!.kind !== "sum" && !extremes.has(aggregate);
  });
}

const noNumbers: readonly number[] = [];

/** In `kept`: event, known, row id, measures. */
const keptMeasures = 3;

/** The rows that first, last, lists, distinct, percentiles and latest are taken from, of one key as of t. */
export class PickedRows {
  readonly #plan: ViewPlan;
  readonly #features: readonly PlannedFeature[];
  readonly #stride: number;
  /** By feature: the earliest event it looks at, and how many values it still lacks if it needs only the newest. */
  readonly #from: Float64Array;
  readonly #lacking: Float64Array;
  /** Whether a feature looks at more than the newest row. */
  readonly #keeps: boolean;
  /** Features whose values may be texts that have to be fetched. */
  readonly #textual: readonly PlannedFeature[];
  readonly #kept: number[] = [];
  /** As a row of `kept`; of no row while there is none. */
  readonly #newest: Float64Array;
  #hasNewest = false;
  #sorted: Int32Array | undefined;
  #timeUs = 0;
  #fromUs = 0;
  /** By id; null: it is gone. */
  readonly #vectors = new Map<number, Float32Array | null>();

  constructor(plan: ViewPlan, features: readonly PlannedFeature[]) {
    this.#plan = plan;
    this.#features = features;
    this.#stride = keptMeasures + plan.measures.length;
    this.#keeps = features.some(({ window }) => window >= 0);
    this.#textual = features.filter(({ measure, aggregate }) => {
      const { kind } = plan.measures[measure]!;
      return kind !== "value" && kind !== "sum" && aggregate !== "distinct";
    });
    this.#newest = new Float64Array(this.#stride);
    this.#from = new Float64Array(features.length);
    this.#lacking = new Float64Array(features.length);
  }

  get fromUs(): number {
    return this.#fromUs;
  }

  start(timeUs: number): void {
    this.#timeUs = timeUs;
    this.#kept.length = 0;
    this.#hasNewest = false;
    this.#vectors.clear();
    this.#sorted = undefined;
    this.#fromUs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#features.length; i++) {
      const feature = this.#features[i]!;
      // Whatever its age: too old is told from never there.
      const from = feature.window < 0 ? Number.NEGATIVE_INFINITY : windowStart(this.#plan.windows[feature.window]!, timeUs);
      this.#from[i] = from;
      this.#lacking[i] = feature.aggregate === "lastN" ? feature.n : 1;
      if (from < this.#fromUs) this.#fromUs = from;
    }
  }

  /** Whether a sealed block must be read row by row. Blocks are asked about from the newest. @param seen whether all its rows are seen at t */
  wants(head: Float64Array, entry: number, seen: boolean): boolean {
    let wanted = false;
    const first = head[entry + FIRST]!;
    const last = head[entry + LAST]!;
    for (let i = 0; i < this.#features.length; i++) {
      const { aggregate, measure } = this.#features[i]!;
      if (last < this.#from[i]!) continue;
      if (!newestFirst.has(aggregate)) {
        wanted ||= first < this.#timeUs;
        continue;
      }
      if (this.#lacking[i]! <= 0) continue;
      wanted = true;
      if (seen && first >= this.#from[i]!)
        this.#lacking[i] = this.#lacking[i]! - (aggregate === "latest" ? head[entry + ROWS]! : head[entry + TOTALS + 3 * measure + 1]!);
    }
    return wanted;
  }

  /** @param isOpen of the open block, which is read first: what it gives is no longer lacking */
  addRows(rows: Float64Array, start: number, end: number, isOpen: boolean): void {
    const m = this.#plan.measures.length;
    const stride = MEASURES + m;
    const t = this.#timeUs;
    for (let at = end - stride; at >= start; at -= stride) {
      const event = rows[at + EVENT]!;
      if (event > t) continue;
      if (event < this.#fromUs || (!this.#keeps && this.#hasNewest && event < this.#newest[0]!)) return;
      if (rows[at + KNOWN]! > t || rows[at + UNTIL]! <= t) continue;
      this.#offer(rows, at, m);
      if (isOpen) this.#count(rows, at, event);
      if (event === t || !this.#keeps) continue;
      this.#kept.push(event, rows[at + KNOWN]!, rows[at + ROW_ID]!);
      for (let j = 0; j < m; j++) this.#kept.push(rows[at + MEASURES + j]!);
    }
  }

  /** Rows come from the newest; of equal (event, known, row id) the later in its block is newer. */
  #offer(rows: Float64Array, at: number, m: number): void {
    const best = this.#newest;
    if (this.#hasNewest) {
      const less = rows[at + EVENT]! - best[0]! || rows[at + KNOWN]! - best[1]! || rows[at + ROW_ID]! - best[2]!;
      if (less <= 0) return;
    }
    this.#hasNewest = true;
    best[0] = rows[at + EVENT]!;
    best[1] = rows[at + KNOWN]!;
    best[2] = rows[at + ROW_ID]!;
    for (let j = 0; j < m; j++) best[keptMeasures + j] = rows[at + MEASURES + j]!;
  }

  #count(rows: Float64Array, at: number, event: number): void {
    for (let i = 0; i < this.#features.length; i++) {
      const { aggregate, measure } = this.#features[i]!;
      if (aggregate === "latest") this.#lacking[i] = 0;
      else if (event < this.#timeUs && event >= this.#from[i]! && !Number.isNaN(rows[at + MEASURES + measure]!)) this.#lacking[i] = this.#lacking[i]! - 1;
    }
  }

  /** A measure of the newest row; undefined while there is none. */
  #lying(measure: number): number | undefined {
    return this.#hasNewest ? this.#newest[keptMeasures + measure]! : undefined;
  }

  /** Event time of the newest row, whatever its age. */
  get newestUs(): number | undefined {
    return this.#hasNewest ? this.#newest[0]! : undefined;
  }

  /** Ids of texts that the answers hold and `texts` does not know. */
  missingTexts(texts: Texts, missing: Set<number>, wantsVectors: boolean): void {
    for (const { aggregate, measure, output } of this.#textual) {
      if (output.isInput === false && !wantsVectors) continue;
      const miss = (id: number | undefined): void => {
        if (id !== undefined && !isVectorId(id) && !Number.isNaN(id) && texts.get(id) === undefined) missing.add(id);
      };
      if (aggregate === "latest") miss(this.#lying(measure));
      else for (let at = keptMeasures + measure; at < this.#kept.length; at += this.#stride) miss(this.#kept[at]);
    }
  }

  /** Ids of vectors that the answers hold. */
  vectorIds(wantsVectors: boolean): number[] {
    return this.#features.flatMap(({ measure, output }) => {
      if (this.#plan.measures[measure]!.kind !== "vector" || (output.isInput === false && !wantsVectors)) return [];
      const id = this.#lying(measure);
      return id !== undefined && isVectorId(id) ? [id] : [];
    });
  }

  /** @param bytes undefined: the vector is gone */
  learnVector(id: number, bytes: Uint8Array | undefined): void {
    // Into memory of its own: the store's is on loan, and may lie on any address.
    this.#vectors.set(id, bytes === undefined ? null : new Float32Array(new Uint8Array(bytes).buffer));
  }

  /** @param feature one of those given to the constructor */
  value(feature: PlannedFeature, texts: Texts): FeatureValue {
    const { kind } = this.#plan.measures[feature.measure]!;
    const isText = kind === "text";
    const read = (lying: number): number | string => (isText ? texts.get(lying)! : decodeValue(lying));
    if (feature.aggregate === "latest") {
      const lying = this.#lying(feature.measure);
      if (lying === undefined || Number.isNaN(lying) || this.#timeUs - this.#newest[0]! > this.#plan.latestUs!) return null;
      if (kind === "vector" && isVectorId(lying)) {
        const vector = this.#vectors.get(lying);
        return vector === undefined ? noNumbers : vector && Array.from(vector);
      }
      if (kind === "vector") {
        const text = texts.get(lying);
        // Not asked for: that it is there is all that is known.
        return text === undefined ? noNumbers : Array.from(decodeVector(text));
      }
      return read(lying);
    }
    const values = this.#valuesOf(feature);
    if (feature.aggregate === "distinct") return new Set(values.map(decodeValue)).size;
    if (feature.aggregate === "approxDistinct") return estimateDistinct(Float64Array.from(new Set(values)), feature.n);
    if (values.length === 0) return null;
    switch (feature.aggregate) {
      case "first":
        return read(values[0]!);
      case "last":
        return read(values.at(-1)!);
      case "lastN":
        return values.slice(-feature.n).reverse().map(read);
      case "percentile":
        return Float64Array.from(values, decodeValue).sort()[Math.ceil(feature.p * values.length) - 1]!;
      default:
        return mostFrequent(values.map(read), feature.n);
    }
  }

  /** As they lie, by (event, known, row id), nulls left out. */
  #valuesOf({ window, measure }: PlannedFeature): number[] {
    const kept = this.#kept;
    const from = windowStart(this.#plan.windows[window]!, this.#timeUs);
    this.#sorted ??= this.#inOrder();
    const values: number[] = [];
    for (const at of this.#sorted) {
      const value = kept[at + keptMeasures + measure]!;
      if (kept[at]! >= from && !Number.isNaN(value)) values.push(value);
    }
    return values;
  }

  #inOrder(): Int32Array {
    const kept = this.#kept;
    const numRows = kept.length / this.#stride;
    // Kept from the newest: turned round, rows that compare equal stand as they lie in their block.
    const places = Int32Array.from({ length: numRows }, (_, i) => (numRows - 1 - i) * this.#stride);
    return places.sort((a, b) => kept[a]! - kept[b]! || kept[a + 1]! - kept[b + 1]! || kept[a + 2]! - kept[b + 2]! || b - a);
  }
}

function mostFrequent(values: readonly (number | string)[], n: number): (number | string)[] {
  const counts = new Map<number | string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const ranked = [...counts].sort((a, b) => b[1] - a[1] || order(a[0], b[0]));
  return ranked.slice(0, n).map(([value]) => value);
}
