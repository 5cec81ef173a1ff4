/** Shape of an explained prediction; the console imports this type only. */
export interface PredictionExplanation {
  readonly id: string;
  readonly version: number;
  readonly role: "champion" | "challenger" | "shadow";
  /** Raw score (log-odds) of the average row. */
  readonly baseline: number;
  /** Baseline plus all contributions. */
  readonly rawScore: number;
  readonly score: number;
  /** What was answered and logged then; the same as `score` unless the version's files changed since. */
  readonly loggedScore: number;
  /** Largest effect first. */
  readonly contributions: readonly {
    readonly slot: string;
    readonly value: number | string | null;
    /** What the value added to the raw score. */
    readonly contribution: number;
  }[];
}
