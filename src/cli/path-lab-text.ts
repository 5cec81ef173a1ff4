import type { Lab } from "../path/labs/lab.ts";
import type { CaseVerdict, Verdict } from "../path/labs/verdict.ts";

const mostDetailed = 3;

/** A verdict for the terminal: which case, what was expected, what came, and how to see it again. */
export function verdictText(lab: Lab, verdict: Verdict, file: string): string {
  const lines = [`Lab ${lab.number}, ${lab.title}: ${verdict.passed ? "passed" : "not passed"}`, `  ${verdict.message}`, ""];
  let detailed = 0;
  for (const item of verdict.cases) lines.push(...caseLines(item, item.status !== "failed" || detailed++ < mostDetailed));
  if (detailed > mostDetailed) lines.push(`  (details of the first ${mostDetailed} only; --json has all)`);
  if (verdict.output.trim() !== "") lines.push("", "  printed by the solution:", ...indent(verdict.output.trimEnd(), 4).slice(0, 20));
  const memory = verdict.peakMemoryBytes === null ? "" : `, at most ${Math.round(verdict.peakMemoryBytes / 1e6)} MB`;
  lines.push("", `  ${verdict.runner}, ${verdict.durationMs} ms of ${verdict.limits.timeMs}${memory} of ${verdict.limits.memoryMb}`);
  const open = verdict.guards.filter(({ inForce }) => !inForce);
  lines.push(
    `  guards in force: ${verdict.guards
      .filter(({ inForce }) => inForce)
      .map(({ id }) => id)
      .join(", ")}`,
  );
  for (const { id, by } of open) lines.push(`  not in force: ${id} (${by})`);
  lines.push(`  the same cases again: karkhana path lab run ${lab.number} ${file} --seed ${verdict.seed}`);
  return lines.join("\n");
}

function caseLines(item: CaseVerdict, detailed: boolean): string[] {
  if (item.status === "passed") return [`  ok      ${item.name}`];
  if (item.status === "not-run") return [`  not run ${item.name}`];
  if (!detailed) return [`  WRONG   ${item.name}`];
  const lines = [`  WRONG   ${item.name}`, `          ${item.message}`];
  if (item.expected !== null) lines.push(...indent(`expected: ${item.expected}`, 10));
  if (item.got !== null) lines.push(...indent(`got:      ${item.got}`, 10));
  if (item.difference !== null) lines.push(`          off by ${shortNumber(item.difference)}${item.tolerance === null ? "" : `, allowed ${item.tolerance}`}`);
  lines.push(...indent(`inputs:   ${item.inputs.replaceAll("\n", "\n          ")}`, 10));
  return lines;
}

function shortNumber(value: number | string): string {
  return typeof value === "number" ? String(Number(value.toPrecision(3))) : value;
}

/** Text of a solution may hold anything: control characters do not reach the terminal. */
function indent(text: string, width: number): string[] {
  // oxlint-disable-next-line no-control-regex
  const plain = text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "�");
  return plain.split("\n").map((line) => " ".repeat(width) + line);
}
