import type { FeatureValue } from "../vector.ts";
import { writeValue } from "../vector.ts";
import type { PlannedFeature, ViewPlan } from "../view-plan.ts";
import {
  checkFormat,
  decodeValue,
  entryStride,
  EVENT,
  FIRST,
  headerLength,
  ID,
  KNOWN,
  LAST,
  MAX_KNOWN,
  MIN_KNOWN,
  MIN_UNTIL,
  rowStride,
  UNTIL,
} from "./blocks.ts";
import { pickedFeatures, PickedRows } from "./picked-rows.ts";
import type { Texts } from "./text-ids.ts";
import { tileId } from "./tiles.ts";
import { WindowBands } from "./window-bands.ts";

/** What a value is worth, as Feast names it. */
export type FeatureStatus = "PRESENT" | "NULL_VALUE" | "NOT_FOUND" | "OUTSIDE_MAX_AGE";

type Codes = (slot: number) => ReadonlyMap<string, number>;

/** One view of one key on its way through the rounds of a read: what its blocks say as of t. */
export class ViewReading {
  readonly plan: ViewPlan;
  readonly #bands: WindowBands;
  readonly #picked: PickedRows | undefined;
  readonly #isPicked: readonly boolean[];
  /** Whether every feature is a number of the bands: then nothing is boxed. */
  readonly #isPlain: boolean;
  #timeUs = 0;
  #found = false;
  #isFinished = false;
  #newestUs: number | undefined;

  constructor(plan: ViewPlan) {
    this.plan = plan;
    this.#bands = new WindowBands(plan);
    const picked = pickedFeatures(plan);
    this.#picked = picked.length === 0 ? undefined : new PickedRows(plan, picked);
    this.#isPicked = plan.features.map((feature) => picked.includes(feature));
    this.#isPlain = picked.length === 0;
  }

  start(timeUs: number): void {
    this.#timeUs = timeUs;
    this.#found = false;
    this.#isFinished = false;
    this.#newestUs = undefined;
    this.#bands.start(timeUs);
    this.#picked?.start(timeUs);
  }

  get isFound(): boolean {
    return this.#found;
  }

  /** Event time of the key's newest row as of t; undefined where it lies in an old block, which only `latest` looks for. */
  get newestUs(): number | undefined {
    return this.#picked?.newestUs ?? this.#newestUs;
  }

