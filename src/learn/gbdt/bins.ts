/**
 * Bin boundaries, as LightGBM makes them (src/io/bin.cpp, GreedyFindBin): a bin for each distinct value, bounded by
 * midpoints, while there are at most maxBin; otherwise bins of about equal count, heavy values kept alone.
 *
 * Deviations: zero has no bin of its own (LightGBM keeps one for sparse data), and rows beyond 200,000 are sampled at
 * even steps rather than at random.
 */
import type { FeatureInfo } from "../dataset.ts";
import { nextUp } from "../../math/float.ts";

/** Bin of a value: the first whose upper bound is >= value; missing has the last bin if the training data had any. */
interface NumericBins {
  readonly kind: "numeric";
  readonly numBins: number;
  /** Ascending, last is Infinity. shape [numBins], or [numBins - 1] with a missing bin */
  readonly upperBounds: Float64Array;
  readonly hasMissing: boolean;
}

/** Bin 0 holds missing and rare codes and never goes left; the others hold one code each, most frequent first. */
interface CategoricalBins {
  readonly kind: "categorical";
  readonly numBins: number;
  /** shape [numBins]; -1 for bin 0 */
  readonly codeOfBin: Int32Array;
  /** shape [max code + 1] */
  readonly binOfCode: Uint8Array;
}

export type FeatureBins = NumericBins | CategoricalBins;

const maxSampledRows = 200_000;
/** LightGBM's min_data_in_bin. */
const minDataInBin = 3;

export function findBins(feature: FeatureInfo, column: Float64Array, maxBin: number): FeatureBins {
  return feature.type === "categorical" ? categoricalBins(column, maxBin) : numericBins(column, maxBin);
}

function numericBins(column: Float64Array, maxBin: number): NumericBins {
  let hasMissing = false;
  for (let i = 0; i < column.length && !hasMissing; i++) hasMissing = Number.isNaN(column[i]);
  const sample = sampleOf(column).sort();
  let size = sample.length;
  while (size > 0 && Number.isNaN(sample[size - 1])) size--;
  const values: number[] = [];
  const counts: number[] = [];
  for (let i = 0; i < size; i++) {
    const value = sample[i]!;
    if (values.length > 0 && values[values.length - 1] === value) counts[counts.length - 1]!++;
    else {
      values.push(value);
      counts.push(1);
    }
  }
  const limit = Math.max(1, hasMissing ? maxBin - 1 : maxBin);
  const bounds = values.length <= limit ? boundsOfDistinct(values, counts) : boundsByCount(values, counts, limit, size);
  return { kind: "numeric", upperBounds: Float64Array.from(bounds), hasMissing, numBins: bounds.length + (hasMissing ? 1 : 0) };
}

function sampleOf(column: Float64Array): Float64Array {
  const n = column.length;
  if (n <= maxSampledRows) return column.slice();
  const sample = new Float64Array(maxSampledRows);
  for (let i = 0; i < maxSampledRows; i++) sample[i] = column[Math.floor((i * n) / maxSampledRows)]!;
  return sample;
}

function boundsOfDistinct(values: readonly number[], counts: readonly number[]): number[] {
  const bounds: number[] = [];
  let inBin = 0;
  for (let i = 0; i + 1 < values.length; i++) {
    inBin += counts[i]!;
    if (inBin < minDataInBin) continue;
    bounds.push(boundBetween(values[i]!, values[i + 1]!));
    inBin = 0;
  }
  bounds.push(Infinity);
  return bounds;
}

function boundsByCount(values: readonly number[], counts: readonly number[], limit: number, total: number): number[] {
  const maxBin = Math.max(1, Math.min(limit, Math.floor(total / minDataInBin)));
  let binsLeft = maxBin;
  let rowsLeft = total;
  const heavy = counts.map((count) => count >= total / maxBin);
  for (let i = 0; i < counts.length; i++) {
    if (!heavy[i]) continue;
    binsLeft--;
    rowsLeft -= counts[i]!;
  }
  let meanSize = rowsLeft / binsLeft;
  const bounds: number[] = [];
  let inBin = 0;
  for (let i = 0; i + 1 < values.length && bounds.length < maxBin - 1; i++) {
    if (!heavy[i]) rowsLeft -= counts[i]!;
    inBin += counts[i]!;
    const full = heavy[i]! || inBin >= meanSize || (heavy[i + 1]! && inBin >= Math.max(1, meanSize * 0.5));
    if (!full) continue;
    bounds.push(boundBetween(values[i]!, values[i + 1]!));
    inBin = 0;
    if (heavy[i]) continue;
    binsLeft--;
    meanSize = rowsLeft / binsLeft;
  }
  bounds.push(Infinity);
  return bounds;
}

/** Just above the midpoint, so that `<=` sends the midpoint left; always in [low, high). */
function boundBetween(low: number, high: number): number {
  const middle = nextUp(low / 2 + high / 2);
  return middle >= low && middle < high ? middle : low;
}

function categoricalBins(column: Float64Array, maxBin: number): CategoricalBins {
  let maxCode = -1;
  for (const code of column) if (code > maxCode) maxCode = code;
  const counts = new Int32Array(maxCode + 1);
  for (const code of column) if (code >= 0) counts[code]!++;
  const byCount = Array.from(counts.keys())
    .filter((code) => counts[code]! > 0)
    .sort((a, b) => counts[b]! - counts[a]! || a - b);
  const kept = byCount.filter((code, rank) => rank < maxBin - 1 && (rank < 2 || counts[code]! >= minDataInBin));
  const binOfCode = new Uint8Array(maxCode + 1);
  kept.forEach((code, rank) => {
    binOfCode[code] = rank + 1;
  });
  return { kind: "categorical", numBins: kept.length + 1, codeOfBin: Int32Array.from([-1, ...kept]), binOfCode };
}

/** Writes the bin of every value of a column to `out`, shape [numRows]. */
export function binColumn(bins: FeatureBins, column: Float64Array, out: Uint8Array): void {
  if (bins.kind === "categorical") {
    const { binOfCode } = bins;
    for (let i = 0; i < column.length; i++) {
      const code = column[i]!;
      out[i] = code >= 0 && code < binOfCode.length ? binOfCode[code]! : 0;
    }
    return;
  }
  const { upperBounds, hasMissing, numBins } = bins;
  const lastValueBin = upperBounds.length - 1;
  for (let i = 0; i < column.length; i++) {
    const value = column[i]!;
    if (value !== value) {
      out[i] = hasMissing ? numBins - 1 : 0;
      continue;
    }
    let low = 0;
    let high = lastValueBin;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= upperBounds[middle]!) high = middle;
      else low = middle + 1;
    }
    out[i] = low;
  }
}
