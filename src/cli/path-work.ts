import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { extname } from "node:path";
import { KarkhanaError } from "../kernel/error.ts";
import { formatIso } from "../kernel/time.ts";
import { roadmap } from "../path/content/roadmap.ts";
import type { PathDesk } from "../path/desk.ts";
import { designCases } from "../path/drills/design-cases.ts";
import { causes } from "../path/drills/incident.ts";
import { withoutSeed, type StoredSheet } from "../path/drills/sheet.ts";
import { verifyReport } from "../path/evidence/report.ts";
import { eventLog } from "../path/incident-report.ts";
import type { Language } from "../path/labs/lab.ts";
import { isSet, optionalText, text, type Flags, type FlagValues } from "./arguments.ts";
import { withDesk } from "./path-desk.ts";
import { answersSkeleton, gradeText, parseAnswers, sheetText } from "./path-sheet-text.ts";

export const workFlags: Flags = {
  by: { type: "string", value: "name", help: "For path attest: who says it" },
  says: { type: "string", value: "text", help: "For path attest: what they say" },
};

const refuse = (field: string, problem: string, value: unknown): never => {
  throw new KarkhanaError("INVALID_CONFIG", { field, problem, value: value ?? "nothing" });
};

/** `path verify [report]`: the chain of this project, or a report from anywhere. @returns 1 if something does not hold */
export async function runVerify(file: string | undefined, values: FlagValues): Promise<number> {
  if (file !== undefined) {
    const { problems, entries, head, counts } = verifyReport(readText(file));
    const kinds = Object.entries(counts).map(([kind, n]) => `${n} ${kind}`);
    return tellVerified(values, { what: file, problems, entries, head, kinds });
  }
  const { problems, entries, head } = await withDesk(values, false, (desk) => desk.verify());
  return tellVerified(values, { what: "This project's chain", problems, entries, head, kinds: [] });
}

function tellVerified(
  values: FlagValues,
  {
    what,
    problems,
    entries,
    head,
    kinds,
  }: { what: string; problems: readonly { sequence: number; problem: string }[]; entries: number; head: string; kinds: readonly string[] },
): number {
  if (isSet(values, "json")) console.log(JSON.stringify({ holds: problems.length === 0, entries, head, problems }));
  else if (problems.length === 0) {
    console.log(`${what} holds: ${entries} entries${kinds.length > 0 ? ` (${kinds.join(", ")})` : ""}, head ${head}.`);
    console.log("Nothing was changed since it was recorded. Who did the work, no hash can say.");
  } else {
    console.log(`${what} does not hold:`);
    for (const { sequence, problem } of problems.slice(0, 50)) console.log(`  ${sequence === 0 ? "report" : `entry ${sequence}`}: ${problem}`);
    if (problems.length > 50) console.log(`  and ${problems.length - 50} more`);
  }
  return problems.length === 0 ? 0 : 1;
}

/** `path export <file>`: the evidence as one file that can be checked anywhere. */
export async function runExport(file: string | undefined, values: FlagValues): Promise<number> {
  const report = await withDesk(values, false, (desk) => desk.exportReport());
  if (file === undefined) process.stdout.write(report);
  else {
    writeNew(file, report);
    console.log(`${file} is written. Anyone can check it: karkhana path verify ${file}`);
  }
  return 0;
}

/** `path drill list | start drift [file] | start design [case] | answer <id> <file>` */
export async function runDrill([verb = "list", what, file]: readonly string[], values: FlagValues): Promise<number> {
  if (verb === "list") return listSheets(values);
  if (verb === "answer") return answer(what, file, values);
  if (verb !== "start") return refuse("path drill", "expected list, start or answer", verb);
  if (what !== "drift" && what !== "design") return refuse("path drill start", "expected drift or design", what);
  if (what === "design" && file !== undefined && !designCases.some(({ id }) => id === `design-${file}`))
    return refuse("path drill start design", `expected one of ${designCases.map(({ id }) => id.slice(7)).join(", ")}`, file);
  return begin(values, "drill", (desk) => (what === "drift" ? desk.startDrift() : desk.startDesign(file)));
}

/** `path interview <round> | answer <id> <file>` */
export async function runInterview([verb, id, file]: readonly string[], values: FlagValues): Promise<number> {
  if (verb === undefined) {
    for (const { ordinal, title, minutes } of roadmap.rounds)
      console.log(`  ${ordinal}  ${title}${minutes === undefined ? "" : `, ${minutes.from} to ${minutes.to} minutes`}`);
    console.log("\nkarkhana path interview <round> starts one; the clock runs from then on.");
    return 0;
  }
  if (verb === "answer") return answer(id, file, values);
  const round = Number(verb);
  if (!Number.isInteger(round)) return refuse("path interview", "expected a round from 1 to 5, or answer", verb);
  return begin(values, "interview", (desk) => desk.startRound(round));
}

