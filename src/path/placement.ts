import type { EvidenceEntry } from "./evidence/entry.ts";
import type { NewEvidence } from "./evidence/store.ts";
import { passedLabs } from "./exits/shown-work.ts";
import type { Plan } from "./plan.ts";

/** What placement needs to know of a lab. */
export interface PlacementLab {
  readonly number: number;
  readonly blockId: string;
  readonly minutes: number;
}

const placementSize = 2;

/** The labs that place a person past a block: its two longest, or its only one. None: the block cannot be waived here. */
export function placementLabs(blockId: string, labs: readonly PlacementLab[]): readonly number[] {
  return labs
    .filter((lab) => lab.blockId === blockId)
    .toSorted((a, b) => b.minutes - a.minutes || a.number - b.number)
    .slice(0, placementSize)
    .map(({ number }) => number)
    .toSorted((a, b) => a - b);
}

/**
 * What the labs passed so far settle: a block all of whose labs are passed is done; a block that the plan skips, or that a strength is
 * offered to be shown in, is waived by its placement labs. The rest of a claim stays a claim.
 */
export function settledBlocks(entries: readonly EvidenceEntry[], labs: readonly PlacementLab[], plan: Plan | undefined): NewEvidence[] {
  const passed = passedLabs(entries);
  const settled: NewEvidence[] = [];
  for (const blockId of new Set(labs.map((lab) => lab.blockId))) {
    const own = labs.filter((lab) => lab.blockId === blockId).map(({ number }) => number);
    const shows = (numbers: readonly number[]): string[] => numbers.flatMap((n) => passed.get(n)?.hash ?? []);
    const content = (numbers: readonly number[]) => ({ labs: numbers.map((n) => `lab-${n}`), entries: shows(numbers) });
    if (own.every((n) => passed.has(n)))
      settled.push({ kind: "block", subject: blockId, producedBy: "grader", key: `block/${blockId}`, content: content(own) });
    const item = plan?.items.find(({ id }) => id === blockId);
    const placing = placementLabs(blockId, labs);
    if (item?.placementOffered === true && placing.length > 0 && placing.every((n) => passed.has(n)))
      settled.push({ kind: "waiver", subject: blockId, producedBy: "grader", key: `waiver/${blockId}`, content: content(placing) });
  }
  return settled;
}
