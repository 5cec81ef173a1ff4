import { createHash } from "node:crypto";
import { canonicalJson } from "../../kernel/hashing.ts";
import type { RunDataset } from "../../tracking/datasets.ts";
import type { Metric } from "../../tracking/port.ts";

type Texts = Readonly<Record<string, string>>;

/** What is compared of a run: two that are equal are the same run, wherever they are kept. */
export interface RunContent {
  readonly name: string;
  readonly status: string;
  readonly stage: string;
  readonly userId: string;
  readonly startUs: number;
  readonly endUs: number | null;
  readonly params: Texts;
  readonly tags: Texts;
  readonly datasets: readonly RunDataset[];
}

const modulus = 1n << 128n;

/**
 * A hash of a run that does not depend on the order in which its parts are read: the sum, modulo 2^128, of the hashes of its lines. Points are
 * a set: one that comes twice counts once, as in the store, so a caller tells each point once.
 */
export class RunDigest {
  #sum = 0n;
  params = 0;
  tags = 0;
  datasets = 0;
  points = 0;

  content(run: RunContent): void {
    const whole = (us: number | null): number | null => (us === null ? null : Math.floor(us / 1000));
    this.#add(["run", run.name, run.status, run.stage, run.userId, whole(run.startUs), whole(run.endUs)]);
    for (const [key, value] of Object.entries(run.params)) this.#add(["param", key, value]);
    for (const [key, value] of Object.entries(run.tags)) this.#add(["tag", key, value]);
    // Schema and profile may be megabytes; their text is hashed with the rest.
    for (const d of run.datasets) this.#add(["dataset", d.name, d.digest, d.sourceType, d.source, d.schema ?? null, d.profile ?? null, canonicalJson(d.tags)]);
    this.params += Object.keys(run.params).length;
    this.tags += Object.keys(run.tags).length;
    this.datasets += run.datasets.length;
  }

  point(metric: Metric): void {
    this.#add(["point", pointText(metric)]);
    this.points += 1;
  }

  get hash(): string {
    return this.#sum.toString(16).padStart(32, "0");
  }

  #add(line: readonly (string | number | null)[]): void {
    const hex = createHash("sha256").update(JSON.stringify(line)).digest("hex").slice(0, 32);
    this.#sum = (this.#sum + BigInt(`0x${hex}`)) % modulus;
  }
}

/** A point as the store tells it apart from others: 0 and -0 are one value, and so are all NaNs. */
export function pointText({ key, value, step, timestampMs }: Metric): string {
  return `${key}\0${timestampMs}\0${step}\0${Number.isNaN(value) ? "NaN" : String(value + 0)}`;
}
