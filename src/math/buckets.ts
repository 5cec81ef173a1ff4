/**
 * Keys fall into fixed buckets by hash, and parties own buckets: whoever's share grows takes free buckets, whoever's shrinks gives some back,
 * and no other bucket changes its owner. So a key stays where it is for as long as the change of a share need not move it.
 *
 *   bucket   0 ........................................ 9,999
 *   owners   ....AAAAAA...........BBB..................      "." is nobody's: the rest
 */
import { KarkhanaError } from "../kernel/error.ts";
import { hash32 } from "../kernel/rng.ts";

/** A share is a whole number of these: 0.01 % each. */
export const numBuckets = 10_000;

/** The buckets [first, first + count), within [0, numBuckets). A party owns several, in the order in which it took them. */
export type BucketRange = readonly [first: number, count: number];

/** @param saltHash `hash32` of the salt: with another salt keys fall anew, independently */
export function bucketOf(key: string, saltHash: number): number {
  return Math.floor((hash32(key, saltHash) * numBuckets) / 4_294_967_296);
}

/** The nearest number of buckets to a share; a share above 0 has at least one. */
export function bucketsOfShare(share: number): number {
  return share > 0 ? Math.max(1, Math.round(share * numBuckets)) : 0;
}

export function countBuckets(ranges: readonly BucketRange[]): number {
  return ranges.reduce((sum, [, count]) => sum + count, 0);
}

/**
 * A party's buckets once it owns `count`: what was taken last is given back first, and what is missing is taken from behind its own.
 * @param others buckets that are not free
 * @param start  where a party that owns none begins
 * @throws KarkhanaError INVALID_ARGUMENT if fewer are free
 */
export function resizeBuckets(own: readonly BucketRange[], count: number, others: readonly BucketRange[], start: number): BucketRange[] {
  const has = countBuckets(own);
  if (count <= has) return shrunk(own, count);
  const taken = new Uint8Array(numBuckets);
  for (const [first, length] of [...own, ...others]) taken.fill(1, first, first + length);
  const last = own.at(-1);
  const begin = last === undefined ? start : last[0] + last[1];
  const ranges = own.map(([first, length]): [number, number] => [first, length]);
  let missing = count - has;
  for (let i = 0; i < numBuckets && missing > 0; i++) {
    const bucket = (begin + i) % numBuckets;
    if (taken[bucket] === 1) continue;
    const tail = ranges.at(-1);
    if (tail !== undefined && tail[0] + tail[1] === bucket) tail[1]++;
    else ranges.push([bucket, 1]);
    missing--;
  }
  if (missing > 0) throw new KarkhanaError("INVALID_ARGUMENT", { field: "count", problem: `${missing} buckets more than are free`, value: count });
  return ranges;
}

function shrunk(own: readonly BucketRange[], count: number): BucketRange[] {
  const ranges: BucketRange[] = [];
  let left = count;
  for (const [first, length] of own) {
    if (left === 0) break;
    ranges.push([first, Math.min(left, length)]);
    left -= Math.min(left, length);
  }
  return ranges;
}

/** shape [numBuckets]: 0 for nobody's, i + 1 for the buckets of `owners[i]`. At most 255 owners. */
export function bucketTable(owners: readonly (readonly BucketRange[])[]): Uint8Array {
  const table = new Uint8Array(numBuckets);
  for (const [i, ranges] of owners.entries()) for (const [first, count] of ranges) table.fill(i + 1, first, first + count);
  return table;
}
