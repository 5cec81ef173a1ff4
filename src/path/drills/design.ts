import { seededRng } from "../../kernel/rng.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { designCases } from "./design-cases.ts";
import { designSections, type DesignCase, type Params } from "./design-case.ts";
import { numberAnswer, shown, textAnswer, words, type Answers, type Grade, type Mark, type Question, type Sheet } from "./sheet.ts";

const designVersion = 1;
const designTolerance = 0.1;
const passScore = 0.8;
const minWords = 20;

export interface DesignTruth {
  readonly caseId: string;
  readonly params: Params;
}

/** @throws INVALID_ARGUMENT naming the cases */
function designCase(id: string): DesignCase {
  const found = designCases.find((one) => one.id === id || one.id === `design-${id}`);
  if (found === undefined)
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: "case",
      problem: `expected one of ${designCases.map((c) => c.id.slice(7)).join(", ")}`,
      value: id.slice(0, 60),
    });
  return found;
}

export function createDesign(id: string, seed: string, minutes: number | null = null): { sheet: Sheet; truth: DesignTruth } {
  const one = designCase(id);
  const params = one.params(seededRng(seed, one.id));
  const sections = designSections.map(([title, text], section) => ({
    title: `${section + 1}. ${title[0]!.toUpperCase()}${title.slice(1)}`,
    text,
    questions: [
      { id: `text-${section}`, kind: "text", prompt: "In your own words", minWords },
      ...one.steps.filter((step) => step.section === section).map((step) => ({ id: step.id, kind: "number" as const, prompt: step.prompt, unit: step.unit })),
    ] satisfies Question[],
  }));
  const sheet: Sheet = {
    kind: "design",
    subject: one.id,
    version: designVersion,
    title: one.title,
    intro: [
      one.story(params),
      `Eight sections in the order a design round wants them. The numbers are graded within ${designTolerance * 100} %, each from your own earlier numbers, so one slip counts once. Your words are kept and not judged: only that each section has ${minWords}.`,
    ],
    minutes,
    facts: one.told.map(([key, name, unit]) => ({ name, value: `${shown(params[key]!)}${unit === "" ? "" : ` ${unit}`}` })),
    signals: [],
    log: [],
    sections,
  };
  return { sheet, truth: { caseId: one.id, params } };
}

export function gradeDesign(sheet: Sheet, { caseId, params }: DesignTruth, answers: Answers): Grade {
  const one = designCase(caseId);
  const carried: Record<string, number> = {};
  const marks: Mark[] = [];
  for (const { id, prompt, unit, chain, value } of one.steps) {
    const given = numberAnswer(answers, id);
    const expected = value(params, carried);
    const right = Number.isFinite(given) && Math.abs(given - expected) <= designTolerance * Math.abs(expected);
    // What follows is held against the person's own number where it can be worked with: one slip is punished once.
    carried[id] = Number.isFinite(given) && given !== 0 && Math.sign(given) === Math.sign(expected) ? given : expected;
    const own = Object.entries(carried).some(([before, used]) => before !== id && used !== value0(one, params, before));
    marks.push({
      questionId: id,
      prompt,
      right,
      given: Number.isNaN(given) ? textAnswer(answers, id) || "nothing" : `${shown(given)} ${unit}`,
      expected: `${shown(expected)} ${unit}`,
      why: `${chain}${own ? ", from your earlier numbers" : ""}`,
      points: right ? 1 : 0,
      of: 1,
    });
  }
  const empty = designSections.flatMap(([title], i) => (words(textAnswer(answers, `text-${i}`)) < minWords ? [title] : []));
  const score = marks.reduce((sum, { points }) => sum + points, 0) / marks.length;
  const passed = score >= passScore && empty.length === 0;
  return {
    score,
    passed,
    says:
      empty.length > 0
        ? `${(score * 100).toFixed(0)} % of the numbers; no answer in words yet under ${empty.join(", ")}.`
        : passed
          ? `${(score * 100).toFixed(0)} % of the numbers, all eight sections written.`
          : `${(score * 100).toFixed(0)} % of the numbers; ${passScore * 100} % are needed.`,
    marks,
    reveals: [],
    record: {
      caseId,
      numbers: marks.length,
      right: marks.filter(({ right }) => right).length,
      sections: designSections.length - empty.length,
      sheet: sheet.title,
    },
  };
}

/** The right value of a step, nobody's slips carried. */
function value0(one: DesignCase, params: Params, id: string): number {
  const got: Record<string, number> = {};
  for (const step of one.steps) {
    got[step.id] = step.value(params, got);
    if (step.id === id) return got[step.id]!;
  }
  return Number.NaN;
}

/** Every right number of a case: for the tests, and for whoever checks the checker. */
export function designSolution({ caseId, params }: DesignTruth): Params {
  const one = designCase(caseId);
  const got: Record<string, number> = {};
  for (const step of one.steps) got[step.id] = step.value(params, got);
  return got;
}
