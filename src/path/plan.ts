import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { MICROS_PER_DAY } from "../kernel/time.ts";
import type { Background, PlanRule, Roadmap, RuleAction, Stage, WeekBlock } from "./content/types.ts";

/*
 * A plan lays the week blocks of a background on a calendar. Pure: the start is an argument, days are UTC days.
 *
 *   skip     takes no days and proves nothing: "skipped, unproven" until a placement makes it a waiver
 *   partial  stays whole until labs show which part is known; each lab passed takes its share away
 *   focus    as long as the roadmap has it; marked, since a source says to work hardest there
 *
 * Weeks of the roadmap hold `hoursPerRoadmapWeek` hours of work, which no source states; a person's own hours a week stretch or shrink them.
 * Time to own a running model is lived by the calendar and never shrinks.
 */

/** Neither source says how many hours one of its weeks holds: this is Karkhana's assumption, shown on every plan. */
export const defaultHoursPerRoadmapWeek = 15;
/** Labs 13 to 22 stand for weeks 12 to 16. */
const partialLabs: Readonly<Record<string, { readonly from: number; readonly to: number }>> = { "weeks-12-16": { from: 13, to: 22 } };
const daysPerMonth = 365.25 / 12;

/** What a person has shown. Subjects are stable ids: a block ("weeks-4-7") or a lab ("lab-13"). */
export interface PlanEvidence {
  readonly id: string;
  readonly kind: "placement" | "lab" | "block-done";
  readonly subject: string;
  readonly atUs: Micros;
}

export interface PlanRequest {
  readonly backgroundId: string;
  readonly trackId?: string;
  /** Any instant of the first day. */
  readonly startUs: Micros;
  readonly hoursPerWeek: number;
  readonly hoursPerRoadmapWeek?: number;
  readonly evidence?: readonly PlanEvidence[];
}

export type PlanStatus = "planned" | "skipped, unproven" | "waived" | "done" | "open-ended";

export interface PlanItem {
  /** The block's or stage's id, so that it is the same item in every plan. */
  readonly id: string;
  readonly kind: "before" | "block" | "ownership" | "stage";
  readonly title: string;
  readonly stageId: string;
  readonly action: RuleAction;
  readonly status: PlanStatus;
  /** Days [fromUs, toUs); none for what takes no time, no end for what has none. */
  readonly fromUs?: Micros;
  readonly toUs?: Micros;
  /** Hours of work; 0 where the calendar alone counts. */
  readonly hours: number;
  /** Claim behind the rule, and the conflict it stands in. */
  readonly claimId?: string;
  readonly conflictId?: string;
  readonly placementOffered: boolean;
  readonly note?: string;
  readonly evidenceIds: readonly string[];
}

export interface Plan {
  readonly roadmapVersion: string;
  readonly backgroundId: string;
  readonly trackId?: string;
  readonly startUs: Micros;
  readonly hoursPerWeek: number;
  readonly hoursPerRoadmapWeek: number;
  readonly items: readonly PlanItem[];
  /** Everything ever shown, also what no block of this plan asks for: it may count in the next one. */
  readonly evidence: readonly PlanEvidence[];
  readonly timelineClaimIds: readonly string[];
  readonly conflictIds: readonly string[];
  /** Day after the last dated item. */
  readonly endUs: Micros;
}

/**
 * @param previous the plan before this one: its evidence is kept, and what it had done or waived keeps its days
 * @throws INVALID_ARGUMENT naming the field
 */