async function begin(values: FlagValues, command: string, start: (desk: PathDesk) => Promise<StoredSheet>): Promise<number> {
  const stored = await withDesk(values, false, start);
  if (isSet(values, "json")) {
    console.log(JSON.stringify(withoutSeed(stored)));
    return 0;
  }
  const file = `${stored.id}.answers.json`;
  if (!existsSync(file)) writeNew(file, answersSkeleton(stored));
  console.log(sheetText(stored));
  console.log(`Fill in ${file}, then: karkhana path ${command} answer ${stored.id}`);
  return 0;
}

async function listSheets(values: FlagValues): Promise<number> {
  const sheets = await withDesk(values, false, (desk) => desk.listSheets());
  if (isSet(values, "json")) console.log(JSON.stringify({ sheets: sheets.map(withoutSeed) }));
  else if (sheets.length === 0) console.log("None was started. karkhana path drill start drift begins one.");
  for (const { id, startedUs, sheet, grade } of isSet(values, "json") ? [] : sheets)
    console.log(
      `  ${id}  ${formatIso(startedUs).slice(0, 16)}  ${grade === undefined ? "open      " : grade.passed ? "passed    " : "not passed"}  ${sheet.subject}`,
    );
  return 0;
}

const byEnding: Readonly<Record<string, Language>> = { ".ts": "typescript", ".mts": "typescript", ".js": "javascript", ".mjs": "javascript", ".py": "python" };

async function answer(id: string | undefined, given: string | undefined, values: FlagValues): Promise<number> {
  if (id === undefined) return refuse("answer", "needs the id of what is answered", id);
  const file = given ?? `${id}.answers.json`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(readText(file));
  } catch (error) {
    if (error instanceof KarkhanaError) throw error;
    return refuse("file", "is not JSON", file);
  }
  const { code: codeFile, ...answers } = parseAnswers(parsed);
  const language = typeof codeFile === "string" ? byEnding[extname(codeFile)] : undefined;
  if (typeof codeFile === "string" && codeFile !== "" && language === undefined) return refuse("code", "expected a file ending in .ts, .js or .py", codeFile);
  const code = typeof codeFile === "string" && language !== undefined ? { language, source: readText(codeFile) } : undefined;
  const { sheet, entry } = await withDesk(values, false, (desk) => desk.answer(id, answers, code));
  if (isSet(values, "json")) console.log(JSON.stringify({ grade: sheet.grade, entry: entry.hash }));
  else if (sheet.grade !== undefined) console.log(gradeText(sheet.grade, entry.body));
  return sheet.grade?.passed === true ? 0 : 1;
}

/** `path incident draft`: what the log holds to write about, as a report with its times left to be read off; `path incident file <report>`. */
export async function runIncident([verb = "draft", file]: readonly string[], values: FlagValues): Promise<number> {
  if (verb === "file") {
    if (file === undefined) return refuse("path incident file", "needs the report's file", file);
    let report: unknown;
    try {
      report = JSON.parse(readText(file));
    } catch (error) {
      if (error instanceof KarkhanaError) throw error;
      return refuse("file", "is not JSON", file);
    }
    const entry = await withDesk(values, false, (desk) => desk.fileIncident(report));
    console.log(`Filed as entry ${entry.body.sequence}: its times agree with the event log.`);
    return 0;
  }
  if (verb !== "draft") return refuse("path incident", "expected draft or file", verb);
  const log = eventLog(await withDesk(values, false, (desk) => desk.records()));
  const first = log.findLast(({ alert }) => alert !== undefined);
  if (first === undefined) {
    console.log("No alert is on record, so there is no incident to write about yet. karkhana run, on history that drifts, raises one.");
    return 1;
  }
  console.error("Event log:");
  for (const { atUs, text: line } of log.slice(-40)) console.error(`  ${formatIso(atUs)}  ${line}`);
  console.error("\nRead began, detected and mitigated off this log, fill in the rest, then: karkhana path incident file <report>\n");
  console.log(
    JSON.stringify(
      { model: first.model, alert: first.alert, began: "", detected: "", mitigated: "", cause: causes.join(" | "), happened: "", done: "", changed: [""] },
      null,
      2,
    ),
  );
  return 0;
}

/** `path attest <id> --by <name> --says <text>` */
export async function runAttest(subject: string | undefined, values: FlagValues): Promise<number> {
  if (subject === undefined) {
    const { attestable } = await import("../path/desk.ts");
    for (const [id, what] of attestable) console.log(`  ${id.padEnd(36)} ${what}`);
    return 0;
  }
  const entry = await withDesk(values, false, (desk) => desk.attest(subject, text(values, "by"), text(values, "says")));
  console.log(`Entry ${entry.body.sequence}: kept as the word of ${optionalText(values, "by")}, which no machine checked.`);
  return 0;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return refuse("file", "cannot be read", file);
  }
}

function writeNew(file: string, content: string): void {
  try {
    writeFileSync(file, content, { flag: "wx" });
  } catch (error) {
    refuse("file", existsSync(file) ? "is there already, and is not overwritten" : error instanceof Error ? error.message : "cannot be written", file);
  }
}
