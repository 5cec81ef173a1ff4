import type { PathRecords } from "./records.ts";

/** A record that was found, by the kind and id under which the platform keeps it. */
export interface FoundRecord {
  readonly kind: "dataset" | "run" | "training" | "parity" | "version" | "event" | "windows" | "alert" | "answers" | "evidence";
  readonly id: string;
  /** What it shows, with its figures. */
  readonly says: string;
}

export type Judgement =
  | { readonly proved: true; readonly found: readonly FoundRecord[] }
  | {
      readonly proved: false;
      /** What is there of it. */
      readonly found: readonly FoundRecord[];
      /** Exactly what is not. */
      readonly missing: string;
      /** What would produce it; null where nothing in the program writes such a record yet. */
      readonly command: string | null;
    };

/**
 * One condition of an exit, over records alone: no clock, no input of the person judged. A change of meaning raises `version`, so that a
 * verdict says which wording it was given under.
 */
export interface Predicate {
  readonly id: string;
  readonly version: number;
  readonly says: string;
  readonly judge: (records: PathRecords) => Judgement;
}

export function proved(...found: readonly FoundRecord[]): Judgement {
  return { proved: true, found };
}

export function missing(what: string, command: string | null, found: readonly FoundRecord[] = []): Judgement {
  return { proved: false, found, missing: what, command };
}
