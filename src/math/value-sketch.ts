/**
 * A distribution of numbers in bounded memory, mergeable: how many fell into each of geometric buckets, so that every quantile is off by at
 * most 1 % of its value, whatever the order in which values or other sketches came in.
 * @see Masson, Rim, Lee: DDSketch (VLDB 2019). Deviations: one table for both signs and zero; where there are more than `maxBuckets`, the
 * buckets nearest to zero are joined (tails matter more); weights, for samples.
 *
 * Bucket of x > 0: ceil(log(x) / log(gamma)) shifted so that it is at least 1; of -x its negative; 0 holds everything below `smallest`.
 */
import { KarkhanaError } from "../kernel/error.ts";

const relativeError = 0.01;
const gamma = (1 + relativeError) / (1 - relativeError);
const logGamma = Math.log(gamma);
const smallest = 1e-9;
const shift = Math.ceil(Math.log(smallest) / logGamma) - 1;
const maxBuckets = 400;

/** As it is stored: [bucket, weight] pairs, ascending. */
export type StoredSketch = { readonly buckets: readonly (readonly [number, number])[]; readonly min: number; readonly max: number };

export class ValueSketch {
  readonly #weights = new Map<number, number>();
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  /** Magnitudes whose bucket is at most this lie in bucket 0. */
  #floor = 0;

  /** Sum of weights. */
  get count(): number {
    return this.#count;
  }

  /** Infinity of an empty sketch. */
  get min(): number {
    return this.#min;
  }

  get max(): number {
    return this.#max;
  }

  /** @param value not NaN; infinities lie beyond all others @param weight how many values it stands for */
  add(value: number, weight = 1): void {
    this.#put(bucketOf(value), weight);
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  merge(other: ValueSketch): void {
    this.#floor = Math.max(this.#floor, other.#floor);
    for (const [bucket, weight] of other.#weights) this.#put(bucket, weight);
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  /** Weight of the values <= x, where values within 1 % of x may count as equal to it. */
  countAtMost(x: number): number {
    const last = bucketOf(x);
    let sum = 0;
    for (const [bucket, weight] of this.#weights) if (bucket <= last) sum += weight;
    return sum;
  }

  /** @param q 0 to 1 @returns a value within 1 % of the quantile; NaN of an empty sketch */
  quantile(q: number): number {
    if (this.#count === 0) return Number.NaN;
    let before = 0;
    for (const [bucket, weight] of this.#sorted()) {
      before += weight;
      if (before >= q * this.#count) return Math.min(this.#max, Math.max(this.#min, valueOf(bucket)));
    }
    return this.#max;
  }

  store(): StoredSketch {
    return { buckets: this.#sorted(), min: this.#min, max: this.#max };
  }

  /** @throws INVALID_ARGUMENT for what `store` did not give */
  static read(stored: unknown): ValueSketch {
    const sketch = new ValueSketch();
    const refused = (): KarkhanaError => new KarkhanaError("INVALID_ARGUMENT", { field: "sketch", problem: "expected buckets, min and max", value: null });
    if (typeof stored !== "object" || stored === null || !("buckets" in stored) || !Array.isArray(stored.buckets)) throw refused();
    for (const pair of stored.buckets as unknown[]) {
      if (!Array.isArray(pair) || !Number.isSafeInteger(pair[0]) || typeof pair[1] !== "number" || !(pair[1] > 0)) throw refused();
      sketch.#put(Number(pair[0]), pair[1]);
    }
    // JSON has no infinities: an empty sketch's bounds, or those of infinite values, come back as null.
    sketch.#min = "min" in stored && typeof stored.min === "number" ? stored.min : sketch.#count === 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    sketch.#max = "max" in stored && typeof stored.max === "number" ? stored.max : sketch.#count === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    return sketch;
  }

  #put(bucket: number, weight: number): void {
    const at = Math.abs(bucket) <= this.#floor ? 0 : bucket;
    this.#weights.set(at, (this.#weights.get(at) ?? 0) + weight);
    this.#count += weight;
    if (this.#weights.size > maxBuckets) this.#join();
  }

  /** Moves the buckets nearest to zero into it, a quarter at a time: joining one by one would sort for each value. */
  #join(): void {
    const nearest = [...this.#weights.keys()].sort((a, b) => Math.abs(a) - Math.abs(b));
    this.#floor = Math.abs(nearest[maxBuckets >> 2]!);
    for (const bucket of nearest) {
      if (bucket === 0 || Math.abs(bucket) > this.#floor) continue;
      this.#weights.set(0, (this.#weights.get(0) ?? 0) + this.#weights.get(bucket)!);
      this.#weights.delete(bucket);
    }
  }

  #sorted(): [number, number][] {
    return [...this.#weights].sort((a, b) => a[0] - b[0]);
  }
}

const beyond = 200_000;

function bucketOf(value: number): number {
  const size = Math.abs(value);
  if (size < smallest) return 0;
  const bucket = size === Number.POSITIVE_INFINITY ? beyond : Math.ceil(Math.log(size) / logGamma - 1e-9) - shift;
  return value < 0 ? -bucket : bucket;
}

/** The value of a bucket that is within the relative error of all its values. */
function valueOf(bucket: number): number {
  if (bucket === 0) return 0;
  if (Math.abs(bucket) >= beyond) return bucket < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const size = (2 * Math.exp((Math.abs(bucket) + shift) * logGamma)) / (gamma + 1);
  return bucket < 0 ? -size : size;
}
