/** Grades one solution: the oracle's work is heavy too, so it is done here and not in the process that answers requests. */
import { toErrorRecord } from "../kernel/error.ts";
import { findLab } from "../path/labs/catalogue.ts";
import { grade } from "../path/labs/grade.ts";
import type { GradingAnswer, GradingQuestion } from "./grade-elsewhere.ts";
import { stopwatch } from "./system.ts";

process.once("message", (question: GradingQuestion) => {
  const answer = (given: GradingAnswer): void => void process.send?.(given, () => process.disconnect());
  grade({ lab: findLab(String(question.lab)), language: question.language, source: question.source }, stopwatch).then(
    (verdict) => answer({ kind: "verdict", verdict }),
    (error: unknown) => answer({ kind: "refused", error: toErrorRecord(error) }),
  );
});
