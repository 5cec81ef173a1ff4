import { canonicalJson, sha256, type Canonical } from "../../kernel/hashing.ts";
import { genesis, problemOfBody } from "./entry.ts";

/** Something that does not hold, and where. */
export interface ChainProblem {
  /** 0 for the report around the entries. */
  readonly sequence: number;
  readonly problem: string;
}

/** An entry as it was found: nothing about it is taken on trust. */
export interface FoundEntry {
  readonly body: unknown;
  readonly hash: unknown;
  /** The text the body was stored as, where there is one. */
  readonly text?: string;
}

/** Every problem of the entries in their order; empty if the chain is whole. */
export function verifyChain(entries: readonly FoundEntry[]): ChainProblem[] {
  const problems: ChainProblem[] = [];
  const keys = new Map<string, number>();
  let previous = genesis;
  for (const [i, { body, hash, text }] of entries.entries()) {
    const sequence = i + 1;
    const say = (problem: string): void => void problems.push({ sequence, problem });
    const shape = problemOfBody(body);
    if (shape !== undefined) say(`its body ${shape}`);
    const canonical = canonicalJson(body as Canonical);
    if (text !== undefined && text !== canonical) say("its text is not the canonical form of its body");
    if (sha256(canonical) !== hash) say("its body does not give its hash: body or hash was changed");
    if (shape === undefined) {
      const read = body as { readonly sequence: number; readonly previous: string; readonly key: string };
      if (read.sequence !== sequence) say(`it says it is entry ${read.sequence}: an entry was taken out, put in or moved`);
      if (read.previous !== previous) say(sequence === 1 ? "the first entry does not begin a chain" : "it does not follow from the entry before it");
      const same = keys.get(read.key);
      if (same !== undefined) say(`it is the same piece of evidence as entry ${same}`);
      keys.set(read.key, sequence);
    }
    previous = typeof hash === "string" ? hash : "";
  }
  return problems;
}