export function createPlan(roadmap: Roadmap, request: PlanRequest, previous?: Plan): Plan {
  const background = find("background", roadmap.backgrounds, request.backgroundId);
  if (request.trackId !== undefined) find("track", roadmap.tracks, request.trackId);
  const hoursPerWeek = hours("hours per week", request.hoursPerWeek);
  const hoursPerRoadmapWeek = hours("hours per roadmap week", request.hoursPerRoadmapWeek ?? defaultHoursPerRoadmapWeek);
  const startUs = Math.floor(request.startUs / MICROS_PER_DAY) * MICROS_PER_DAY;
  if (!Number.isSafeInteger(startUs)) throw new KarkhanaError("INVALID_ARGUMENT", { field: "start", problem: "expected a day", value: request.startUs });
  const evidence = mergeEvidence(previous?.evidence ?? [], request.evidence ?? []);
  const before = new Map(previous?.items.map((item) => [item.id, item]));

  let atUs = startUs;
  const items: PlanItem[] = [];
  const place = (item: Omit<PlanItem, "fromUs" | "toUs">, days: number): void => {
    const kept = before.get(item.id);
    if ((item.status === "done" || item.status === "waived") && kept !== undefined) {
      items.push({ ...item, ...(kept.fromUs === undefined ? {} : { fromUs: kept.fromUs }), ...(kept.toUs === undefined ? {} : { toUs: kept.toUs }) });
      return;
    }
    if (days === 0) return void items.push(item);
    items.push({ ...item, fromUs: atUs, toUs: atUs + days * MICROS_PER_DAY });
    atUs += days * MICROS_PER_DAY;
  };

  if (background.before !== undefined) place(...rolesBefore(roadmap, background, background.before));
  const gaps = ownershipDays(roadmap.stages);
  for (const [i, rule] of background.rules.entries()) {
    const { stage, block } = findBlock(roadmap, rule.blockId);
    const settled = settle(rule, block, evidence);
    const work = (block.toWeek - block.fromWeek + 1) * hoursPerRoadmapWeek * settled.share;
    const item = { id: block.id, kind: "block" as const, title: block.title, stageId: stage.id, hours: work, ...ruleOf(rule), ...settled.item };
    place(item, Math.ceil((work / hoursPerWeek) * 7 - 1e-9));
    const isStagesLast = !background.rules.slice(i + 1).some((later) => stage.blocks.some(({ id }) => id === later.blockId));
    const days = gaps.get(stage.id) ?? 0;
    if (isStagesLast && days > 0) place(ownership(stage), days);
  }
  const stage4 = roadmap.stages.find((stage) => stage.ordinal === 4);
  const track = roadmap.tracks.find(({ id }) => id === request.trackId);
  if (stage4 !== undefined)
    items.push({
      ...unruled,
      id: stage4.id,
      kind: "stage",
      title: track === undefined ? `${stage4.title}: choose a track` : `${stage4.title}: track ${track.letter}, ${track.title}`,
      stageId: stage4.id,
      status: "open-ended",
      fromUs: atUs,
      note: "No source gives it weeks.",
    });

  return {
    roadmapVersion: roadmap.version,
    backgroundId: background.id,
    ...(request.trackId === undefined ? {} : { trackId: request.trackId }),
    startUs,
    hoursPerWeek,
    hoursPerRoadmapWeek,
    items,
    evidence,
    timelineClaimIds: background.timelineClaimIds,
    conflictIds: [...new Set([...background.conflictIds, "conflict-weeks-and-months"])],
    endUs: atUs,
  };
}

export interface PlanProgress {
  readonly done: number;
  readonly planned: number;
  readonly waived: number;
  /** Claimed and not shown: counts neither way. */
  readonly unproven: number;
}

/** Week blocks by status. A share of progress is done / (done + planned): skipping everything is not progress. */
export function planProgress({ items }: Plan): PlanProgress {
  const count = (status: PlanStatus): number => items.filter((item) => item.kind === "block" && item.status === status).length;
  return { done: count("done"), planned: count("planned"), waived: count("waived"), unproven: count("skipped, unproven") };
}

/** The dated item that this instant falls into, or the first one still to come. */
export function currentItem({ items }: Plan, nowUs: Micros): PlanItem | undefined {
  const open = items.filter((item) => item.status === "planned" || item.status === "open-ended");
  return open.find((item) => item.toUs === undefined || nowUs < item.toUs) ?? open.at(-1);
}

/**
 * Days of the calendar that hold no weeks, by the stage at whose end they show: months of a stage's end less the weeks up to there, less
 * what earlier stages already had. The weeks run on without a gap, so stage 1's few days show at the end of stage 2.
 */
export function ownershipDays(stages: readonly Stage[]): ReadonlyMap<string, number> {
  const days = new Map<string, number>();
  let given = 0;
  for (const stage of stages.filter(({ ordinal }) => ordinal === 2 || ordinal === 3)) {
    const weeks = stage.blocks.at(-1)?.toWeek ?? 0;
    const gap = Math.max(0, Math.round((stage.months.to ?? 0) * daysPerMonth - weeks * 7 - given));
    given += gap;
    days.set(stage.id, gap);
  }
  return days;
}

const unruled = { action: "do", hours: 0, placementOffered: false, evidenceIds: [] } as const;

