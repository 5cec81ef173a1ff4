import { roadmap } from "../path/content/roadmap.ts";
import { attestable, type PathDesk } from "../path/desk.ts";
import type { EvidenceEntry } from "../path/evidence/entry.ts";
import { judgeStages, type StageVerdict } from "../path/exits/predicates.ts";
import { passedLabs } from "../path/exits/shown-work.ts";
import { labs } from "../path/labs/catalogue.ts";
import { placementLabs } from "../path/placement.ts";
import { currentItem, planProgress } from "../path/plan.ts";
import type { SavedPlan } from "../path/plans.ts";
import type { BlockState, EvidenceLine, PathBlock, PathLab, PathOverview, PathPlan, PathStage } from "./path-api.ts";

const shownEntries = 300;

/** Where a person stands, as one answer. */
export async function pathOverview(desk: PathDesk): Promise<PathOverview> {
  const records = await desk.records();
  const { evidence, nowUs } = records;
  const verdicts = judgeStages(roadmap, records);
  const saved = await desk.plan();
  const stages = verdicts.map((verdict) => stageView(verdict, evidence));
  const readings = desk.readingsOf(records, saved);
  return {
    nowUs,
    roadmapVersion: roadmap.version,
    stages,
    blocks: blockViews(evidence, saved, nowUs),
    plan: saved === undefined ? null : planView(saved, nowUs),
    next: await desk.nextOf(records, verdicts, saved),
    ...readings,
    evidence: evidence.toReversed().slice(0, shownEntries).map(evidenceLine),
    chain: await desk.verify(),
    unkept: stages.flatMap(({ conditions }) => conditions).filter(({ proved, entry }) => proved && entry === null).length,
    attestable: [...attestable].map(([id, text]) => ({ id, text })),
  };
}

function stageView({ stageId, state, conditions, attestations }: StageVerdict, evidence: readonly EvidenceEntry[]): PathStage {
  return {
    stageId,
    state,
    conditions: conditions.map(({ predicateId, version, says, judgement }) => ({
      predicateId,
      version,
      says,
      proved: judgement.proved,
      found: judgement.found,
      missing: judgement.proved ? null : judgement.missing,
      command: judgement.proved ? null : judgement.command,
      entry: evidence.find(({ body }) => body.key === `condition/${predicateId}@${version}`)?.body.sequence ?? null,
    })),
    attestations: attestations.map(({ id, text }) => ({
      id,
      text,
      said: evidence.flatMap(({ body }) =>
        body.kind === "attestation" && body.subject === id
          ? [{ byName: textOf(body.content["byName"]), statement: textOf(body.content["statement"]), entry: body.sequence }]
          : [],
      ),
    })),
  };
}

function blockViews(evidence: readonly EvidenceEntry[], saved: SavedPlan | undefined, nowUs: number): PathBlock[] {
  const current = saved === undefined ? undefined : currentItem(saved.plan, nowUs);
  const shown = (kind: EvidenceEntry["body"]["kind"], id: string): boolean => evidence.some(({ body }) => body.kind === kind && body.subject === id);
  const all = labViews(evidence);
  return roadmap.stages
    .flatMap(({ blocks }) => blocks)
    .map(({ id }) => {
      const item = saved?.plan.items.find((one) => one.id === id);
      const isHere = current?.id === id;
      const state: BlockState = shown("block", id)
        ? "proved"
        : shown("waiver", id)
          ? "waived"
          : item?.status === "skipped, unproven"
            ? "claimed"
            : isHere
              ? "here"
              : "planned";
      return { id, state, isHere, labs: all.filter((lab) => lab.blockId === id), placement: placementLabs(id, labs) };
    });
}

export function labViews(evidence: readonly EvidenceEntry[]): PathLab[] {
  const passed = passedLabs(evidence);
  return labs.map(({ number, title, blockId, minutes }) => ({ number, title, blockId, minutes, passed: passed.has(number) }));
}

export function planView({ createdUs, request, plan }: SavedPlan, nowUs: number): PathPlan {
  return { createdUs, request, plan, progress: planProgress(plan), currentId: currentItem(plan, nowUs)?.id ?? null };
}

export function evidenceLine({ body, hash }: EvidenceEntry): EvidenceLine {
  const { sequence, atUs, kind, subject, producedBy } = body;
  return { sequence, atUs, kind, subject, producedBy, says: told(body), hash };
}

const languageNames: Readonly<Record<string, string>> = { typescript: "TypeScript", javascript: "JavaScript", python: "Python" };

function told({ kind, subject, content }: EvidenceEntry["body"]): string {
  const result = content["passed"] === true ? "passed" : "not passed";
  const list = (value: unknown): string => (Array.isArray(value) ? value.join(", ") : "");
  const score = typeof content["score"] === "number" ? `, ${Math.round(content["score"] * 100)} %` : "";
  switch (kind) {
    case "condition":
      return textOf(content["says"]);
    case "lab":
      return `Lab ${subject.slice(4)} passed in ${languageNames[textOf(content["language"])] ?? "another language"}, ${String(Number(content["cases"] ?? 0))} hidden cases`;
    case "waiver":
      return `${blockTitle(subject)}: waived by ${list(content["labs"])}`;
    case "block":
      return `${blockTitle(subject)}: all its labs passed`;
    case "attestation":
      return `${(attestable.get(subject) ?? subject).replace(/\.$/, "")}: the word of ${textOf(content["byName"])}`;
    case "incident-report":
      return `Incident report of ${subject}, cause ${textOf(content["cause"])}; its times agree with the event log`;
    case "drill":
      return `${subject === "drift-incident" ? `Drift drill (${list(content["causes"])})` : `Design drill ${subject.slice(7)}`}: ${result}${score}`;
    case "interview":
      return `${roadmap.rounds.find(({ id }) => id === subject)?.title ?? subject} round: ${result}${score}`;
    default:
      return kind satisfies never;
  }
}

function blockTitle(id: string): string {
  const block = roadmap.stages.flatMap(({ blocks }) => blocks).find((one) => one.id === id);
  return block === undefined ? id : `Weeks ${block.fromWeek} to ${block.toWeek}, ${block.title.toLowerCase()}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
