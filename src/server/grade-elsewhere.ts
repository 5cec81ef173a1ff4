import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { fromErrorRecord, KarkhanaError, type ErrorRecord } from "../kernel/error.ts";
import type { LabGrader } from "../path/desk.ts";
import type { Language } from "../path/labs/lab.ts";
import type { Verdict } from "../path/labs/verdict.ts";

export interface GradingQuestion {
  readonly lab: number;
  readonly language: Language;
  readonly source: string;
}

export type GradingAnswer = { readonly kind: "verdict"; readonly verdict: Verdict } | { readonly kind: "refused"; readonly error: ErrorRecord };

/** Longer than any lab's own limits and its oracle: whatever takes longer is stuck. */
const patienceMs = 120_000;

/**
 * Grades in a process of its own, one solution at a time: a second one is refused with GRADING_BUSY, not queued, since whoever sent it is
 * looking at the page.
 */
export function gradeElsewhere(): LabGrader {
  let isBusy = false;
  return async ({ lab, language, source }) => {
    if (isBusy) throw new KarkhanaError("GRADING_BUSY");
    isBusy = true;
    try {
      return await gradeInProcess({ lab, language, source });
    } finally {
      isBusy = false;
    }
  };
}

function gradeInProcess(question: GradingQuestion): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const script = fileURLToPath(new URL(`./grade-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
    // No flags of this process, and of its environment only what finds programs: it may hold database passwords.
    const child = fork(script, [], { execArgv: ["--no-warnings"], env: { PATH: process.env["PATH"] }, stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const patience = setTimeout(() => void child.kill("SIGKILL"), patienceMs);
    child.once("message", (answer: GradingAnswer) => (answer.kind === "verdict" ? resolve(answer.verdict) : reject(fromErrorRecord(answer.error))));
    child.once("error", reject);
    child.once("exit", () => {
      clearTimeout(patience);
      reject(new KarkhanaError("INTERNAL", { problem: "the process that grades ended without a verdict" }));
    });
    child.send(question);
  });
}
