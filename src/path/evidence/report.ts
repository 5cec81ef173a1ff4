import type { Micros } from "../../kernel/clock.ts";
import { canonicalJson, sha256, type Canonical } from "../../kernel/hashing.ts";
import type { StageVerdict } from "../exits/predicates.ts";
import { verifyChain, type ChainProblem } from "./chain.ts";
import { genesis, type EvidenceEntry } from "./entry.ts";

/** A condition that the report says is proved: it must point at an entry of its chain. */
export interface ReportClaim {
  readonly stageId: string;
  readonly predicateId: string;
  readonly version: number;
  readonly says: string;
  readonly entry: string;
}

/** Everything needed to check it again, in one file and without this machine. */
export interface EvidenceReport {
  readonly format: 1;
  readonly about: string;
  readonly roadmapVersion: string;
  readonly exportedUs: Micros;
  readonly head: { readonly sequence: number; readonly hash: string };
  readonly claims: readonly ReportClaim[];
  readonly entries: readonly EvidenceEntry[];
}

const about =
  "Evidence of Karkhana's Path. Check it with `karkhana path verify <file>`. The hashes show that nothing was changed since it was recorded; they do not show who did the work. Entries produced by a person are that person's word.";

export function createReport(
  entries: readonly EvidenceEntry[],
  verdicts: readonly StageVerdict[],
  at: { readonly roadmapVersion: string; readonly nowUs: Micros },
): EvidenceReport {
  const claims = verdicts.flatMap(({ stageId, conditions }) =>
    conditions.flatMap(({ predicateId, version, says }) => {
      const entry = entries.find(({ body }) => body.kind === "condition" && body.subject === predicateId && body.content["version"] === version);
      return entry === undefined ? [] : [{ stageId, predicateId, version, says, entry: entry.hash }];
    }),
  );
  const last = entries.at(-1);
  return {
    format: 1,
    about,
    roadmapVersion: at.roadmapVersion,
    exportedUs: at.nowUs,
    head: { sequence: last?.body.sequence ?? 0, hash: last?.hash ?? genesis },
    claims,
    entries,
  };
}

/** The report with the digest of everything in it. One form only, so that any other byte is seen. */
export function reportText(report: EvidenceReport): string {
  const plain = report as unknown as { readonly [key: string]: Canonical };
  return `${canonicalJson({ ...plain, digest: sha256(canonicalJson(plain)) })}\n`;
}

export interface ReportVerification {
  readonly problems: readonly ChainProblem[];
  readonly entries: number;
  readonly head: string;
  /** By kind, people's words apart. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Reads a report from anywhere. Every byte counts: one changed, added or lost is a problem that says where. */
export function verifyReport(text: string): ReportVerification {
  const none = { entries: 0, head: genesis, counts: {} };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ...none, problems: [{ sequence: 0, problem: `the file is not JSON: ${error instanceof Error ? error.message : "cannot be read"}` }] };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { ...none, problems: [{ sequence: 0, problem: "the file is not a report: it holds no object" }] };
  const { digest, ...report } = value as Readonly<Record<string, unknown>>;
  const entries: unknown = report["entries"];
  if (!Array.isArray(entries) || report["format"] !== 1)
    return { ...none, problems: [{ sequence: 0, problem: "the file is not a report of a format this program knows" }] };
  const found = entries.map((entry: unknown) => {
    const { body, hash } = (typeof entry === "object" && entry !== null ? entry : {}) as Readonly<Record<string, unknown>>;
    return { body: body ?? null, hash };
  });
  const problems = verifyChain(found);
  const say = (problem: string): void => void problems.push({ sequence: 0, problem });
  const head = (typeof report["head"] === "object" && report["head"] !== null ? report["head"] : {}) as Readonly<Record<string, unknown>>;
  const lastHash = found.at(-1)?.hash ?? genesis;
  if (head["sequence"] !== found.length || head["hash"] !== lastHash)
    say(`its head names entry ${String(head["sequence"])}, and ${found.length} entries are there: entries were cut off, or the head was changed`);
  for (const claim of Array.isArray(report["claims"]) ? report["claims"] : []) problems.push(...problemOfClaim(claim, found));
  const plain = report as { readonly [key: string]: Canonical };
  if (sha256(canonicalJson(plain)) !== digest) say("its digest is not that of its content: something outside the entries was changed as well or alone");
  const written = `${canonicalJson({ ...plain, digest: digest as Canonical })}\n`;
  if (written !== text) say(`its bytes are not as they were written, first at byte ${firstDifference(written, text)}`);
  const counts: Record<string, number> = {};
  for (const { body } of found) {
    const { kind, producedBy } = (body ?? {}) as Readonly<Record<string, unknown>>;
    const name = producedBy === "person" ? `${String(kind)} (a person's word)` : String(kind);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return { problems, entries: found.length, head: typeof lastHash === "string" ? lastHash : "", counts };
}

function problemOfClaim(claim: unknown, entries: readonly { readonly body: unknown; readonly hash: unknown }[]): ChainProblem[] {
  const { predicateId, version, entry } = (typeof claim === "object" && claim !== null ? claim : {}) as Readonly<Record<string, unknown>>;
  const { kind, subject, content } = (entries.find(({ hash }) => hash === entry)?.body ?? {}) as Readonly<Record<string, unknown>>;
  const shown = kind === "condition" && subject === predicateId && (content as { readonly version?: unknown } | undefined)?.version === version;
  return shown ? [] : [{ sequence: 0, problem: `it says ${String(predicateId)} is proved, and no entry of its chain shows that` }];
}

function firstDifference(a: string, b: string): number {
  const [x, y] = [new TextEncoder().encode(a), new TextEncoder().encode(b)];
  let i = 0;
  while (i < x.length && x[i] === y[i]) i++;
  return i;
}