function ownership(stage: Stage): Omit<PlanItem, "fromUs" | "toUs"> {
  return {
    ...unruled,
    id: `ownership-${stage.id}`,
    kind: "ownership",
    title: `Own a running model (${stage.title.toLowerCase()})`,
    stageId: stage.id,
    status: "planned",
    conflictId: "conflict-weeks-and-months",
    note: "Calendar time without topics: what the exit asks for happens while a model is live.",
  };
}

function rolesBefore(roadmap: Roadmap, background: Background, before: NonNullable<Background["before"]>): [Omit<PlanItem, "fromUs" | "toUs">, number] {
  const claim = find("claim", roadmap.claims, before.claimId);
  const item = {
    ...unruled,
    id: `before-${background.id}`,
    kind: "before" as const,
    title: before.title,
    stageId: roadmap.stages[0]?.id ?? "",
    status: "planned" as const,
    claimId: claim.id,
    note: `Dates count the shortest time claimed, ${claim.low} months for the change from analyst to scientist; the longest is ${claim.high}. Becoming an analyst is not timed by the source.`,
  };
  return [item, Math.round((claim.low ?? 0) * daysPerMonth)];
}

function ruleOf(rule: PlanRule): Pick<PlanItem, "action" | "claimId" | "conflictId" | "placementOffered"> {
  return {
    action: rule.action,
    ...(rule.claimId === undefined ? {} : { claimId: rule.claimId }),
    ...(rule.conflictId === undefined ? {} : { conflictId: rule.conflictId }),
    placementOffered: rule.offerPlacement === true || rule.action === "skip",
  };
}

/** What evidence makes of a rule: the status, and the share of the block that is still to be worked. */
function settle(
  rule: PlanRule,
  block: WeekBlock,
  evidence: readonly PlanEvidence[],
): { share: number; item: Pick<PlanItem, "status" | "evidenceIds" | "note"> } {
  const of = (kind: PlanEvidence["kind"]): readonly PlanEvidence[] => evidence.filter((e) => e.kind === kind && e.subject === block.id);
  const ids = (list: readonly PlanEvidence[]): string[] => list.map(({ id }) => id);
  const note = rule.note === undefined ? {} : { note: rule.note };
  const done = of("block-done");
  if (done.length > 0) return { share: 1, item: { status: "done", evidenceIds: ids(done), ...note } };
  const placed = of("placement");
  if (placed.length > 0) return { share: 0, item: { status: "waived", evidenceIds: ids(placed), ...note } };
  if (rule.action === "skip") return { share: 0, item: { status: "skipped, unproven", evidenceIds: [], ...note } };
  const labs = partialLabs[block.id];
  if (rule.action !== "partial" || labs === undefined) return { share: 1, item: { status: "planned", evidenceIds: [], ...note } };
  const numbers = Array.from({ length: labs.to - labs.from + 1 }, (_, i) => labs.from + i);
  const passed = evidence.filter((e) => e.kind === "lab" && numbers.some((n) => e.subject === `lab-${n}`));
  const numPassed = new Set(passed.map(({ subject }) => subject)).size;
  const share = (numbers.length - numPassed) / numbers.length;
  return { share, item: { status: share === 0 ? "waived" : "planned", evidenceIds: ids(passed), ...note } };
}

/** By id: evidence is never lost by planning again, and the same piece counts once. */
function mergeEvidence(earlier: readonly PlanEvidence[], later: readonly PlanEvidence[]): PlanEvidence[] {
  return [...new Map([...earlier, ...later].map((e) => [e.id, e])).values()];
}

function find<T extends { readonly id: string }>(what: string, list: readonly T[], id: string): T {
  const found = list.find((item) => item.id === id);
  if (found === undefined)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: what, problem: `expected one of ${list.map((item) => item.id).join(", ")}`, value: id });
  return found;
}

function findBlock(roadmap: Roadmap, id: string): { stage: Stage; block: WeekBlock } {
  for (const stage of roadmap.stages) {
    const block = stage.blocks.find((b) => b.id === id);
    if (block !== undefined) return { stage, block };
  }
  throw new KarkhanaError("INTERNAL", { problem: `a rule names block ${id}, which the validator should have refused` });
}

function hours(field: string, value: number): number {
  if (!Number.isFinite(value) || value < 1 || value > 80) throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: "expected hours from 1 to 80", value });
  return value;
}
