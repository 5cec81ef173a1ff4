/** How a model's traffic is split between its champion and any number of challengers. Pure: what is written is the store's. */
import { KarkhanaError } from "../kernel/error.ts";
import { hash32 } from "../kernel/rng.ts";
import { bucketsOfShare, countBuckets, numBuckets, resizeBuckets, type BucketRange } from "../math/buckets.ts";
import type { Challenger, WantedShare } from "./port.ts";

/** More would each learn next to nothing. */
export const maxChallengers = 8;
export const maxShadows = 4;
/** The champion keeps a tenth at least: without it there is nothing to compare with. */
const maxTogether = 0.9;

/** @throws INVALID_ARGUMENT for a share that is none, a version twice, or more than may go to challengers */
export function requireShares(wanted: readonly WantedShare[], champion: number): void {
  const refuse = (field: string, problem: string, value: unknown): KarkhanaError => new KarkhanaError("INVALID_ARGUMENT", { field, problem, value });
  if (wanted.length > maxChallengers) throw refuse("challengers", `expected at most ${maxChallengers}`, wanted.length);
  for (const { version, share } of wanted) {
    // Above one half a challenger would in effect be the champion without having been promoted.
    if (!(share > 0 && share <= 0.5)) throw refuse("share", `of version ${version}: expected a share above 0 and at most 0.5`, share);
    if (version === champion) throw refuse("challengers", `version ${version} is the champion, which answers the rest`, version);
  }
  if (new Set(wanted.map(({ version }) => version)).size < wanted.length) throw refuse("challengers", "names a version twice", wanted.length);
  const together = wanted.reduce((sum, { share }) => sum + bucketsOfShare(share), 0);
  if (together > maxTogether * numBuckets)
    throw refuse("challengers", `together expected at most ${maxTogether}: the champion keeps a tenth`, together / numBuckets);
}

/**
 * The challengers once the shares are as wanted, in the order in which they entered. A version that stays keeps its buckets but for what
 * its own share gains or loses; a new one begins at a place of its own, so that it is not always the same keys that are asked first.
 */
export function withShares(now: readonly Challenger[], wanted: readonly WantedShare[], salt: string): Challenger[] {
  const counts = new Map(wanted.map(({ version, share }) => [version, bucketsOfShare(share)]));
  const entered = wanted.filter(({ version }) => !now.some((one) => one.version === version)).map(({ version }) => version);
  const owned = new Map<number, readonly BucketRange[]>();
  // What shrinks first, so that what grows finds the room.
  for (const { version, buckets } of now) {
    const count = counts.get(version);
    if (count !== undefined) owned.set(version, count < countBuckets(buckets) ? resizeBuckets(buckets, count, [], 0) : buckets);
  }
  for (const version of entered) owned.set(version, []);
  for (const [version, own] of owned) {
    const others = [...owned].flatMap(([other, ranges]) => (other === version ? [] : ranges));
    owned.set(version, resizeBuckets(own, counts.get(version)!, others, hash32(`${salt}/${version}`) % numBuckets));
  }
  return Array.from(owned, ([version, buckets]): Challenger => ({ version, share: countBuckets(buckets) / numBuckets, buckets }));
}

/** Ranges as a column keeps them. */
export function parseBuckets(text: string): BucketRange[] {
  const raw: unknown = JSON.parse(text);
  const isRange = (range: unknown): range is BucketRange => Array.isArray(range) && range.length === 2 && range.every((x) => Number.isInteger(x) && x >= 0);
  if (Array.isArray(raw) && raw.every(isRange)) return raw;
  throw new KarkhanaError("INTERNAL", { problem: `buckets of a challenger are ${text.slice(0, 100)}` });
}
