import type { EvidenceEntry } from "../evidence/entry.ts";
import type { FoundRecord, Predicate } from "../exits/predicate.ts";
import { algorithmLabs, designSubmissions, mathematicsLabs, passedLabs } from "../exits/shown-work.ts";
import { lineageComplete } from "../exits/stage-2.ts";
import { live28Days, retrainingPromoted } from "../exits/stage-3.ts";
import type { Seen, SignalReading } from "./detector.ts";

type Reading = Omit<SignalReading, "signalId">;

const entryFound =
  (says: string) =>
  ({ body, hash }: EvidenceEntry): FoundRecord => ({ kind: "evidence", id: hash, says: `entry ${body.sequence}: ${says}` });

/** All hold: shown. Some: part. */
function ofPredicates({ records }: Seen, predicates: readonly Predicate[]): Reading {
  const judged = predicates.map((predicate) => ({ predicate, judgement: predicate.judge(records) }));
  const holding = judged.filter(({ judgement }) => judgement.proved);
  const lacks = judged.flatMap(({ judgement }) => (judgement.proved ? [] : [judgement.missing]));
  return {
    state: lacks.length === 0 ? "shown" : holding.length > 0 ? "part" : "nothing",
    says: lacks.length === 0 ? "The records show it." : `Missing: ${lacks.join("; ")}`,
    found: holding.flatMap(({ judgement }) => judgement.found.slice(0, 2)),
  };
}

function ofLabs({ records }: Seen, numbers: readonly number[], round: string): Reading {
  const passed = passedLabs(records.evidence);
  const there = numbers.filter((n) => records.labs.includes(n));
  const done = there.flatMap((n) => passed.get(n) ?? []);
  const interview = records.evidence.find(({ body }) => body.kind === "interview" && body.subject === round && body.content["passed"] === true);
  const isWhole = there.length > 0 && done.length === there.length && interview !== undefined;
  return {
    state: isWhole ? "shown" : done.length > 0 || interview !== undefined ? "part" : "nothing",
    says: `${done.length} of ${there.length} labs passed, ${interview === undefined ? "no timed round passed" : "a timed round passed"}`,
    found: [...done.slice(0, 3).map(entryFound("lab passed")), ...(interview === undefined ? [] : [entryFound("timed round passed")(interview)])],
  };
}

function ofWords({ records }: Seen, subject: string): Reading {
  const words = records.evidence.filter(({ body }) => body.producedBy === "person" && body.subject === subject);
  return words.length === 0
    ? { state: "nothing", says: "Nothing is on record; no machine here can show it.", found: [] }
    : {
        state: "claimed",
        says: `${words.length} on record, each a person's word that no machine checked`,
        found: words.slice(0, 3).map(entryFound("a person's word")),
      };
}

const detectors: Readonly<Record<string, (seen: Seen) => Reading>> = {
  "signal-owned-in-production": (seen) => ofPredicates(seen, [lineageComplete, live28Days, retrainingPromoted]),
  "signal-strong-algorithms": (seen) => ofLabs(seen, algorithmLabs, "round-1-coding"),
  "signal-design-at-scale": (seen) => ofPredicates(seen, [designSubmissions]),
  "signal-mathematical-depth": (seen) => ofLabs(seen, [...mathematicsLabs, 23, 24, 25, 30], "round-2-fundamentals"),
  "signal-two-papers": (seen) => {
    const round = ofWords(seen, "round-4-research");
    return round.state === "nothing" ? ofWords(seen, "signal-two-papers") : round;
  },
  "signal-open-source-contributions": (seen) => ofWords(seen, "signal-open-source-contributions"),
  "signal-certificates": (seen) => ofWords(seen, "signal-certificates"),
};

/** Employers' signals in their order, strongest first. */
export function readSignals(signalIds: readonly string[], seen: Seen): SignalReading[] {
  return signalIds.map((signalId) => ({
    signalId,
    ...(detectors[signalId]?.(seen) ?? { state: "nothing", says: "Nothing in this program looks for it.", found: [] }),
  }));
}

export const signalDetectorIds: readonly string[] = Object.keys(detectors);
