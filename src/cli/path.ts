import { resolve } from "node:path";
import { readFeedback } from "../feedback/log.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { parseIso } from "../kernel/time.ts";
import { roadmap } from "../path/content/roadmap.ts";
import { judgeStages, nextAction, type StageVerdict } from "../path/exits/predicates.ts";
import { readRecords } from "../path/exits/records.ts";
import { createPlan, defaultHoursPerRoadmapWeek } from "../path/plan.ts";
import { planToCalendar, planToJson, planToMarkdown } from "../path/plan-export.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import type { Stores } from "../server/stores.ts";
import { systemClock } from "../server/system.ts";
import { isSet, number, optionalText, text, type FlagValues } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { labFlags, runLabCommand } from "./path-lab.ts";
import { chooseProject, requireDataFolder } from "./project-folder.ts";

const formats = ["markdown", "json", "ical"] as const;

/** `karkhana path`: where a person stands, judged by the project's own records; `path next`: one thing to do; `path plan`: dates. */
export const path: Command = {
  name: "path",
  summary:
    "The roadmap: what the project's records prove (path), the next thing to do (path next), a plan with dates (path plan), exercises graded here (path lab)",
  positionals: ["next|plan|lab", "list|show|start|run", "number", "file"],
  flags: {
    ...projectFlags,
    rerun: { type: "string", value: "folder", help: "Data folder of a second run of the same project, to show that its pipeline gives the same models" },
    background: { type: "string", value: "name", help: `For a plan: ${roadmap.backgrounds.map(({ id }) => id).join(", ")}` },
    track: { type: "string", value: "name", help: `For a plan: ${roadmap.tracks.map(({ id }) => id).join(", ")}` },
    "hours-per-week": { type: "integer", value: "n", help: "For a plan: hours a week you have", min: 1, max: 80 },
    "hours-per-roadmap-week": {
      type: "integer",
      value: "n",
      help: "For a plan: hours a week of the roadmap holds, which no source says",
      default: defaultHoursPerRoadmapWeek,
      min: 1,
      max: 80,
    },
    start: { type: "string", value: "date", help: "For a plan: first day, such as 2027-01-04; default today" },
    format: { type: "string", value: "name", help: `For a plan: ${formats.join(", ")}`, default: "markdown" },
    ...labFlags,
    json: { type: "boolean", help: "Print as JSON" },
  },
  run: async ({ values, positionals }) => {
    const [what = "status", ...more] = positionals;
    if (what === "lab") return await runLabCommand(more, values);
    if (more.length > 0)
      throw new KarkhanaError("INVALID_CONFIG", { field: `path ${what}`, problem: "takes nothing after it without a flag", value: more.join(" ") });
    if (what === "plan") return printPlan(values);
    if (what !== "status" && what !== "next")
      throw new KarkhanaError("INVALID_CONFIG", { field: "path", problem: "expected nothing, next, plan or lab", value: what });
    const verdicts = await judge(values);
    if (what === "next") return printNext(verdicts, isSet(values, "json"));
    if (isSet(values, "json")) console.log(JSON.stringify({ roadmapVersion: roadmap.version, stages: verdicts }));
    else console.log(verdicts.map(describeStage).join("\n\n"));
    return 0;
  },
};

function printPlan(values: FlagValues): number {
  const format = isSet(values, "json") ? "json" : text(values, "format");
  if (!formats.some((known) => known === format))
    throw new KarkhanaError("INVALID_CONFIG", { field: "--format", problem: `expected one of ${formats.join(", ")}`, value: format });
  const [start, trackId] = [optionalText(values, "start"), optionalText(values, "track")];
  const plan = createPlan(roadmap, {
    backgroundId: text(values, "background"),
    ...(trackId === undefined ? {} : { trackId }),
    startUs: start === undefined ? systemClock.nowUs() : parseIso(start, "--start"),
    hoursPerWeek: number(values, "hours-per-week"),
    hoursPerRoadmapWeek: number(values, "hours-per-roadmap-week"),
  });
  process.stdout.write(format === "json" ? planToJson(plan) : format === "ical" ? planToCalendar(plan, systemClock.nowUs()) : planToMarkdown(roadmap, plan));
  return 0;
}

async function judge(values: FlagValues): Promise<StageVerdict[]> {
  const { dataFolder } = await chooseProject(values);
  const rerun = optionalText(values, "rerun");
  return withStores(dataFolder, async (stores) => {
    const feedback = await readFeedback(stores.folder.logFolder);
    try {
      const rooms = { ...stores, feedback, clock: systemClock };
      const records = rerun === undefined ? await readRecords(rooms) : await withStores(resolve(rerun), (other) => readRecords(rooms, other.pipelines));
      return judgeStages(roadmap, records);
    } finally {
      await feedback.close();
    }
  });
}

async function withStores<T>(dataFolder: string, work: (stores: Stores) => Promise<T>): Promise<T> {
  requireDataFolder(dataFolder);
  const stores = await openStores(dataFolder, readConfiguration(process.env));
  try {
    return await work(stores);
  } finally {
    await stores.close();
  }
}

function printNext(verdicts: readonly StageVerdict[], json: boolean): number {
  const next = nextAction(verdicts);
  if (json) console.log(JSON.stringify({ next: next ?? null }));
  else if (next === undefined) console.log("Everything that a command of this program can show is shown. What is left: `karkhana path`.");
  else console.log(`${stageTitle(next.stageId)}: ${next.says}\nmissing: ${next.missing}\n     do: ${next.command}`);
  return 0;
}

function stageTitle(id: string): string {
  const stage = roadmap.stages.find((s) => s.id === id);
  return stage === undefined ? id : `Stage ${stage.ordinal}, ${stage.title} (${stage.calendar})`;
}

function describeStage({ stageId, state, conditions, attestations }: StageVerdict): string {
  const shown = conditions.filter(({ judgement }) => judgement.proved).length;
  const head = state === "attested-only" ? "no machine can show it" : state === "proved" ? "proved" : `${shown} of ${conditions.length} shown`;
  const lines = [`${stageTitle(stageId)}: ${head}`];
  for (const { says, judgement } of conditions) {
    lines.push(`  ${judgement.proved ? "[x]" : "[ ]"} ${says}`);
    for (const { kind, id, says: what } of judgement.found) lines.push(`        ${kind} ${id.length > 40 ? `${id.slice(0, 12)}…` : id}: ${what}`);
    if (!judgement.proved) lines.push(`        missing: ${judgement.missing}`, ...(judgement.command === null ? [] : [`        do: ${judgement.command}`]));
  }
  for (const attestation of attestations) lines.push(`   ~  ${attestation.text} (a person's word)`);
  return lines.join("\n");
}
