import type { Micros } from "../kernel/clock.ts";
import { roadmap } from "./content/roadmap.ts";
import type { StoredSheet } from "./drills/sheet.ts";
import type { EvidenceEntry } from "./evidence/entry.ts";
import { nextAction, type StageVerdict } from "./exits/predicates.ts";
import { passedLabs } from "./exits/shown-work.ts";
import { placementLabs, type PlacementLab } from "./placement.ts";
import { currentItem, type Plan } from "./plan.ts";

/** One thing to do now: never a list, never nothing. */
export interface Next {
  readonly kind: "run" | "plan" | "lab" | "sheet" | "condition" | "attest";
  readonly says: string;
  readonly why: string;
  readonly command: string;
  /** Page of the console where it is done. */
  readonly page: string;
  readonly stageId: string;
}

export interface NextInput {
  readonly verdicts: readonly StageVerdict[];
  readonly evidence: readonly EvidenceEntry[];
  readonly plan?: Plan;
  readonly sheets: readonly StoredSheet[];
  readonly labs: readonly (PlacementLab & { readonly title: string })[];
  readonly nowUs: Micros;
}

/**
 * In this order: a system to work on; a plan; a drill left open; the lab of the block that the calendar is at (or that would place a person
 * past a skipped one); what the next exit lacks; and at the end what only people can say.
 */
export function nextStep({ verdicts, evidence, plan, sheets, labs, nowUs }: NextInput): Next {
  const missing = nextAction(verdicts);
  if (missing !== undefined && missing.command === "karkhana run" && missing.stageId === "stage-1")
    return { kind: "run", says: "Start a real system: run the loop once", why: missing.missing, command: missing.command, page: "/", stageId: missing.stageId };
  if (plan === undefined)
    return {
      kind: "plan",
      says: "Say where you start from and how many hours a week you have",
      why: "A plan puts dates on the stages and skips what you claim to know.",
      command: `karkhana path plan --background ${roadmap.backgrounds[0]?.id ?? ""} --hours-per-week 10`,
      page: "/path/plan",
      stageId: "stage-1",
    };
  const open = sheets.find(({ answeredUs, sheet }) => answeredUs === undefined && sheet.minutes === null);
  if (open !== undefined)
    return {
      kind: "sheet",
      says: `Answer the drill you began: ${open.sheet.title}`,
      why: "It is open, and is graded with your first answers.",
      command: `karkhana path drill answer ${open.id}`,
      page: `/path/drills/${open.id}`,
      stageId: open.sheet.kind === "drift" ? "stage-3" : "stage-2",
    };
  const passed = passedLabs(evidence);
  const lab = nextLab(plan, labs, new Set(passed.keys()), nowUs);
  if (lab !== undefined) return lab;
  if (missing !== undefined)
    return {
      kind: "condition",
      says: missing.says,
      why: `Missing: ${missing.missing}`,
      command: missing.command,
      page: pageOf(missing.command),
      stageId: missing.stageId,
    };
  const word = roadmap.stages.flatMap(({ id, exit }) => exit.attestations.map((attestation) => ({ ...attestation, stageId: id })));
  const unsaid = word.find(({ id }) => !evidence.some(({ body }) => body.kind === "attestation" && body.subject === id)) ?? word[0];
  return {
    kind: "attest",
    says: unsaid?.text ?? "Show somebody your report",
    why: "Every condition that a machine can check is met; what is left, people must say.",
    command: `karkhana path attest ${unsaid?.id ?? ""} --by <name> --says <text>`,
    page: "/path/portfolio",
    stageId: unsaid?.stageId ?? "stage-5",
  };
}

function nextLab(plan: Plan, labs: NextInput["labs"], passed: ReadonlySet<number>, nowUs: Micros): Next | undefined {
  const lab = (number: number): NextInput["labs"][number] | undefined => labs.find((one) => one.number === number);
  const offer = (number: number | undefined, why: string, stageId: string): Next | undefined => {
    const found = number === undefined ? undefined : lab(number);
    return found === undefined
      ? undefined
      : {
          kind: "lab",
          says: `Pass lab ${found.number}: ${found.title}`,
          why,
          command: `karkhana path lab run ${found.number}`,
          page: `/path/labs/${found.number}`,
          stageId,
        };
  };
  const current = currentItem(plan, nowUs);
  if (current !== undefined) {
    const open = labs.filter((one) => one.blockId === current.id && !passed.has(one.number)).map(({ number }) => number);
    const found = offer(open.toSorted((a, b) => a - b)[0], `Your plan is at ${current.title.toLowerCase()}.`, current.stageId);
    if (found !== undefined) return found;
  }
  // A skip is a claim until it is shown.
  for (const item of plan.items)
    if (item.status === "skipped, unproven") {
      const open = placementLabs(item.id, labs).find((number) => !passed.has(number));
      const found = offer(open, `You skip ${item.title.toLowerCase()}: its placement labs make that a waiver.`, item.stageId);
      if (found !== undefined) return found;
    }
  return undefined;
}

function pageOf(command: string): string {
  const lab = /^karkhana path lab run (\d+)/.exec(command);
  if (lab !== null) return `/path/labs/${lab[1]}`;
  if (command.startsWith("karkhana path drill")) return "/path/drills";
  if (command.startsWith("karkhana path incident")) return "/path/portfolio";
  return "/path";
}
