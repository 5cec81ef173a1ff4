import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { parseIso } from "../kernel/time.ts";
import { roadmap } from "../path/content/roadmap.ts";
import type { PathDesk } from "../path/desk.ts";
import { judgeStages, type StageVerdict } from "../path/exits/predicates.ts";
import { createPlan, defaultHoursPerRoadmapWeek, type Plan } from "../path/plan.ts";
import { planToCalendar, planToJson, planToMarkdown } from "../path/plan-export.ts";
import { systemClock } from "../server/system.ts";
import { isSet, number, optionalText, text, type FlagValues } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { labFlags, runLabCommand } from "./path-lab.ts";
import { withDesk } from "./path-desk.ts";
import { runAttest, runDrill, runExport, runIncident, runInterview, runVerify, workFlags } from "./path-work.ts";

const formats = ["markdown", "json", "ical"] as const;

/** `karkhana path`: where a person stands, judged by the project's own records; `path next`: one thing to do; `path plan`: dates. */
export const path: Command = {
  name: "path",
  summary:
    "The roadmap: what the project's records prove (path), the next thing to do (path next), a plan with dates (path plan), exercises graded here (path lab, drill, interview), evidence that can be checked (path verify)",
  positionals: ["next|plan|lab|drill|interview|incident|attest|pitfalls|verify|export", "action", "name", "file"],
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
    ...workFlags,
    json: { type: "boolean", help: "Print as JSON" },
  },
  run: async ({ values, positionals }) => {
    const [what = "status", ...more] = positionals;
    const json = isSet(values, "json");
    if (what === "lab") return await runLabCommand(more, values);
    if (what === "drill") return await runDrill(more, values);
    if (what === "interview") return await runInterview(more, values);
    if (what === "incident") return await runIncident(more, values);
    const takesOne = what === "verify" || what === "export" || what === "attest";
    if (more.length > (takesOne ? 1 : 0))
      throw new KarkhanaError("INVALID_CONFIG", {
        field: `path ${what}`,
        problem: `takes ${takesOne ? "one name" : "nothing"} after it without a flag`,
        value: more.join(" "),
      });
    if (what === "verify") return await runVerify(more[0], values);
    if (what === "export") return await runExport(more[0], values);
    if (what === "attest") return await runAttest(more[0], values);
    if (what === "plan") return await printPlan(values);
    if (what === "status") return await withDesk(values, false, (desk) => printStatus(desk, json));
    if (what === "next") return await withDesk(values, false, (desk) => printNext(desk, json));
    if (what === "pitfalls") return await withDesk(values, false, (desk) => printReadings(desk, json));
    throw new KarkhanaError("INVALID_CONFIG", { field: "path", problem: `expected nothing or one of ${subcommands.join(", ")}`, value: what });
  },
};

const subcommands = ["next", "plan", "lab", "drill", "interview", "incident", "attest", "pitfalls", "verify", "export"] as const;

async function printPlan(values: FlagValues): Promise<number> {
  const format = isSet(values, "json") ? "json" : text(values, "format");
  if (!formats.some((known) => known === format))
    throw new KarkhanaError("INVALID_CONFIG", { field: "--format", problem: `expected one of ${formats.join(", ")}`, value: format });
  const print = (plan: Plan): void =>
    void process.stdout.write(
      format === "json" ? planToJson(plan) : format === "ical" ? planToCalendar(plan, systemClock.nowUs()) : planToMarkdown(roadmap, plan),
    );
  if (["background", "hours-per-week", "track", "start"].every((flag) => values[flag] === undefined)) {
    const saved = await withDesk(values, false, (desk) => desk.plan());
    if (saved === undefined)
      throw new KarkhanaError("INVALID_CONFIG", {
        field: "--background",
        problem: `no plan is saved yet; name one of ${roadmap.backgrounds.map(({ id }) => id).join(", ")}`,
        value: "nothing",
      });
    print(saved.plan);
    return 0;
  }
  // What is not said again stays as the saved plan has it.
  const isWhole = values["background"] !== undefined && values["hours-per-week"] !== undefined;
  const kept = isWhole ? undefined : await withDesk(values, false, (desk) => desk.plan()).catch(() => undefined);
  const start = optionalText(values, "start");
  const trackId = optionalText(values, "track") ?? kept?.request.trackId;
  const request = {
    backgroundId: optionalText(values, "background") ?? kept?.request.backgroundId ?? text(values, "background"),
    ...(trackId === undefined ? {} : { trackId }),
    startUs: start !== undefined ? parseIso(start, "--start") : (kept?.request.startUs ?? systemClock.nowUs()),
    hoursPerWeek: values["hours-per-week"] === undefined && kept !== undefined ? kept.request.hoursPerWeek : number(values, "hours-per-week"),
    hoursPerRoadmapWeek: number(values, "hours-per-roadmap-week"),
  };
  // Refused before anything is opened or made.
  const plan = createPlan(roadmap, request);
  const saved = await withDesk(values, true, (desk) => desk.savePlan(request)).catch((error: unknown) => {
    if (codeOf(error) !== "PROJECT_NOT_FOUND") throw error;
    console.error("Not saved: there is no project in this folder. In a project's folder, or with --project, the plan is kept.");
    return undefined;
  });
  print(saved?.plan ?? plan);
  return 0;
}

async function printNext(desk: PathDesk, json: boolean): Promise<number> {
  const next = await desk.next();
  if (json) console.log(JSON.stringify({ next }));
  else console.log(`${stageTitle(next.stageId)}: ${next.says}\n    why: ${next.why}\n     do: ${next.command}`);
  return 0;
}

async function printStatus(desk: PathDesk, json: boolean): Promise<number> {
  const records = await desk.records();
  const verdicts = judgeStages(roadmap, records);
  const kept = await desk.keep(records, verdicts);
  if (json) {
    console.log(JSON.stringify({ roadmapVersion: roadmap.version, stages: verdicts, kept: kept.map(({ hash }) => hash) }));
    return 0;
  }
  console.log(verdicts.map(describeStage).join("\n\n"));
  if (kept.length > 0) console.log(`\nKept as evidence: ${kept.map(({ body }) => `${body.subject} (entry ${body.sequence})`).join(", ")}`);
  return 0;
}

/** `path pitfalls`: the eight pitfalls and what employers weigh, read off the records. */
async function printReadings(desk: PathDesk, json: boolean): Promise<number> {
  const { pitfalls, signals } = await desk.readings();
  if (json) {
    console.log(JSON.stringify({ pitfalls, signals }));
    return 0;
  }
  const marks = { fallen: "!!", clear: "ok", "cannot-tell": " ?", shown: "ok", part: " ~", claimed: ' "', nothing: "  " } as const;
  console.log("Pitfalls");
  for (const { pitfallId, state, says, command } of pitfalls) {
    console.log(`  ${marks[state]} ${roadmap.pitfalls.find(({ id }) => id === pitfallId)?.title ?? pitfallId}\n       ${says}`);
    if (state === "fallen" && command !== null) console.log(`       do: ${command}`);
  }
  console.log("\nWhat employers weigh, most first");
  for (const { signalId, state, says } of signals)
    console.log(`  ${marks[state]} ${roadmap.signals.find(({ id }) => id === signalId)?.title ?? signalId}\n       ${says}`);
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
