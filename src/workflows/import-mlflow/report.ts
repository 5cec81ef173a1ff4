import type { Refused } from "./source.ts";

export interface RunCounts {
  readonly params: number;
  readonly tags: number;
  readonly datasets: number;
  readonly points: number;
  readonly files: number;
  readonly bytes: number;
}

export type CountedKind =
  | "experiments"
  | "runs"
  | "params"
  | "tags"
  | "metric points"
  | "datasets"
  | "logged models"
  | "artifact files"
  | "artifact bytes"
  | "registered models"
  | "versions"
  | "aliases";

export interface ImportReport {
  readonly source: string;
  /** What is here and equal to what is there, each counted and compared by hash. */
  readonly verified: Readonly<Record<CountedKind, number>>;
  /** Runs that were here already from an earlier import. */
  readonly runsHereBefore: number;
  /** What was not taken: a file outside, a name that cannot be one here, a run that differs. */
  readonly refused: readonly Refused[];
  /** Whole things that did not come across. */
  readonly failed: number;
}

const maxRefused = 10_000;

export class Tally {
  readonly #counts: Record<CountedKind, number> = {
    experiments: 0,
    runs: 0,
    params: 0,
    tags: 0,
    "metric points": 0,
    datasets: 0,
    "logged models": 0,
    "artifact files": 0,
    "artifact bytes": 0,
    "registered models": 0,
    versions: 0,
    aliases: 0,
  };
  readonly #refused: Refused[] = [];
  #before = 0;
  #failed = 0;

  add(kind: CountedKind, count: number): void {
    this.#counts[kind] += count;
  }

  files(files: number, bytes: number): void {
    this.add("artifact files", files);
    this.add("artifact bytes", bytes);
  }

  /** @param before it was noted by an earlier import, files and all */
  run(counts: RunCounts, before: boolean): void {
    this.add("runs", 1);
    this.add("params", counts.params);
    this.add("tags", counts.tags);
    this.add("datasets", counts.datasets);
    this.add("metric points", counts.points);
    if (!before) return;
    this.#before++;
    this.files(counts.files, counts.bytes);
  }

  refuse(what: string, why: string): void {
    if (this.#refused.length < maxRefused) this.#refused.push({ what, why });
  }

  failed(_kind: string, what: string, why: string): void {
    this.#failed++;
    this.refuse(what, why);
  }

  get progress(): { runs: number; points: number; files: number; bytes: number } {
    const { runs, "metric points": points, "artifact files": files, "artifact bytes": bytes } = this.#counts;
    return { runs, points, files, bytes };
  }

  report(source: string, refused: readonly Refused[]): ImportReport {
    return {
      source,
      verified: { ...this.#counts },
      runsHereBefore: this.#before,
      refused: [...this.#refused, ...refused].slice(0, maxRefused),
      failed: this.#failed,
    };
  }
}
