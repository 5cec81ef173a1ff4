import { WrongAnswer, type Finding, type LabCase } from "./lab.ts";
import type { Reply } from "./learner.ts";
import { preview } from "./values.ts";
import type { CaseVerdict } from "./verdict.ts";

/** The verdict on one case. A check that fails on a strange answer is a failed case, never an error of ours. */
export function judgeCase(item: LabCase, reply: Reply | undefined): CaseVerdict {
  const base = { name: item.name, inputs: "", expected: null, got: null, tolerance: null, difference: null };
  const failed = { ...base, status: "failed" as const };
  if (reply === undefined) return { ...base, status: "not-run", message: "The solution was stopped before its answer." };
  if (item.mustThrow !== undefined) {
    const before = reply.kind === "thrown" ? check(item, undefined) : undefined;
    if (before !== undefined) return { ...failed, inputs: inputsOf(item), expected: before.expected, got: before.got, message: before.message };
    if (reply.kind === "thrown") return { ...base, status: "passed", message: "" };
    return {
      ...base,
      status: "failed",
      expected: `an error: ${item.mustThrow}`,
      got: preview(reply.value),
      message: `This input must be refused by throwing an error: ${item.mustThrow}.`,
    };
  }
  if (reply.kind === "thrown") return { ...failed, inputs: inputsOf(item), message: `The solution threw ${reply.message.slice(0, 600)}` };
  const finding = check(item, reply.value);
  if (finding === undefined) return { ...base, status: "passed", message: "" };
  const { difference } = finding;
  return {
    ...failed,
    inputs: inputsOf(item),
    expected: finding.expected,
    got: finding.got,
    tolerance: finding.tolerance ?? null,
    difference: difference === undefined ? null : Number.isFinite(difference) ? difference : String(difference),
    message: finding.message,
  };
}

function check(item: LabCase, answer: unknown): Finding | undefined {
  try {
    return item.check(answer);
  } catch (error) {
    if (error instanceof WrongAnswer) return error.finding;
    const problem = error instanceof Error ? error.message : String(error);
    return { expected: "an answer of the stated shape", got: preview(answer), message: `The answer does not have the stated shape (${problem}).` };
  }
}

function inputsOf(item: LabCase): string {
  return item.args.map((arg) => preview(arg, 240)).join("\n");
}
