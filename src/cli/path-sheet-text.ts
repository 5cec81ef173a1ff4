import type { Answers, Grade, Question, Signal, StoredSheet } from "../path/drills/sheet.ts";

const blocks = "▁▂▃▄▅▆▇█";

/** A sheet as it is read in a terminal. */
export function sheetText({ id, sheet }: StoredSheet): string {
  const lines = [
    `${sheet.title}  (${id}${sheet.minutes === null ? "" : `, ${sheet.minutes} minutes from now`})`,
    "",
    ...sheet.intro.flatMap((text) => [text, ""]),
  ];
  if (sheet.facts.length > 0) lines.push(...aligned(sheet.facts.map(({ name, value }) => [name, value])), "");
  if (sheet.signals.length > 0) {
    const width = Math.max(...sheet.signals.map(({ title }) => title.length));
    lines.push("One value a day; ! marks a day over its limit.", "");
    for (const signal of sheet.signals) lines.push(`  ${signal.title.padEnd(width)}  ${spark(signal)}  ${signal.id}`, `  ${"".padEnd(width)}  ${over(signal)}`);
    lines.push("", "Operations log:", ...sheet.log.map(({ window, text }) => `  day ${String(window).padStart(2)}  ${text}`), "");
  }
  if (sheet.lab !== undefined) lines.push(`karkhana path lab show ${sheet.lab} prints the task; put your solution's path under "code".`, "");
  for (const { title, text, questions } of sheet.sections) {
    lines.push(title, ...(text === "" ? [] : [text]));
    for (const question of questions) lines.push(...questionLines(question));
    lines.push("");
  }
  return lines.join("\n");
}

function questionLines(question: Question): string[] {
  const head = `  ${question.id}: ${question.prompt}${question.kind === "number" && question.unit !== "" ? ` [${question.unit}]` : ""}${question.kind === "text" ? ` [${question.minWords} words or more]` : ""}`;
  const note = question.note === undefined ? [] : [`      ${question.note}`];
  if (question.kind !== "choice" && question.kind !== "choices") return [head, ...note];
  return [`${head} [${question.kind === "choice" ? "one" : "any"} of]`, ...note, ...question.options.map(({ id, text }) => `      ${id.padEnd(22)} ${text}`)];
}

function spark({ values }: Signal): string {
  const known = values.filter((value) => value !== null);
  const high = Math.max(...known, 1e-12);
  return values.map((value) => (value === null ? " " : blocks[Math.min(7, Math.floor((value / high) * 7.999))]!)).join("");
}

function over({ values, limits }: Signal): string {
  return values.map((value, i) => (value !== null && limits[i] != null && value > limits[i] ? "!" : " ")).join("");
}

/** An answers file to fill in: every question with nothing in it. */
export function answersSkeleton({ sheet }: StoredSheet): string {
  const empty: Record<string, string | readonly string[]> = sheet.lab === undefined ? {} : { code: "" };
  for (const { questions } of sheet.sections) for (const { id, kind } of questions) empty[id] = kind === "choices" ? [] : "";
  return `${JSON.stringify(empty, null, 2)}\n`;
}

/** Texts, numbers and lists of texts; anything else is left out and counts as no answer. */
export function parseAnswers(value: unknown): Answers {
  const answers: Record<string, string | readonly string[]> = {};
  if (typeof value !== "object" || value === null) return answers;
  for (const [id, given] of Object.entries(value)) {
    if (typeof given === "string") answers[id] = given;
    else if (typeof given === "number") answers[id] = String(given);
    else if (Array.isArray(given)) answers[id] = given.map(String);
  }
  return answers;
}

export function gradeText(grade: Grade, entry: { readonly sequence: number } | undefined): string {
  const lines = [`${grade.passed ? "passed" : "not passed"}, ${Math.round(grade.score * 100)} %: ${grade.says}`, ""];
  for (const { right, prompt, given, expected, why } of grade.marks) {
    lines.push(`  ${right ? "[x]" : "[ ]"} ${prompt}`, `        yours: ${given}`);
    if (!right) lines.push(`        right: ${expected}`);
    if (why !== "") lines.push(`        ${why}`);
  }
  lines.push("", ...grade.reveals);
  if (entry !== undefined) lines.push("", `Kept as evidence, entry ${entry.sequence}.`);
  return lines.join("\n");
}

function aligned(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}
