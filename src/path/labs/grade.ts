import { randomBytes } from "node:crypto";
import { KarkhanaError } from "../../kernel/error.ts";
import { sha256 } from "../../kernel/hashing.ts";
import { seededRng } from "../../kernel/rng.ts";
import { findLauncher, guardsInForce, runtimeOf } from "./guards.ts";
import { judgeCase } from "./judge.ts";
import { defaultLimits, labId, maxSourceBytes, scaleOf, type Lab, type Language } from "./lab.ts";
import { runLearner } from "./learner.ts";
import type { CaseVerdict, Outcome, Verdict } from "./verdict.ts";

export interface GradeRequest {
  readonly lab: Lab;
  readonly language: Language;
  readonly source: string;
  /** To replay a grading: same lab version, language and seed give the same cases. Without it a fresh one is drawn, which is what proves something. */
  readonly seed?: string | undefined;
}

/** Milliseconds that never go backwards. */
export type Stopwatch = () => number;

/**
 * Grades a solution in a process of its own.
 * @throws INVALID_ARGUMENT for a source or seed that is too long; LAB_RUNNER_MISSING when this machine has no interpreter for the language
 */
export async function grade(request: GradeRequest, stopwatch: Stopwatch): Promise<Verdict> {
  const { lab, language, source, seed = randomBytes(8).toString("hex") } = request;
  if (Buffer.byteLength(source, "utf8") > maxSourceBytes)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "source", problem: `may hold at most ${maxSourceBytes} bytes`, value: `${source.length} characters` });
  if (seed === "" || seed.length > 64)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "seed", problem: "must have 1 to 64 characters", value: seed.slice(0, 80) });
  const runtime = runtimeOf(language);
  const launcher = await findLauncher(runtime);
  if (launcher === undefined) throw new KarkhanaError("LAB_RUNNER_MISSING", { language, program: runtime === "python" ? "python3 (3.8 or newer)" : "node" });
  const limits = { ...defaultLimits, ...lab.limits };
  const startedMs = stopwatch();
  const items = lab.cases(seededRng(seed, labId(lab)), scaleOf(language));
  const session = await runLearner(lab, language, source, items, launcher, limits, stopwatch);
  const cases = items.map((item, i) => judgeCase(item, session.replies[i]));
  const { outcome, message } = conclude(cases, session.stopped);
  return {
    format: 1,
    lab: labId(lab),
    labVersion: lab.version,
    language,
    scale: scaleOf(language),
    passed: outcome === "passed",
    outcome,
    message,
    seed,
    seedOrigin: request.seed === undefined ? "fresh" : "given",
    sourceHash: sha256(source),
    cases,
    guards: guardsInForce(launcher, runtime),
    limits,
    output: session.output,
    durationMs: Math.round(stopwatch() - startedMs),
    peakMemoryBytes: session.peakMemoryBytes,
    runner: launcher.runner,
  };
}

function conclude(
  cases: readonly CaseVerdict[],
  stopped: { readonly outcome: Outcome; readonly message: string } | undefined,
): { outcome: Outcome; message: string } {
  const failed = cases.filter(({ status }) => status === "failed");
  if (stopped !== undefined) {
    const at = cases.find(({ status }) => status === "not-run")?.name;
    const asked = cases.some(({ status }) => status !== "not-run");
    return { outcome: stopped.outcome, message: `${stopped.message}${at !== undefined && asked ? ` The case it was on: ${at}.` : ""}` };
  }
  const [first] = failed;
  if (first === undefined) return { outcome: "passed", message: `Right in all ${cases.length} cases.` };
  return {
    outcome: "wrong",
    message: `${failed.length} of ${cases.length} cases ${failed.length === 1 ? "is" : "are"} wrong. ${first.name}: ${first.message}`,
  };
}
