import type { ViewPlan } from "../view-plan.ts";
import { windowStart } from "../view-plan.ts";
import { EVENT, FIRST, isBelow, KNOWN, LAST, MEASURES, ROWS, TOTALS, UNTIL } from "./blocks.ts";

/**
 * Adds up one key's rows as of t. Windows end together, so their starts cut the time before t into bands: band b holds the rows since the
 * b-th latest start that no band before it holds. Each row belongs to one band, whatever the number of windows; a window is the sum of its
 * bands. `bands` has shape [numWindows, 1 + 2 m]: rows, then for each measure sum and non-null count, or least and greatest value (NaN: none).
 */
export class WindowBands {
  readonly #plan: ViewPlan;
  readonly #empty: Float64Array;
  readonly #bands: Float64Array;
  /** Starts of windows, latest first, and where each of the plan's windows stands among them. */
  readonly #starts: Float64Array;
  readonly #order: number[];
  readonly #place: Int32Array;
  readonly #isSum: readonly boolean[];
  readonly #m: number;
  readonly #width: number;
  #timeUs = 0;

  constructor(plan: ViewPlan) {
    this.#plan = plan;
    this.#m = plan.measures.length;
    this.#width = 1 + 2 * this.#m;
    const numWindows = plan.windows.length;
    this.#isSum = plan.measures.map(({ kind }) => kind === "sum");
    this.#empty = new Float64Array(numWindows * this.#width);
    for (let i = 0; i < this.#empty.length; i++) {
      const column = (i % this.#width) - 1;
      if (column >= 0 && !this.#isSum[column >> 1]!) this.#empty[i] = Number.NaN;
    }
    this.#bands = this.#empty.slice();
    this.#starts = new Float64Array(numWindows);
    this.#order = plan.windows.map((_, i) => i);
    this.#place = Int32Array.from(this.#order);
  }

  /** Earliest start of a window at the time of `start`; Infinity if the view has no windows. */
  get fromUs(): number {
    return this.#starts.length === 0 ? Number.POSITIVE_INFINITY : this.#starts[this.#starts.length - 1]!;
  }

  start(timeUs: number): void {
    this.#timeUs = timeUs;
    this.#bands.set(this.#empty);
    const { windows } = this.#plan;
    const order = this.#order;
    const starts = this.#starts;
    // Almost in order from the last time: hops move the starts of two windows past each other now and then.
    for (let i = 0; i < order.length; i++) {
      const window = order[i]!;
      const from = windowStart(windows[window]!, timeUs);
      let at = i;
      while (at > 0 && starts[at - 1]! < from) {
        starts[at] = starts[at - 1]!;
        order[at] = order[at - 1]!;
        at--;
      }
      starts[at] = from;
      order[at] = window;
    }
    for (let i = 0; i < order.length; i++) this.#place[order[i]!] = i;
  }

  /** Takes a sealed block by its entry if all its rows are seen and lie in one band. @returns whether it did */
  addTotals(head: Float64Array, entry: number): boolean {
    const band = this.#bandOf(head[entry + FIRST]!);
    if (band >= this.#starts.length || band !== this.#bandOf(head[entry + LAST]!)) return false;
    const bands = this.#bands;
    let to = band * this.#width;
    bands[to] = bands[to]! + head[entry + ROWS]!;
    for (let j = 0; j < this.#m; j++) {
      to += 2;
      const total = entry + TOTALS + 3 * j;
      const present = head[total + 1]!;
      if (this.#isSum[j]!) {
        bands[to - 1] = bands[to - 1]! + head[total]!;
        bands[to] = bands[to]! + present;
      } else if (present > 0) {
        this.#include(to, head[total]!);
        this.#include(to, head[total + 2]!);
      }
    }
    return true;
  }

  /** Rows are in the order of event time: walked from the newest, until one is too old. */
  addRows(rows: Float64Array, start: number, end: number): void {
    const m = this.#m;
    const stride = MEASURES + m;
    const t = this.#timeUs;
    const bands = this.#bands;
    const starts = this.#starts;
    const numWindows = starts.length;
    const width = this.#width;
    let band = 0;
    for (let at = end - stride; at >= start; at -= stride) {
      const event = rows[at + EVENT]!;
      if (event >= t) continue;
      while (band < numWindows && event < starts[band]!) band++;
      if (band === numWindows) return;
      if (rows[at + KNOWN]! > t || rows[at + UNTIL]! <= t) continue;
      let to = band * width;
      bands[to] = bands[to]! + 1;
      for (let j = 0; j < m; j++) {
        const value = rows[at + MEASURES + j]!;
        to += 2;
        // Only NaN differs from itself.
        if (value !== value) continue;
        if (this.#isSum[j]!) {
          bands[to - 1] = bands[to - 1]! + value;
          bands[to] = bands[to]! + 1;
        } else this.#include(to, value);
      }
    }
  }

  /** Makes each band the whole of its windows. */
  finish(): void {
    const bands = this.#bands;
    const width = this.#width;
    for (let i = width; i < bands.length; i++) {
      const column = (i % width) - 1;
      if (column < 0 || this.#isSum[column >> 1]!) bands[i] = bands[i]! + bands[i - width]!;
      else if (column % 2 === 1) {
        const [least, greatest] = [bands[i - 1 - width]!, bands[i - width]!];
        if (!Number.isNaN(least)) {
          this.#include(i, least);
          this.#include(i, greatest);
        }
      }
    }
  }

  rows(window: number): number {
    return this.#bands[this.#place[window]! * this.#width]!;
  }

  /** Of a summed measure. */
  sum(window: number, measure: number): number {
    return this.#bands[this.#place[window]! * this.#width + 1 + 2 * measure]!;
  }

  present(window: number, measure: number): number {
    return this.#bands[this.#place[window]! * this.#width + 2 + 2 * measure]!;
  }

  /** Of a value measure, as it lies (see `blocks.ts`); NaN if there is none. */
  least(window: number, measure: number): number {
    return this.sum(window, measure);
  }

  greatest(window: number, measure: number): number {
    return this.present(window, measure);
  }

  /** @param to place of the greatest; the least stands before it */
  #include(to: number, value: number): void {
    const bands = this.#bands;
    const least = bands[to - 1]!;
    if (least !== least) {
      bands[to - 1] = value;
      bands[to] = value;
      return;
    }
    if (isBelow(value, least)) bands[to - 1] = value;
    if (isBelow(bands[to]!, value)) bands[to] = value;
  }

  /** First band that reaches back to the event; the number of windows if none does. */
  #bandOf(event: number): number {
    let band = 0;
    while (band < this.#starts.length && event < this.#starts[band]!) band++;
    return band;
  }
}
