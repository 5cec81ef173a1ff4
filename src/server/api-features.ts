/** What `/api/v1` answers about feature views, entities and parity; see `api.ts` for the manners of all of it. */
import type { FeatureView, SlotDistribution } from "./api.ts";

/** A stretch of served predictions, of which a sample was recomputed by the offline SQL. */
export interface ParityCheck {
  readonly checkedUs: number;
  readonly fromUs: number | null;
  readonly toUs: number | null;
  readonly served: number;
  readonly vectors: number;
  readonly mismatches: number;
}

/** Whether what was served is what offline SQL gives, value by value. */
export interface Parity {
  readonly model: string;
  readonly served: number;
  readonly vectors: number;
  readonly values: number;
  readonly mismatches: number;
  readonly lastCheckedUs: number | null;
  /** Oldest first. */
  readonly checks: readonly ParityCheck[];
  /** Slots with mismatches, most first; `share` of the vectors compared. */
  readonly slots: readonly { readonly slot: string; readonly mismatches: number; readonly share: number }[];
  readonly differences: readonly ParityDifference[];
}

/** A value as JSON has it; lists newest or most frequent first. NaN is the text "NaN". */
export type FeatureValue = number | string | null | readonly (number | string)[];

/** An entity of a view as of a time, by both engines, with the rows behind it. */
export interface ExploredEntity {
  readonly view: string;
  readonly atUs: number;
  readonly keys: Readonly<Record<string, string | number | boolean>>;
  readonly features: readonly {
    readonly name: string;
    readonly online: FeatureValue;
    readonly status: string;
    readonly offline: FeatureValue;
    readonly isEqual: boolean;
    readonly events: number;
    readonly fromUs: number | null;
  }[];
  readonly events: readonly EventBehind[];
  readonly isCut: boolean;
  /** The online store answers exactly from this event time on; null if it holds nothing of the source. */
  readonly keptFromUs: number | null;
  readonly sql: readonly string[];
}

/** How a source's topic is followed. */
export interface SourceStream {
  readonly topic: string;
  /** `unknown`: the serving process is not reached. */
  readonly state: "following" | "away" | "unknown";
  readonly partitions: number;
  /** Messages that the online store has not taken; null before the first fetch. */
  readonly lag: number | null;
  /** Messages that were deleted before they were read. */
  readonly missed: number;
  /** The last one, also after it has passed. */
  readonly lastError: { readonly code: string; readonly message: string; readonly remedy: string; readonly atUs: number } | null;
}

/** One view: what it declares, how both engines compute it, and what became of its source's rows. */
export interface FeatureViewDetail {
  readonly view: FeatureView;
  readonly where: string | null;
  readonly ttlUs: number | null;
  readonly keyTypes: readonly ("string" | "number" | "boolean")[];
  /** What the online engine keeps and does, a line each. */
  readonly online: readonly string[];
  readonly health: {
    readonly rows: number;
    readonly outside: number;
    readonly late: number;
    readonly deletions: number;
    readonly setAside: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly newestEventUs: number | null;
    readonly newestKnownUs: number | null;
    readonly filledToUs: number | null;
    /** Age of the newest event by the platform's clock, the replay's while it runs; null without any. */
    readonly ageUs: number | null;
    /** How old it may be; null if the view does not say. */
    readonly freshnessUs: number | null;
    readonly quarantine: readonly { readonly number: number; readonly code: string; readonly message: string; readonly row: string }[];
  };
  /** The topic that the view's source reads; null where it reads none. */
  readonly stream: SourceStream | null;
  /** The last question a model asked of it: where a person may begin to look. */
  readonly example: { readonly keys: readonly (string | number | boolean)[]; readonly atUs: number } | null;
}

/** A view's definition as it stood from some start of the program on; newest first. */
export interface ViewVersion {
  /** Null where the project no longer had the view. */
  readonly hash: string | null;
  readonly seenUs: number;
  readonly isCurrent: boolean;
  /** Against the version before; empty for the first. */
  readonly changes: readonly {
    readonly part: string;
    readonly kind: "added" | "removed" | "changed";
    readonly from: string | null;
    readonly to: string | null;
  }[];
}

/** What lookups of a view gave lately, beside what was trained on; see `features.md` for how it is sampled. */
export interface ViewInUse {
  readonly lookups: number;
  /** Lookups of keys that the view has never met. */
  readonly notFound: number;
  /** First and last question looked at; null before the first. */
  readonly fromUs: number | null;
  readonly toUs: number | null;
  /** Age of the key's newest row when it was asked for. */
  readonly ageSeconds: { readonly p50: number | null; readonly p95: number | null; readonly max: number | null };
  readonly features: readonly FeatureInUse[];
}

export interface FeatureInUse {
  readonly name: string;
  /** Of the lookups looked at: by what they found. DEFAULT is the 0 of an empty window. */
  readonly shares: {
    readonly PRESENT: number;
    readonly DEFAULT: number;
    readonly NULL_VALUE: number;
    readonly NOT_FOUND: number;
    readonly OUTSIDE_MAX_AGE: number;
  };
  /** Quantiles within 1 % of their value; null for text and where there was none. */
  readonly numbers: {
    readonly min: number;
    readonly p5: number | null;
    readonly p50: number | null;
    readonly p95: number | null;
    readonly max: number;
  } | null;
  /** The most frequent texts, most frequent first. */
  readonly top: readonly { readonly value: string; readonly share: number }[];
  readonly training: FeatureTraining | null;
  /** Of the vectors recomputed by offline SQL; null if no model reads it. */
  readonly parity: { readonly vectors: number; readonly mismatches: number } | null;
}

/** The training set of the model version that answers, in its bins, and the lookups in the same. */
export interface FeatureTraining {
  readonly model: string;
  readonly version: number;
  readonly rows: number;
  readonly distribution: SlotDistribution;
}

export interface EventBehind {
  readonly eventUs: number;
  readonly knownUs: number;
  readonly row: number | null;
  readonly values: Readonly<Record<string, string | number | boolean | null>>;
}

export interface ParityDifference {
  readonly predictionId: string;
  readonly version: number;
  readonly role: string;
  readonly askedUs: number;
  /** Of the log of the view's source, if it is a pushed one: the first record that was not applied when the vector was read. */
  readonly appliedOffset: number | null;
  readonly slot: string;
  readonly view: string | null;
  readonly keys: Readonly<Record<string, string | number | boolean | null>>;
  readonly served: number | null;
  readonly offline: number | null;
  /** Rows offline SQL saw, newest first; null if they were not looked up. */
  readonly events: readonly EventBehind[] | null;
}
