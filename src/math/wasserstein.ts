import { KarkhanaError } from "../kernel/error.ts";

/**
 * First Wasserstein (earth mover's) distance of two samples: the area between their distribution functions.
 * @param reference shape [n], n >= 1, finite, any order
 * @param current   shape [m], m >= 1, finite, any order
 * @returns >= 0, in the samples' own unit. Cost: two sorts of copies.
 * @throws KarkhanaError INVALID_ARGUMENT for an empty sample
 * @see Ramdas, Garcia and Cuturi, On Wasserstein two-sample testing (2017)
 */
export function wassersteinDistance(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  for (const [field, sample] of [
    ["reference", reference],
    ["current", current],
  ] as const) {
    if (sample.length === 0) throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: "expected at least one value", value: [] });
  }
  const a = Float64Array.from(reference).sort();
  const b = Float64Array.from(current).sort();
  let i = 0;
  let j = 0;
  let before = Math.min(a[0]!, b[0]!);
  let area = 0;
  while (i < a.length || j < b.length) {
    const x = j === b.length || (i < a.length && a[i]! <= b[j]!) ? a[i]! : b[j]!;
    area += Math.abs(i / a.length - j / b.length) * (x - before);
    while (i < a.length && a[i] === x) i++;
    while (j < b.length && b[j] === x) j++;
    before = x;
  }
  return area;
}
