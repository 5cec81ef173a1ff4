import { argsort } from "./sort.ts";

/** Ranks from 1, equal values sharing the mean of theirs (midranks). NaN ranks last. shape [n] */
export function midranks(values: Float64Array): Float64Array {
  const order = argsort(values);
  const ranks = new Float64Array(values.length);
  for (let first = 0; first < order.length;) {
    const value = values[order[first]!]!;
    let end = first + 1;
    while (end < order.length && values[order[end]!] === value) end++;
    const rank = (first + 1 + end) / 2;
    for (let i = first; i < end; i++) ranks[order[i]!] = rank;
    first = end;
  }
  return ranks;
}
