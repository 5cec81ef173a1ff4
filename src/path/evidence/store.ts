import type { Clock } from "../../kernel/clock.ts";
import type { SqlDatabase } from "../../storage/sql/port.ts";
import { isUniqueViolation, tables } from "../../storage/sql/tables.ts";
import type { PathTables } from "../tables.ts";
import type { ChainProblem, FoundEntry } from "./chain.ts";
import { verifyChain } from "./chain.ts";
import { bodyText, entryOf, genesis, parseBody, type EvidenceBody, type EvidenceContent, type EvidenceEntry } from "./entry.ts";

export type NewEvidence = Pick<EvidenceBody, "kind" | "subject" | "producedBy" | "key"> & { readonly content: EvidenceContent };

/**
 * Evidence, only ever added to. Promises: an entry that was returned is on disk; the same key twice is one entry, whoever comes second gets
 * the first one; two writers make one chain, since an entry's place is the table's key and is taken inside the transaction that read its
 * predecessor. A kill between any two lines leaves the chain as it was or longer by one whole entry.
 */
export interface EvidenceStore {
  append(evidence: NewEvidence): Promise<EvidenceEntry>;
  /** From the first. @throws EVIDENCE_DAMAGED for a row that is no entry */
  list(): Promise<EvidenceEntry[]>;
  /** Reads what is stored, byte by byte. */
  verify(): Promise<{ readonly entries: number; readonly head: string; readonly problems: readonly ChainProblem[] }>;
}

const attempts = 8;

export function createEvidenceStore({ database, clock }: { readonly database: SqlDatabase; readonly clock: Clock }): EvidenceStore {
  const db = tables<PathTables>(database.db);
  const rows = () => db.selectFrom("path_evidence").select(["sequence", "body", "hash"]).orderBy("sequence").execute();
  const append = async (evidence: NewEvidence): Promise<EvidenceEntry> =>
    database.transaction(async (trx) => {
      const t = tables<PathTables>(trx);
      const same = await t.selectFrom("path_evidence").select(["sequence", "body", "hash"]).where("key", "=", evidence.key).executeTakeFirst();
      if (same !== undefined) return { body: parseBody(same.body, same.sequence), hash: same.hash };
      const last = await t.selectFrom("path_evidence").select(["sequence", "hash"]).orderBy("sequence", "desc").limit(1).executeTakeFirst();
      const entry = entryOf({
        format: 1,
        sequence: (last?.sequence ?? 0) + 1,
        atUs: clock.nowUs(),
        kind: evidence.kind,
        subject: evidence.subject,
        producedBy: evidence.producedBy,
        key: evidence.key,
        content: evidence.content,
        previous: last?.hash ?? genesis,
      });
      await t
        .insertInto("path_evidence")
        .values({ sequence: entry.body.sequence, key: evidence.key, body: bodyText(entry.body), hash: entry.hash })
        .execute();
      // As it will be read: members that JSON leaves out are left out here too.
      return { body: parseBody(bodyText(entry.body), entry.body.sequence), hash: entry.hash };
    });
  return {
    append: async (evidence) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await append(evidence);
        } catch (error) {
          // PostgreSQL: another writer took the place between our look and our insert.
          if (attempt === attempts || !isUniqueViolation(error)) throw error;
        }
      }
    },
    list: async () => (await rows()).map(({ sequence, body, hash }) => ({ body: parseBody(body, sequence), hash })),
    verify: async () => {
      const rowsFound = await rows();
      const found = rowsFound.map(foundEntry);
      return { entries: found.length, head: rowsFound.at(-1)?.hash ?? genesis, problems: verifyChain(found) };
    },
  };
}

function foundEntry({ body: text, hash }: { readonly body: string; readonly hash: string }): FoundEntry {
  try {
    return { body: JSON.parse(text), hash, text };
  } catch {
    return { body: null, hash, text };
  }
}
