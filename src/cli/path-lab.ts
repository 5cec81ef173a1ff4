import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { extname } from "node:path";
import { codeOf, KarkhanaError } from "../kernel/error.ts";
import { roadmap } from "../path/content/roadmap.ts";
import { describeLab, findLab, labs } from "../path/labs/catalogue.ts";
import { grade } from "../path/labs/grade.ts";
import { entryName, labId, languages, type Lab, type Language } from "../path/labs/lab.ts";
import type { EvidenceEntry } from "../path/evidence/entry.ts";
import { verdictHash, type Verdict } from "../path/labs/verdict.ts";
import { stopwatch } from "../server/system.ts";
import { isSet, optionalText, type Flags, type FlagValues } from "./arguments.ts";
import { withDesk } from "./path-desk.ts";
import { verdictText } from "./path-lab-text.ts";

const endings: Readonly<Record<Language, string>> = { typescript: ".ts", javascript: ".js", python: ".py" };
const byEnding: Readonly<Record<string, Language>> = { ".ts": "typescript", ".mts": "typescript", ".js": "javascript", ".mjs": "javascript", ".py": "python" };

export const labFlags: Flags = {
  language: { type: "string", value: "name", help: `For a lab: ${languages.join(", ")}; by default what the file's ending says, or typescript` },
  seed: { type: "string", value: "text", help: "For path lab run: the seed of an earlier grading, to get its cases again" },
};

/** `karkhana path lab list | show N | start N | run N [file]`. @returns 0, or 1 when a solution did not pass */
export async function runLabCommand([what = "list", name, file]: readonly string[], values: FlagValues): Promise<number> {
  const json = isSet(values, "json");
  if (what === "list") return list(json);
  if (!["show", "start", "run"].includes(what))
    throw new KarkhanaError("INVALID_CONFIG", { field: "path lab", problem: "expected list, show, start or run", value: what });
  if (name === undefined) throw new KarkhanaError("INVALID_CONFIG", { field: `path lab ${what}`, problem: "needs the lab's number", value: "nothing" });
  const lab = findLab(name);
  if (what === "show") return show(lab, json);
  if (what === "start") return start(lab, languageOf(values, file) ?? "typescript", file);
  return await run(lab, values, file, json);
}

function list(json: boolean): number {
  if (json) {
    console.log(JSON.stringify({ labs: labs.map(describeLab) }));
    return 0;
  }
  for (const block of roadmap.stages.flatMap(({ blocks }) => blocks)) {
    const here = labs.filter(({ blockId }) => blockId === block.id);
    if (here.length === 0) continue;
    console.log(`Weeks ${block.fromWeek}-${block.toWeek}, ${block.title}`);
    for (const { number, title, minutes } of here) console.log(`  ${String(number).padStart(2)}  ${title} (about ${minutes} minutes)`);
  }
  console.log("\nkarkhana path lab show <number> prints the task, start <number> writes a file to begin with, run <number> grades it.");
  return 0;
}

function show(lab: Lab, json: boolean): number {
  const description = describeLab(lab);
  if (json) console.log(JSON.stringify(description));
  else {
    const { timeMs, memoryMb } = description.limits;
    console.log(`Lab ${lab.number}: ${lab.title}\n\n${lab.statement}\n`);
    console.log(`Function: ${lab.entry.typescript} (TypeScript, JavaScript), ${lab.entry.python} (Python). Limits: ${timeMs} ms, ${memoryMb} MB.`);
    console.log(`Begin: karkhana path lab start ${lab.number} --language python`);
  }
  return 0;
}

function start(lab: Lab, language: Language, file: string | undefined): number {
  const path = file ?? defaultFile(lab, language);
  try {
    writeFileSync(path, language === "python" ? lab.starter.python : lab.starter.typescript, { flag: "wx" });
  } catch (error) {
    const problem = existsSync(path) ? "is there already, and work is not overwritten" : error instanceof Error ? error.message : "cannot be written";
    throw new KarkhanaError("INVALID_CONFIG", { field: "file", problem, value: path });
  }
  console.log(`${path} is written: fill in ${entryName(lab, language)}.\nGrade it: karkhana path lab run ${lab.number} ${path}`);
  return 0;
}

async function run(lab: Lab, values: FlagValues, given: string | undefined, json: boolean): Promise<number> {
  const file = given ?? languages.map((language) => defaultFile(lab, language)).find((path) => existsSync(path)) ?? defaultFile(lab, "typescript");
  const language = languageOf(values, file);
  if (language === undefined)
    throw new KarkhanaError("INVALID_CONFIG", { field: "file", problem: "has an ending that names no language; say it with --language", value: file });
  let source: string;
  try {
    source = readFileSync(file, "utf8");
  } catch {
    throw new KarkhanaError("INVALID_CONFIG", {
      field: "file",
      problem: `cannot be read; karkhana path lab start ${lab.number} writes one to begin with`,
      value: file,
    });
  }
  const verdict = await grade({ lab, language, source, seed: optionalText(values, "seed") }, stopwatch);
  const kept = verdict.passed && verdict.seedOrigin === "fresh" ? await keep(values, verdict) : undefined;
  if (json) console.log(JSON.stringify({ verdict, hash: verdictHash(verdict), kept: kept?.map(({ hash }) => hash) ?? [] }));
  else console.log(verdictText(lab, verdict, file));
  if (!json && kept !== undefined)
    console.log(
      kept.length === 0
        ? "On the chain already."
        : `Kept as evidence: ${kept.map(({ body }) => `${body.kind} ${body.subject} (entry ${body.sequence})`).join(", ")}.`,
    );
  return verdict.passed ? 0 : 1;
}

/** Puts a pass on the chain of the project the flags name; without one, says where it would be kept. */
async function keep(values: FlagValues, verdict: Verdict): Promise<EvidenceEntry[] | undefined> {
  try {
    return await withDesk(values, true, (desk) => desk.recordVerdict(verdict));
  } catch (error) {
    if (codeOf(error) !== "PROJECT_NOT_FOUND") throw error;
    console.error("Not kept as evidence: there is no project in this folder. In a project's folder, or with --project, a pass is kept.");
    return undefined;
  }
}

function defaultFile(lab: Lab, language: Language): string {
  return `${labId(lab)}${endings[language]}`;
}

function languageOf(values: FlagValues, file: string | undefined): Language | undefined {
  const named = optionalText(values, "language");
  if (named === undefined) return file === undefined ? undefined : byEnding[extname(file)];
  const known = languages.find((language) => language === named);
  if (known === undefined) throw new KarkhanaError("INVALID_CONFIG", { field: "--language", problem: `expected one of ${languages.join(", ")}`, value: named });
  return known;
}
