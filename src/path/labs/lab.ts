import type { Rng } from "../../kernel/rng.ts";

/*
 * What a lab is. A lab asks for one function; its cases are made from a seed on this side, and so are the answers they are held against.
 * The learner's process gets a case's arguments and nothing else.
 */

export type Language = "typescript" | "javascript" | "python";
export const languages: readonly Language[] = ["typescript", "javascript", "python"];

/** `small` is for interpreters that would need minutes for the full sizes: Python. Both are held to the same gate. */
export type Scale = "full" | "small";

/** A function that stays on this side and that the solution may call: what it costs is counted where nobody can reach the counter. */
export class HostFunction {
  readonly name: string;
  readonly call: (...args: readonly unknown[]) => unknown;

  /** @throws from `call`: the text reaches the solution as an exception, which ends the case if it is not caught */
  constructor(name: string, call: (...args: readonly unknown[]) => unknown) {
    this.name = name;
    this.call = call;
  }
}

/** What is wrong with an answer, in the reader's words. */
export interface Finding {
  readonly expected: string;
  readonly got: string;
  /** How far the answer may be off, in words. */
  readonly tolerance?: string;
  /** How far it is off, in the unit of the tolerance. */
  readonly difference?: number;
  readonly message: string;
}

export interface LabCase {
  /** Stable within the lab: a verdict names it. */
  readonly name: string;
  /** Numbers (NaN and infinities too), strings, booleans, null, lists, plain objects, host functions. */
  readonly args: readonly unknown[];
  /** Undefined when the answer is right. May throw a `WrongAnswer`. Used once: counters of host functions live in the case. */
  readonly check: (answer: unknown) => Finding | undefined;
  /** Set where the right answer is to refuse: the solution must throw. `check` is then asked with undefined: did anything happen before? */
  readonly mustThrow?: string;
}

export interface Lab {
  /** Place in the lab list of the roadmap (1 to 46), which never changes. */
  readonly number: number;
  /** Raised when the meaning of the task changes, so that a verdict says which task was solved. */
  readonly version: number;
  readonly title: string;
  readonly blockId: string;
  readonly minutes: number;
  /** Markdown: what to write, what counts as right, why it matters in production. */
  readonly statement: string;
  /** Name of the function to write, in each language's habit. */
  readonly entry: { readonly typescript: string; readonly python: string };
  readonly starter: { readonly typescript: string; readonly python: string };
  readonly limits?: Partial<Limits>;
  /** Its cases differ between the two scales. */
  readonly sizes?: boolean;
  readonly cases: (rng: Rng, scale: Scale) => readonly LabCase[];
}

export interface Limits {
  /** Wall time of the whole grading, start of the process included; not what the grader itself stood still in. */
  readonly timeMs: number;
  /** Of the processor. Default: as much as `timeMs`. */
  readonly processorMs?: number;
  readonly memoryMb: number;
}

export const defaultLimits: Limits = { timeMs: 4000, memoryMb: 512 };
/** What a solution may print in all. */
export const maxOutputBytes = 1_000_000;
/** The largest answer, as JSON. */
export const maxAnswerBytes = 32_000_000;
/** The largest source text. */
export const maxSourceBytes = 200_000;

export function labId(lab: Lab): string {
  return `lab-${lab.number}`;
}

export function entryName(lab: Lab, language: Language): string {
  return language === "python" ? lab.entry.python : lab.entry.typescript;
}

export function scaleOf(language: Language): Scale {
  return language === "python" ? "small" : "full";
}

/** Thrown by a check that cannot go on: wrong shape, not a number. */
export class WrongAnswer extends Error {
  readonly finding: Finding;

  constructor(finding: Finding) {
    super(finding.message);
    this.finding = finding;
  }
}
