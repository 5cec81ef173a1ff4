import { hash32 } from "../kernel/rng.ts";
import { bucketOf, bucketTable, type BucketRange } from "../math/buckets.ts";

/** What a deployment says of who is asked by which version. */
export interface Assignment {
  /** Of the experiments under one champion: with one salt for all models and times, the same keys would always be the guinea pigs. */
  readonly salt: string;
  /** Beside the champion, which has the rest. */
  readonly challengers: readonly { readonly buckets: readonly BucketRange[] }[];
}

/**
 * Which arm answers a key: 0 is the champion, i + 1 the challenger at i. Sticky, since it is a function of the key and the deployment
 * alone; the property of `math/buckets.ts` says what a change of shares moves.
 */
export type ArmOf = (key: string) => number;

export function armsOf({ salt, challengers }: Assignment): ArmOf {
  if (challengers.length === 0) return () => 0;
  const saltHash = hash32(salt);
  const table = bucketTable(challengers.map(({ buckets }) => buckets));
  return (key) => table[bucketOf(key, saltHash)]!;
}

/**
 * What decides a question's arm: the fields that the model is sticky by, else the question's id.
 * @param stickyBy names of request fields; a question that lacks one is decided by its id
 */
export function routingKey(id: string, fields: Readonly<Record<string, string | number | null>> | undefined, stickyBy: readonly string[]): string {
  if (stickyBy.length === 0 || fields === undefined) return id;
  const [first] = stickyBy;
  if (stickyBy.length === 1) return fields[first!] === undefined || fields[first!] === null ? id : String(fields[first!]);
  if (stickyBy.some((name) => fields[name] === undefined || fields[name] === null)) return id;
  return JSON.stringify(stickyBy.map((name) => fields[name]));
}
