import type { RuleName } from "./rules.ts";
import type { ColumnType } from "./source.ts";

/** What a file was found to hold. Counts cover every row; rows are listed up to `maxListedRows`. */
export interface QualityReport {
  readonly source: string;
  readonly version: string;
  readonly status: "accepted" | "refused";
  /** Why it was refused, in one sentence. */
  readonly problem: string | null;
  readonly numRows: number;
  /** Rows that `where` takes. */
  readonly numTaken: number;
  readonly numFailingRows: number;
  /** Of those, rows kept out of every read; 0 unless the policy is quarantine and the version accepted. */
  readonly numQuarantined: number;
  /** Rules that at least one row fails. A row counts under each rule it fails. */
  readonly failures: readonly RuleFailures[];
  /** The first failing rows of the file, one entry for each failed rule. */
  readonly failingRows: readonly FailingRow[];
  /** Of the rows that readers get; of all rows taken if the version is refused. */
  readonly columns: readonly ColumnProfile[];
}

export interface RuleFailures {
  readonly column: string;
  readonly rule: RuleName;
  readonly count: number;
}

export interface FailingRow {
  /** 0-based row number in the file; of CSV, not counting the header. */
  readonly row: number;
  readonly column: string;
  readonly rule: RuleName;
  /** What the file holds there, cut at 200 characters; null for null. */
  readonly value: string | null;
}

export type ColumnProfile = NumberProfile | TextProfile;

interface ProfileBase {
  readonly column: string;
  readonly type: ColumnType;
  readonly numRows: number;
  readonly numNulls: number;
}

/** Of int64, float64 and timestamp (microseconds) columns. NaN and infinities are counted apart and enter nothing else. */
export interface NumberProfile extends ProfileBase {
  readonly kind: "number";
  readonly numNotFinite: number;
  /** Approximate (HyperLogLog). */
  readonly numDistinct: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  /** Exact, each a value of the column; empty for a column without values. */
  readonly quantiles: readonly { readonly share: number; readonly value: number }[];
  /** 30 equal bins from the 0.5% to the 99.5% quantile, with what lies outside counted in the outermost: an outlier does not flatten the picture. */
  readonly histogram: { readonly from: number; readonly to: number; readonly counts: readonly number[] } | null;
}

/** Of text and boolean columns. */
export interface TextProfile extends ProfileBase {
  readonly kind: "text";
  readonly numDistinct: number;
  /** The 20 most frequent values, ties in order of the text. */
  readonly top: readonly { readonly value: string; readonly count: number }[];
}

export const maxListedRows = 1000;
export const numHistogramBins = 30;
