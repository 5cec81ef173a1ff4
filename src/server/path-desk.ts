import { randomBytes } from "node:crypto";
import type { FeedbackReader } from "../feedback/log.ts";
import { roadmap } from "../path/content/roadmap.ts";
import { PathDesk, type LabGrader } from "../path/desk.ts";
import { trafficOfLog, type DrillTraffic, type LoggedAnswer } from "../path/drills/traffic.ts";
import { createEvidenceStore } from "../path/evidence/store.ts";
import type { RecordRooms } from "../path/exits/records.ts";
import { labs } from "../path/labs/catalogue.ts";
import { createPlanStore } from "../path/plans.ts";
import { createSheetStore } from "../path/sheets.ts";
import type { Pipelines } from "../pipelines/port.ts";
import type { ProjectDefinition } from "../project/definition.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import type { Clock } from "../kernel/clock.ts";
import { gradeElsewhere } from "./grade-elsewhere.ts";
import { systemId } from "./system.ts";

export interface PathDeskOptions {
  readonly rooms: Omit<RecordRooms, "evidence" | "labs" | "clock"> & { readonly feedback: Pick<FeedbackReader, "predictions" | "labels" | "ends"> };
  readonly project: ProjectDefinition;
  readonly database: SqlDatabase;
  /** Machine clock. */
  readonly clock: Clock;
  readonly elsewhere?: Pick<Pipelines, "listRuns">;
  /** Default: in a process of its own. */
  readonly gradeLab?: LabGrader;
}

/** The Path's desk over the stores of one data folder. */
export function openPathDesk(options: PathDeskOptions): PathDesk {
  const { rooms, project, database, clock, elsewhere } = options;
  return new PathDesk({
    rooms: { ...rooms, clock },
    evidence: createEvidenceStore({ database, clock }),
    plans: createPlanStore({ database, clock, newId: systemId, roadmap }),
    sheets: createSheetStore({ database, clock, newId: systemId }),
    labs,
    clock,
    freshSeed,
    gradeLab: options.gradeLab ?? gradeElsewhere(),
    ownTraffic: () => ownTraffic(project, rooms.feedback),
    ...(elsewhere === undefined ? {} : { elsewhere }),
  });
}

function freshSeed(): string {
  return randomBytes(12).toString("hex");
}

const maxAnswers = 6000;
const maxLabels = 300_000;

/** The oldest labelled champion answers of one model: one stable stretch at the log's beginning, before anything drifted far. */
async function ownTraffic(project: ProjectDefinition, feedback: PathDeskOptions["rooms"]["feedback"]): Promise<DrillTraffic | undefined> {
  const asked = await feedback.predictions(0, maxAnswers * 2);
  const wanted = new Set(asked.map(({ record }) => `${record.model}/${record.id}`));
  const labels = new Map<string, 0 | 1>();
  // Once the oldest are dropped from both logs, the first labels are of questions from before.
  for (let from = 0, read = 0; read < maxLabels && labels.size < wanted.size;) {
    const page = await feedback.labels(from, maxAnswers * 2);
    for (const { record } of page) if (wanted.has(`${record.model}/${record.id}`)) labels.set(`${record.model}/${record.id}`, record.label);
    if (page.length < maxAnswers * 2) break;
    read += page.length;
    from = page.at(-1)!.offset + 1;
  }
  const byModel = new Map<string, LoggedAnswer[]>();
  for (const { record } of asked) {
    const label = labels.get(`${record.model}/${record.id}`);
    if (label === undefined || record.role !== "champion") continue;
    const own = byModel.get(record.model) ?? [];
    if (own.length < maxAnswers) own.push({ vector: record.vector, score: record.score, label });
    byModel.set(record.model, own);
  }
  for (const { name, service } of project.models) {
    const traffic = trafficOfLog(
      name,
      service.slots.map((slot) => slot.name),
      byModel.get(name) ?? [],
    );
    if (traffic !== undefined) return traffic;
  }
  return undefined;
}
