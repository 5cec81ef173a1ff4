import type { Micros } from "../../kernel/clock.ts";

/*
 * A sheet is what a drill or an interview round puts in front of a person: facts, signals, questions. Its truth is made with it, kept apart,
 * and never leaves the server before the answers are in. Both are stored when it starts, so that a later program grades what was asked.
 */

export type Question = { readonly id: string; readonly prompt: string; readonly note?: string } & (
  | { readonly kind: "number"; readonly unit: string }
  | { readonly kind: "choice" | "choices"; readonly options: readonly Option[] }
  | { readonly kind: "text"; readonly minWords: number }
);

export interface Option {
  readonly id: string;
  readonly text: string;
}

export interface Section {
  readonly title: string;
  readonly text: string;
  readonly questions: readonly Question[];
}

/** One value a window, drawn with its limit. */
export interface Signal {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  /** shape [windows]; null where nothing could be measured */
  readonly values: readonly (number | null)[];
  /** shape [windows]: what sampling alone explains, or the agreed limit; null where there is none. */
  readonly limits: readonly (number | null)[];
}

export interface Sheet {
  readonly kind: SheetKind;
  readonly subject: string;
  readonly version: number;
  readonly title: string;
  readonly intro: readonly string[];
  /** Minutes to answer in; null: no limit. */
  readonly minutes: number | null;
  readonly facts: readonly { readonly name: string; readonly value: string }[];
  readonly signals: readonly Signal[];
  /** What the operations log says, by window (from 1). */
  readonly log: readonly { readonly window: number; readonly text: string }[];
  readonly sections: readonly Section[];
  /** A lab that is to be passed inside the time, for a coding round. */
  readonly lab?: number;
}

export const sheetKinds = ["drift", "design", "interview"] as const;
export type SheetKind = (typeof sheetKinds)[number];

/** By question id: a text, a number as text, or chosen option ids. */
export type Answers = Readonly<Record<string, string | readonly string[]>>;

export interface Mark {
  readonly questionId: string;
  readonly prompt: string;
  readonly right: boolean;
  readonly given: string;
  readonly expected: string;
  /** The chain of steps behind the expected value. */
  readonly why: string;
  readonly points: number;
  readonly of: number;
}

export interface Grade {
  /** In [0, 1]. */
  readonly score: number;
  readonly passed: boolean;
  readonly says: string;
  readonly marks: readonly Mark[];
  /** What the world behind the sheet really was, told once it is graded. */
  readonly reveals: readonly string[];
  /** Facts for the evidence entry. */
  readonly record: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

export interface StoredSheet {
  readonly id: string;
  readonly seed: string;
  readonly startedUs: Micros;
  readonly sheet: Sheet;
  readonly answeredUs?: Micros;
  readonly grade?: Grade;
}

/** As it may leave the desk: an open sheet's seed would give its truth away. */
export function withoutSeed(stored: StoredSheet): StoredSheet {
  return stored.answeredUs === undefined ? { ...stored, seed: "" } : stored;
}

export function textAnswer(answers: Answers, id: string): string {
  const given = Object.hasOwn(answers, id) ? answers[id] : undefined;
  return typeof given === "string" ? given.trim() : (given ?? []).join(", ");
}

export function chosen(answers: Answers, id: string): readonly string[] {
  const given = Object.hasOwn(answers, id) ? answers[id] : undefined;
  if (given === undefined || given === "") return [];
  return typeof given === "string" ? given.split(",").map((part) => part.trim()) : given;
}

/** A number as people write it: "12 000", "1.2e6", "3,400". NaN if it is none. */
export function numberAnswer(answers: Answers, id: string): number {
  const text = textAnswer(answers, id).replaceAll(/[\s_,]/g, "");
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

export function words(text: string): number {
  return text.split(/\s+/).filter((word) => /\p{L}/u.test(word)).length;
}

/** A number as it is shown: four figures, without an exponent where that reads well. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-4) return value.toExponential(3);
  return Number(value.toPrecision(size >= 1000 ? 6 : 4)).toLocaleString("en", { maximumFractionDigits: 8 });
}
