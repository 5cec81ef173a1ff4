import { definitionHash, type Canonical } from "../../kernel/hashing.ts";
import type { Language, Limits, Scale } from "./lab.ts";

/** A limit on the learner's process, and whether this machine keeps it. */
export interface Guard {
  readonly id: string;
  readonly inForce: boolean;
  /** What keeps it, or why nothing does. */
  readonly by: string;
}

export type CaseStatus = "passed" | "failed" | "not-run";

export interface CaseVerdict {
  readonly name: string;
  readonly status: CaseStatus;
  /** The arguments of a failed case, shortened, one a line; empty for the others. */
  readonly inputs: string;
  readonly expected: string | null;
  readonly got: string | null;
  readonly tolerance: string | null;
  /** How far off, in the tolerance's unit; as text where it is not finite. */
  readonly difference: number | string | null;
  readonly message: string;
}

/**
 * `wrong`: an answer is wrong. `error`: the solution threw or could not be loaded. `ended`: its process went away without answering.
 * The others name the limit that stopped it.
 */
export type Outcome = "passed" | "wrong" | "error" | "ended" | "time-limit" | "memory-limit" | "output-limit" | "broken-protocol";

/** One grading, as plain JSON: what evidence keeps. Finite numbers, strings, booleans, null, lists and objects only. */
export interface Verdict {
  readonly format: 1;
  readonly lab: string;
  readonly labVersion: number;
  readonly language: Language;
  readonly scale: Scale;
  readonly passed: boolean;
  readonly outcome: Outcome;
  readonly message: string;
  readonly seed: string;
  /** A fresh seed nobody could know beforehand, or one that was asked for: only a fresh one proves anything. */
  readonly seedOrigin: "fresh" | "given";
  /** SHA-256 of the solution's text. */
  readonly sourceHash: string;
  readonly cases: readonly CaseVerdict[];
  readonly guards: readonly Guard[];
  readonly limits: Limits;
  /** What the solution printed, its first 4,000 characters. */
  readonly output: string;
  readonly durationMs: number;
  /** Most memory the learner's process held; null where the machine does not tell. */
  readonly peakMemoryBytes: number | null;
  /** Interpreter and its version. */
  readonly runner: string;
}

/** SHA-256 of the verdict's canonical JSON. */
export function verdictHash(verdict: Verdict): string {
  return definitionHash(verdict as unknown as Canonical);
}