  /**
   * Takes the open block, and whole sealed blocks where their totals will do.
   * @param head a head's numbers, from 0 @param needed receives the ids of blocks that must be read row by row, newest first
   */
  addHead(head: Float64Array, needed: number[]): void {
    checkFormat(head);
    this.#found = true;
    const m = this.plan.measures.length;
    const stride = entryStride(m);
    const openAt = headerLength + head[2]! * stride;
    const openEnd = openAt + head[3]! * rowStride(m);
    this.#add(head, openAt, openEnd, true);
    const t = this.#timeUs;
    for (let at = openEnd - rowStride(m); at >= openAt; at -= rowStride(m)) {
      if (head[at + EVENT]! > t || head[at + KNOWN]! > t || head[at + UNTIL]! <= t) continue;
      this.#newestUs = head[at + EVENT]!;
      break;
    }
    const bandsFrom = this.#bands.fromUs;
    const from = Math.min(bandsFrom, this.#picked?.fromUs ?? Number.POSITIVE_INFINITY);
    for (let at = openAt - stride; at >= headerLength; at -= stride) {
      const last = head[at + LAST]!;
      if (last < from) return;
      const first = head[at + FIRST]!;
      if (first > t || head[at + MIN_KNOWN]! > t) continue;
      if (head[at + ID] === tileId) {
        this.#bands.addTotals(head, at);
        continue;
      }
      const seen = last < t && head[at + MAX_KNOWN]! <= t && head[at + MIN_UNTIL]! > t;
      const wanted = this.#picked?.wants(head, at, seen) ?? false;
      if (!wanted) {
        if (first >= t || last < bandsFrom) continue;
        if (seen && this.#bands.addTotals(head, at)) continue;
      }
      needed.push(head[at + ID]!);
    }
  }

  addRows(rows: Float64Array, start: number, end: number): void {
    this.#add(rows, start, end, false);
  }

  #add(rows: Float64Array, start: number, end: number, isOpen: boolean): void {
    this.#bands.addRows(rows, start, end);
    this.#picked?.addRows(rows, start, end, isOpen);
  }

  /** @param wantsVectors of embeddings that models do not read as well */
  missingTexts(texts: Texts, missing: Set<number>, wantsVectors: boolean): void {
    this.#picked?.missingTexts(texts, missing, wantsVectors);
  }

  vectorIds(wantsVectors: boolean): number[] {
    return this.#picked?.vectorIds(wantsVectors) ?? [];
  }

  /** @param bytes undefined: the vector is gone */
  learnVector(id: number, bytes: Uint8Array | undefined): void {
    this.#picked?.learnVector(id, bytes);
  }

  /** Writes the view's slots, in their order, from `out[at]` on; `base` is where the vector begins, for the slots' codes. */
  write(out: Float64Array, at: number, base: number, texts: Texts, codes: Codes): void {
    this.#finish();
    const { features } = this.plan;
    if (this.#isPlain) {
      for (let f = 0; f < features.length; f++) out[at + f] = this.#numberOf(features[f]!);
      return;
    }
    let to = at;
    for (const [f, feature] of features.entries()) {
      if (feature.output.isInput === false) continue;
      if (this.#isPicked[f]!) to = writeValue(this.#picked!.value(feature, texts), feature.output, (slot) => codes(slot - base), out, to);
      else out[to++] = this.#numberOf(feature);
    }
  }

  values(texts: Texts): { readonly values: FeatureValue[]; readonly statuses: FeatureStatus[]; readonly newestUs: number | null } {
    this.#finish();
    const values = this.plan.features.map((feature, f) => this.#valueOf(feature, f, texts));
    const statuses = this.plan.features.map((feature, f) => this.#statusOf(feature, values[f]!));
    return { values, statuses, newestUs: this.#picked?.newestUs ?? null };
  }

  /** The same, into the place of one question in arrays by feature. @returns the event time of the newest row, where a feature looks at it */
  writeColumns(values: readonly FeatureValue[][], statuses: readonly FeatureStatus[][], question: number, texts: Texts): number | null {
    this.#finish();
    const { features } = this.plan;
    for (let f = 0; f < features.length; f++) {
      const feature = features[f]!;
      const value = this.#valueOf(feature, f, texts);
      values[f]![question] = value;
      statuses[f]![question] = this.#statusOf(feature, value);
    }
    return this.#picked?.newestUs ?? null;
  }

  #valueOf(feature: PlannedFeature, f: number, texts: Texts): FeatureValue {
    return this.#isPicked[f]! ? this.#picked!.value(feature, texts) : this.#boxed(feature);
  }

  #statusOf({ aggregate }: PlannedFeature, value: FeatureValue): FeatureStatus {
    if (value !== null) return "PRESENT";
    if (aggregate !== "latest") return this.#found ? "NULL_VALUE" : "NOT_FOUND";
    const newestUs = this.#picked!.newestUs;
    if (newestUs === undefined) return "NOT_FOUND";
    return this.#timeUs - newestUs > this.plan.latestUs! ? "OUTSIDE_MAX_AGE" : "NULL_VALUE";
  }

  #finish(): void {
    if (!this.#isFinished) this.#bands.finish();
    this.#isFinished = true;
  }

  #boxed(feature: PlannedFeature): number | null {
    if (feature.aggregate === "min" || feature.aggregate === "max") {
      const lying = feature.aggregate === "min" ? this.#bands.least(feature.window, feature.measure) : this.#bands.greatest(feature.window, feature.measure);
      return Number.isNaN(lying) ? null : decodeValue(lying);
    }
    const value = this.#numberOf(feature);
    return Number.isNaN(value) ? null : value;
  }

  /** NaN is null. The same operations in the same order as the offline SQL: equal to the bit. */
  #numberOf(feature: PlannedFeature): number {
    const { aggregate, window, measure } = feature;
    const bands = this.#bands;
    if (aggregate === "count") return measure < 0 ? bands.rows(window) : bands.present(window, measure);
    if (aggregate === "min") return decodeValue(bands.least(window, measure));
    if (aggregate === "max") return decodeValue(bands.greatest(window, measure));
    const present = bands.present(window, measure);
    if (present === 0) return Number.NaN;
    const { scale } = this.plan.measures[measure]!;
    const sum = bands.sum(window, measure);
    if (aggregate === "std" || aggregate === "variance") {
      if (present < 2) return Number.NaN;
      const variance = Number(this.#spread(feature, sum, present)) / (present * (present - 1)) / (scale * scale);
      return aggregate === "std" ? Math.sqrt(variance) : variance;
    }
    const value = aggregate === "sum" ? sum : sum / present;
    return scale === 1 ? value : value / scale;
  }

  /** n * sum of squares - sum * sum, exactly. */
  #spread({ window, squares }: PlannedFeature, sum: number, present: number): bigint {
    const part = (i: number): bigint => BigInt(this.#bands.sum(window, squares + i));
    return BigInt(present) * ((((part(2) << 30n) + part(1)) << 30n) + part(0)) - BigInt(sum) * BigInt(sum);
  }
}
