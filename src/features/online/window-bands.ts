import { checkFormat, entryStride, EVENT, FIRST, headerLength, ID, KNOWN, LAST, MAX_KNOWN, MEASURES, MIN_KNOWN, ROWS, rowStride, TOTALS } from "./blocks.ts";
import type { ViewPlan } from "../view-plan.ts";

/**
 * Adds up one key's rows as of t. Windows end together, so they cut the time before t into bands: band b holds ages in (W_{b-1}, W_b].
 * Each row belongs to one band, whatever the number of windows; a window is the sum of its bands.
 * `bands` has shape [numWindows, 1 + 2 m]: rows, then sum and non-null count of each measure.
 */
export class WindowBands {
  readonly plan: ViewPlan;
  readonly #bands: Float64Array;
  readonly #windowsUs: Float64Array;
  readonly #longestUs: number;
  readonly #m: number;
  readonly #width: number;
  #timeUs = 0;

  constructor(plan: ViewPlan) {
    this.plan = plan;
    this.#m = plan.measures.length;
    this.#width = 1 + 2 * this.#m;
    this.#windowsUs = Float64Array.from(plan.windowsUs);
    this.#longestUs = plan.windowsUs.at(-1)!;
    this.#bands = new Float64Array(plan.windowsUs.length * this.#width);
  }

  start(timeUs: number): void {
    this.#timeUs = timeUs;
    this.#bands.fill(0);
  }

  /**
   * Takes the open block, and whole sealed blocks where their totals will do.
   * @param head a head's numbers, from 0 @param needed receives the ids of blocks that must be read row by row
   */
  addHead(head: Float64Array, needed: number[]): void {
    checkFormat(head);
    const stride = entryStride(this.#m);
    const numSealed = head[2]!;
    const openAt = headerLength + numSealed * stride;
    this.addRows(head, openAt, openAt + head[3]! * rowStride(this.#m));
    const t = this.#timeUs;
    const from = t - this.#longestUs;
    for (let at = openAt - stride; at >= headerLength; at -= stride) {
      const last = head[at + LAST]!;
      if (last < from) return;
      const first = head[at + FIRST]!;
      if (first >= t || head[at + MIN_KNOWN]! > t) continue;
      const band = this.#bandOf(t - first);
      if (last < t && first >= from && head[at + MAX_KNOWN]! <= t && band === this.#bandOf(t - last)) this.#addTotals(head, at, band);
      else needed.push(head[at + ID]!);
    }
  }

  /** Rows are in the order of event time: walked from the newest, until one is too old. */
  addRows(rows: Float64Array, start: number, end: number): void {
    const m = this.#m;
    const stride = MEASURES + m;
    const t = this.#timeUs;
    const bands = this.#bands;
    const windowsUs = this.#windowsUs;
    const width = this.#width;
    let band = 0;
    for (let at = end - stride; at >= start; at -= stride) {
      const age = t - rows[at + EVENT]!;
      if (age <= 0) continue;
      if (age > this.#longestUs) return;
      if (rows[at + KNOWN]! > t) continue;
      while (age > windowsUs[band]!) band++;
      let to = band * width;
      bands[to] = bands[to]! + 1;
      for (let j = 0; j < m; j++) {
        const value = rows[at + MEASURES + j]!;
        to += 2;
        // Only NaN differs from itself.
        if (value !== value) continue;
        bands[to - 1] = bands[to - 1]! + value;
        bands[to] = bands[to]! + 1;
      }
    }
  }

  /** Writes the view's features, in their order, from `out[at]` on. */
  finish(out: Float64Array, at: number): void {
    const bands = this.#bands;
    const width = this.#width;
    for (let i = width; i < bands.length; i++) bands[i] = bands[i]! + bands[i - width]!;
    const { features, measures } = this.plan;
    for (let f = 0; f < features.length; f++) {
      const feature = features[f]!;
      const from = feature.window * width;
      if (feature.measure < 0) {
        out[at + f] = bands[from]!;
        continue;
      }
      const sum = bands[from + 1 + 2 * feature.measure]!;
      const present = bands[from + 2 + 2 * feature.measure]!;
      const { scale } = measures[feature.measure]!;
      // The same operations in the same order as the offline SQL: equal to the bit.
      const value = feature.aggregate === "sum" ? sum : sum / present;
      out[at + f] = present === 0 ? Number.NaN : scale === 1 ? value : value / scale;
    }
  }

  #addTotals(head: Float64Array, entry: number, band: number): void {
    const bands = this.#bands;
    let to = band * this.#width;
    bands[to] = bands[to]! + head[entry + ROWS]!;
    for (let j = 0; j < this.#m; j++) {
      to += 2;
      bands[to - 1] = bands[to - 1]! + head[entry + TOTALS + 3 * j]!;
      bands[to] = bands[to]! + head[entry + TOTALS + 3 * j + 1]!;
    }
  }

  /** First window at least as long as the age; the number of windows if none is. */
  #bandOf(age: number): number {
    let band = 0;
    while (band < this.#windowsUs.length && age > this.#windowsUs[band]!) band++;
    return band;
  }
}
