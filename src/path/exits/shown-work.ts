import type { EvidenceEntry, EvidenceKind } from "../evidence/entry.ts";
import { causes } from "../drills/incident.ts";
import { driftSubject } from "../drills/drift.ts";
import { matchReport, parseIncidentReport } from "../incident-report.ts";
import { formatIso } from "../../kernel/time.ts";
import { missing, proved, type FoundRecord, type Predicate } from "./predicate.ts";

/* Conditions over what a person showed in labs, drills and reports: entries of the evidence chain, written by graders. */

const span = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
export const mathematicsLabs: readonly number[] = span(4, 9);
export const algorithmLabs: readonly number[] = span(13, 22);
const coreLabs: readonly number[] = [23, 24, 25, 30, 32, 35];

function of(entries: readonly EvidenceEntry[], kind: EvidenceKind): EvidenceEntry[] {
  return entries.filter(({ body }) => body.kind === kind);
}

function found({ body, hash }: EvidenceEntry, says: string): FoundRecord {
  return { kind: "evidence", id: hash, says: `entry ${body.sequence}: ${says}` };
}

/** Numbers of the labs passed, with the entry that shows each. A verdict under a seed the person chose proves nothing and is never recorded. */
export function passedLabs(entries: readonly EvidenceEntry[]): ReadonlyMap<number, EvidenceEntry> {
  const passed = new Map<number, EvidenceEntry>();
  for (const entry of of(entries, "lab")) {
    const number = Number(/^lab-(\d+)$/.exec(entry.body.subject)?.[1]);
    if (entry.body.producedBy === "grader" && entry.body.content["passed"] === true && !passed.has(number)) passed.set(number, entry);
  }
  return passed;
}

/** All of the named labs that this program has: the others are told, and wait for nobody. */
function labsPassed(id: string, numbers: readonly number[], text: string): Predicate {
  return {
    id,
    version: 1,
    says: `${text} are passed: every one of them that this program has.`,
    judge: ({ evidence, labs }) => {
      const passed = passedLabs(evidence);
      const there = numbers.filter((n) => labs.includes(n));
      const entries = there.flatMap((n) => passed.get(n) ?? []);
      const records = entries.map((entry) => found(entry, `${entry.body.subject} passed`));
      const open = there.filter((n) => !passed.has(n));
      if (there.length === 0) return missing("none of these labs can be run in this program", null);
      if (open.length === 0) return proved(...records);
      return missing(`${entries.length} of ${there.length} passed; open: ${open.join(", ")}`, `karkhana path lab run ${open[0]}`, records);
    },
  };
}

export const foundationLabs: Predicate = labsPassed("foundation-labs", [...mathematicsLabs, ...algorithmLabs], "Labs 4 to 9 and 13 to 22");
export const coreLabsPassed: Predicate = labsPassed("core-labs", coreLabs, "Labs 23, 24, 25, 30, 32 and 35");

const neededDesigns = 3;

export const designSubmissions: Predicate = {
  id: "design-submissions",
  version: 1,
  says: `${neededDesigns} design drills of different cases reached 80 % of their numbers, all eight sections written.`,
  judge: ({ evidence }) => {
    const designs = of(evidence, "drill").filter(({ body }) => body.subject.startsWith("design-") && body.content["passed"] === true);
    const cases = [...new Map(designs.map((entry) => [entry.body.subject, entry])).values()];
    const records = cases.map((entry) => found(entry, `${entry.body.subject}, ${Math.round(Number(entry.body.content["score"]) * 100)} %`));
    if (cases.length >= neededDesigns) return proved(...records);
    return missing(`${cases.length} of ${neededDesigns} cases`, "karkhana path drill start design", records);
  },
};

const [deck, neededSolved] = [8, 7];

export const driftDrills: Predicate = {
  id: "drift-drills",
  version: 1,
  says: `Of ${deck} drift drills in a row, ${neededSolved} were solved, each cause at least once.`,
  judge: ({ evidence }) => {
    const drills = of(evidence, "drill").filter(({ body }) => body.subject === driftSubject);
    const solved = (entry: EvidenceEntry): boolean => entry.body.content["passed"] === true;
    const causesOf = (entry: EvidenceEntry): readonly unknown[] => {
      const list = entry.body.content["causes"];
      return Array.isArray(list) ? list : [];
    };
    for (let from = 0; from + deck <= drills.length; from++) {
      const row = drills.slice(from, from + deck);
      const good = row.filter(solved);
      if (good.length >= neededSolved && causes.every((cause) => good.some((entry) => causesOf(entry).includes(cause))))
        return proved(...good.map((entry) => found(entry, `solved: ${causesOf(entry).join(" and ")}`)));
    }
    const last = drills.slice(-deck);
    const open = causes.filter((cause) => !last.some((entry) => solved(entry) && causesOf(entry).includes(cause)));
    const records = last.map((entry) => found(entry, solved(entry) ? `solved: ${causesOf(entry).join(" and ")}` : "not solved"));
    return missing(
      `${last.filter(solved).length} of the last ${last.length} solved${open.length > 0 && last.length > 0 ? `, none of them with ${open.join(", ")}` : ""}; ${deck} in a row are looked at`,
      "karkhana path drill start drift",
      records,
    );
  },
};

export const incidentReported: Predicate = {
  id: "incident-report",
  version: 1,
  says: "An incident report was written whose times match the machine's event log: began, detected, mitigated.",
  judge: (records) => {
    const reports = of(records.evidence, "incident-report");
    if (reports.length === 0) return missing("no incident report is on record", "karkhana path incident draft");
    let last: { readonly problems: readonly string[]; readonly found: readonly FoundRecord[] } = { problems: [], found: [] };
    for (const entry of reports) {
      // Held against the log again, now: what is filed is a person's words.
      const { beganUs, detectedUs, mitigatedUs, ...rest } = entry.body.content;
      const report = parseIncidentReport({ ...rest, began: iso(beganUs), detected: iso(detectedUs), mitigated: iso(mitigatedUs) });
      const match = matchReport(report, records);
      if (match.problems.length === 0) return proved(found(entry, `report of ${report.model}, cause ${report.cause}`), ...match.found);
      last = match;
    }
    return missing(last.problems.join("; "), "karkhana path incident draft", last.found);
  },
};

function iso(us: unknown): string {
  return typeof us === "number" ? formatIso(us) : "";
}
