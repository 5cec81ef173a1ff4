import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hash32 } from "../kernel/rng.ts";
import { bucketOf, bucketsOfShare, bucketTable, countBuckets, numBuckets, resizeBuckets, type BucketRange } from "./buckets.ts";

const buckets = (ranges: readonly BucketRange[]): Set<number> =>
  new Set(ranges.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i)));

/** Parties whose shares change one after the other. */
const changes = fc.array(fc.record({ party: fc.nat(3), count: fc.nat(2400), start: fc.nat(numBuckets - 1) }), { minLength: 1, maxLength: 25 });

describe("buckets", () => {
  test("a change of one party's share moves exactly the buckets that it gains or loses, and no other party's", () => {
    fc.assert(
      fc.property(changes, (steps) => {
        const parties: BucketRange[][] = [[], [], [], []];
        for (const { party, count, start } of steps) {
          const before = parties.map(buckets);
          const others = parties.flatMap((ranges, i) => (i === party ? [] : ranges));
          parties[party] = resizeBuckets(parties[party]!, count, others, start);
          const after = parties.map(buckets);
          for (const [i, set] of after.entries()) {
            expect(i === party || [...set].join() === [...before[i]!].join()).toBe(true);
            expect(set.size).toBe(countBuckets(parties[i]!));
          }
          const [was, is] = [before[party]!, after[party]!];
          expect(is.size).toBe(count);
          expect(count >= was.size ? [...was].every((bucket) => is.has(bucket)) : [...is].every((bucket) => was.has(bucket))).toBe(true);
          expect(new Set(after.flatMap((set) => [...set])).size).toBe(after.reduce((sum, set) => sum + set.size, 0));
          expect(parties.flat().every(([first, length]) => first >= 0 && length > 0 && first + length <= numBuckets)).toBe(true);
        }
        const table = bucketTable(parties);
        for (const [i, ranges] of parties.entries()) for (const bucket of buckets(ranges)) expect(table[bucket]).toBe(i + 1);
        expect(table.filter((owner) => owner > 0).length).toBe(parties.reduce((sum, ranges) => sum + countBuckets(ranges), 0));
      }),
      { numRuns: 60 },
    );
  });

  test("more than is free is refused, and what is owned stays as it is", () => {
    const own: BucketRange[] = [[0, 10]];
    expect(() => resizeBuckets(own, 6000, [[4000, 5000]], 0)).toThrow("more than are free");
    expect(own).toEqual([[0, 10]]);
  });

  test("keys fall evenly, and anew with another salt", () => {
    const counts = (salt: string): Float64Array => {
      const table = new Float64Array(10);
      for (let i = 0; i < 50_000; i++) table[Math.floor(bucketOf(`k${i}`, hash32(salt)) / 1000)]!++;
      return table;
    };
    // 5,000 each, standard deviation 67.
    for (const count of [...counts("a"), ...counts("b")]) expect(Math.abs(count - 5000)).toBeLessThan(350);
    const both = Array.from({ length: 50_000 }, (_, i) => `k${i}`).filter((k) => bucketOf(k, hash32("a")) < 2000 && bucketOf(k, hash32("b")) < 2000).length;
    expect(Math.abs(both - 2000)).toBeLessThan(220);
  });

  test("a share is the nearest hundredth of a percent, and never nothing", () => {
    expect([0, 0.05, 1 / 3, 1e-9, 1].map(bucketsOfShare)).toEqual([0, 500, 3333, 1, 10_000]);
  });
});
