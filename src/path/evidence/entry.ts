import type { Micros } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { canonicalJson, sha256, type Canonical } from "../../kernel/hashing.ts";

/*
 * An entry's body is canonical JSON; its hash is the SHA-256 of that text; `previous` is the hash of the entry before it (64 zeros for the
 * first). So no entry can be changed, taken out or put in between without every later hash changing.
 *
 * What it cannot show: who was at the keyboard. Whoever may write the database may rewrite all of it from some entry on, and cutting off the
 * newest entries leaves a shorter chain that is whole. A report that was handed out earlier shows both.
 */

export const evidenceKinds = ["condition", "lab", "waiver", "block", "attestation", "incident-report", "drill", "interview"] as const;
export type EvidenceKind = (typeof evidenceKinds)[number];

/** `person`: somebody's word, which no machine checked. Shown grey wherever it appears. */
export const producers = ["platform", "grader", "person"] as const;
export type Producer = (typeof producers)[number];

export type EvidenceContent = { readonly [key: string]: Canonical };

export interface EvidenceBody {
  readonly format: 1;
  /** From 1, without gaps. */
  readonly sequence: number;
  /** Processing time, by the machine's clock. */
  readonly atUs: Micros;
  readonly kind: EvidenceKind;
  /** A stable id of the roadmap, or a lab ("lab-6"): it outlives edits of titles, order and texts. */
  readonly subject: string;
  readonly producedBy: Producer;
  /** What makes it the same piece of evidence when it is found again. */
  readonly key: string;
  readonly content: EvidenceContent;
  readonly previous: string;
}

export interface EvidenceEntry {
  readonly body: EvidenceBody;
  readonly hash: string;
}

export const genesis: string = "0".repeat(64);

export function bodyText(body: EvidenceBody): string {
  return canonicalJson({ ...body });
}

export function entryOf(body: EvidenceBody): EvidenceEntry {
  return { body, hash: sha256(bodyText(body)) };
}

/** What is wrong with a value read back as a body, naming the field; undefined if nothing is. */
export function problemOfBody(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "is not an object";
  const body = value as Readonly<Record<string, unknown>>;
  const expected = ["atUs", "content", "format", "key", "kind", "previous", "producedBy", "sequence", "subject"];
  const names = Object.keys(body).sort();
  if (names.join(" ") !== expected.join(" ")) return `has the fields ${names.join(", ").slice(0, 200)}, not ${expected.join(", ")}`;
  if (body["format"] !== 1) return "format is not 1";
  for (const name of ["sequence", "atUs"]) if (!Number.isSafeInteger(body[name])) return `${name} is not a whole number`;
  for (const name of ["subject", "key", "previous"]) if (typeof body[name] !== "string") return `${name} is not a text`;
  if (!evidenceKinds.some((kind) => kind === body["kind"])) return "kind is not one of this program's";
  if (!producers.some((producer) => producer === body["producedBy"])) return "producedBy is not one of this program's";
  const content = body["content"];
  if (typeof content !== "object" || content === null || Array.isArray(content)) return "content is not an object";
  return undefined;
}

/** A body read back from where it was stored. @throws EVIDENCE_DAMAGED */
export function parseBody(text: string, sequence: number): EvidenceBody {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new KarkhanaError("EVIDENCE_DAMAGED", { sequence, problem: "its text is not JSON" });
  }
  const problem = problemOfBody(value);
  if (problem !== undefined) throw new KarkhanaError("EVIDENCE_DAMAGED", { sequence, problem });
  return value as EvidenceBody;
}
