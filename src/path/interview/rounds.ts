import { seededRng } from "../../kernel/rng.ts";
import { formatIso, MICROS_PER_HOUR, MICROS_PER_MINUTE } from "../../kernel/time.ts";
import { createDesign, gradeDesign, type DesignTruth } from "../drills/design.ts";
import { designCases } from "../drills/design-cases.ts";
import { causes } from "../drills/incident.ts";
import { numberAnswer, chosen, shown, textAnswer, words, type Answers, type Grade, type Mark, type Question, type Sheet } from "../drills/sheet.ts";
import type { EvidenceEntry } from "../evidence/entry.ts";
import type { PathRecords } from "../exits/records.ts";
import { algorithmLabs } from "../exits/shown-work.ts";
import { matchReport, parseIncidentReport } from "../incident-report.ts";

/* Rounds 1, 3, 4 and 5. Round 2 is in fundamentals.ts. */

const roundsVersion = 1;
const minWords = 15;

const base = { kind: "interview", version: roundsVersion, facts: [], signals: [], log: [] } as const;
const text = (id: string, prompt: string, least = minWords): Question => ({ id, kind: "text", prompt, minWords: least });

/** Round 1. @returns undefined if this program has no lab of the kind */
export function createCoding(
  seed: string,
  labs: readonly number[],
  minutesOf: (lab: number) => number,
): { sheet: Sheet; truth: { readonly lab: number } } | undefined {
  const there = algorithmLabs.filter((n) => labs.includes(n));
  const lab = there[seededRng(seed, "coding").int(Math.max(1, there.length))];
  if (lab === undefined) return undefined;
  const minutes = Math.min(60, Math.max(45, minutesOf(lab)));
  return {
    sheet: {
      ...base,
      subject: "round-1-coding",
      title: "Round 1: coding",
      intro: [
        `Lab ${lab} against hidden cases made fresh for you. ${minutes} minutes, one submission: run it on your own cases first. Then say what it costs and where such a thing sits in a machine-learning system.`,
      ],
      minutes,
      lab,
      sections: [
        {
          title: "After the code",
          text: "",
          questions: [
            text("cost", "Its cost in time and memory, and in which quantity"),
            text("tie-in", "Where does a machine-learning system do this, and what goes wrong there at scale?"),
          ],
        },
      ],
    },
    truth: { lab },
  };
}

export function gradeCoding(sheet: Sheet, verdict: { readonly passed: boolean; readonly message: string } | undefined, answers: Answers): Grade {
  const marks: Mark[] = [
    {
      questionId: "code",
      prompt: `Lab ${sheet.lab ?? ""}`,
      right: verdict?.passed === true,
      given: verdict === undefined ? "nothing" : "a solution",
      expected: "every hidden case",
      why: verdict?.message ?? "",
      points: verdict?.passed === true ? 8 : 0,
      of: 8,
    },
    ...written(sheet, answers),
  ];
  return conclude(marks, verdict?.passed === true && marks.every(({ right }) => right), { lab: sheet.lab ?? 0 });
}

/** Round 3: a design drill against the clock. */
export function createDesignRound(seed: string): { sheet: Sheet; truth: DesignTruth } {
  const one = designCases[seededRng(seed, "round-3").int(designCases.length)]!;
  const { sheet, truth } = createDesign(one.id, seed, 45);
  return { sheet: { ...sheet, kind: "interview", subject: "round-3-design", title: `Round 3: ${sheet.title.toLowerCase()}` }, truth };
}

export const gradeDesignRound: (sheet: Sheet, truth: DesignTruth, answers: Answers) => Grade = gradeDesign;

const paperParts = [
  ["problem", "The problem it solves"],
  ["insight", "The one insight"],
  ["validation", "How they validated it, and what you would not believe yet"],
  ["limits", "Where it stops working"],
  ["next", "What you would try next"],
] as const;
const numClaims = 3;

/** Round 4. No machine can judge what is written: it checks that all is there, and the record is the person's word. */
export function createPapers(): { sheet: Sheet; truth: Record<string, never> } {
  return {
    sheet: {
      ...base,
      subject: "round-4-research",
      title: "Round 4: depth and research",
      intro: [
        "Two papers of your specialisation that you implemented. For each, three figures the paper claims, what you got, and why they differ. The program checks that everything is there; what it says about you is your word.",
      ],
      minutes: 60,
      sections: [1, 2].map((paper) => ({
        title: `Paper ${paper}`,
        text: "",
        questions: [
          text(`p${paper}-citation`, "Authors, title, year, and where your implementation is", 3),
          ...paperParts.map(([id, prompt]) => text(`p${paper}-${id}`, prompt)),
          ...Array.from({ length: numClaims }, (_, i): Question[] => [
            { id: `p${paper}-reported-${i}`, kind: "number", prompt: `Claim ${i + 1}: the figure reported`, unit: "" },
            { id: `p${paper}-reproduced-${i}`, kind: "number", prompt: `Claim ${i + 1}: the figure you got`, unit: "" },
            text(`p${paper}-gap-${i}`, `Claim ${i + 1}: which figure it is, and what explains the gap`, 5),
          ]).flat(),
        ],
      })),
    },
    truth: {},
  };
}

export function gradePapers(sheet: Sheet, answers: Answers): Grade {
  const numbers: Mark[] = sheet.sections
    .flatMap(({ questions }) => questions)
    .flatMap((question) => {
      if (question.kind !== "number") return [];
      const given = numberAnswer(answers, question.id);
      const right = Number.isFinite(given);
      return [
        {
          questionId: question.id,
          prompt: question.prompt,
          right,
          given: textAnswer(answers, question.id) || "nothing",
          expected: "a number",
          why: "",
          points: right ? 1 : 0,
          of: 1,
        },
      ];
    });
  const marks = [...written(sheet, answers), ...numbers];
  return conclude(
    marks,
    marks.every(({ right }) => right),
    { papers: 2, judged: false },
  );
}

export interface StoryTruth {
  readonly items: readonly { readonly id: string; readonly expected: number | string; readonly slack: number; readonly why: string }[];
  readonly entry: string;
}

/** Round 5: the failure story, out of the person's own incident record. @returns what is missing where there is none */
export function createStory(records: PathRecords): { sheet: Sheet; truth: StoryTruth } | { readonly missing: string } {
  const told = records.evidence.filter(({ body }) => body.kind === "incident-report").toReversed();
  const story = told.map((entry) => storyOf(entry, records)).find((s) => s !== undefined);
  return (
    story ?? {
      missing:
        "Round 5 asks about a failure of your own model, and no incident report on record agrees with the event log. `karkhana path incident draft` begins one.",
    }
  );
}

function storyOf(entry: EvidenceEntry, records: PathRecords): { sheet: Sheet; truth: StoryTruth } | undefined {
  const { beganUs, detectedUs, mitigatedUs, ...rest } = entry.body.content;
  const at = (us: unknown): string => formatIso(Number(us));
  const report = parseIncidentReport({ ...rest, began: at(beganUs), detected: at(detectedUs), mitigated: at(mitigatedUs) });
  const match = matchReport(report, records);
  const model = records.models.find((m) => m.model === report.model);
  const alert = model?.alerts.find(({ id }) => id === report.alert);
  if (match.problems.length > 0 || model === undefined || alert === undefined) return undefined;
  const hours = (from: number, to: number): number => (to - from) / MICROS_PER_HOUR;
  const version = model.versions.find((v) => v.version === alert.version);
  const proofs = version?.proofs.filter(({ passed }) => passed).length ?? 0;
  const waived = Object.keys(version?.waivers ?? {}).length;
  const items: StoryTruth["items"] = [
    {
      id: "to-detect",
      expected: hours(alert.sinceUs, alert.raisedUs),
      slack: 0.1,
      why: `the alert began ${formatIso(alert.sinceUs)} and was raised ${formatIso(alert.raisedUs)}`,
    },
    {
      id: "to-mitigate",
      expected: hours(report.detectedUs, report.mitigatedUs),
      slack: 0.1,
      why: `raised ${at(report.detectedUs)}, mended ${at(report.mitigatedUs)}`,
    },
    { id: "cause", expected: report.cause, slack: 0, why: "your own report" },
    { id: "proofs", expected: proofs, slack: 0, why: `version ${alert.version} had ${proofs} passed proofs and ${waived} waived ones` },
  ];
  return {
    sheet: {
      ...base,
      subject: "round-5-manager",
      title: "Round 5: a model of yours that failed",
      intro: [
        `Your incident of ${formatIso(alert.raisedUs).slice(0, 10)}: ${alert.summary}. Tell it without looking it up: the figures are held against the event log. 30 minutes.`,
      ],
      minutes: 30,
      facts: [
        { name: "Model", value: `${model.model} v${alert.version}` },
        { name: "Alert", value: alert.id },
      ],
      log: [],
      sections: [
        {
          title: "What happened, with times",
          text: "",
          questions: [
            { id: "to-detect", kind: "number", prompt: "How long from the first bad window until the alert?", unit: "hours" },
            { id: "to-mitigate", kind: "number", prompt: "How long from the alert until a sound version answered?", unit: "hours" },
            text("story", "Tell it to somebody who was not there", 40),
          ],
        },
        {
          title: "The cause, and what was done",
          text: "",
          questions: [
            { id: "cause", kind: "choice", prompt: "Which cause was it?", options: causes.map((id) => ({ id, text: id.replaceAll("-", " ") })) },
            text("done", "What did you do, and what did you decide not to do?"),
            text("changed", "What has changed since, so that it cannot happen that way again?"),
          ],
        },
        {
          title: "Ready for production",
          text: "",
          questions: [
            { id: "proofs", kind: "number", prompt: "How many of the five proofs had the version that failed?", unit: "proofs" },
            text("missing-proof", "Which proof would have caught it earlier, or why could none?"),
          ],
        },
      ],
    },
    truth: { items, entry: entry.hash },
  };
}

export function gradeStory(sheet: Sheet, { items }: StoryTruth, answers: Answers): Grade {
  const marks: Mark[] = items.map(({ id, expected, slack, why }) => {
    const question = sheet.sections.flatMap(({ questions }) => questions).find((q) => q.id === id);
    const given = typeof expected === "number" ? numberAnswer(answers, id) : (chosen(answers, id)[0] ?? "");
    const right =
      typeof expected === "number" ? Math.abs(Number(given) - expected) <= Math.max(slack * Math.abs(expected), slack === 0 ? 0 : 1) : given === expected;
    return {
      questionId: id,
      prompt: question?.prompt ?? id,
      right,
      given: textAnswer(answers, id) || "nothing",
      expected: typeof expected === "number" ? shown(expected) : expected,
      why,
      points: right ? 2 : 0,
      of: 2,
    };
  });
  const all = [...marks, ...written(sheet, answers)];
  const figures = marks.filter(({ right }) => right).length;
  return conclude(all, figures >= 3 && all.slice(marks.length).every(({ right }) => right), { figures });
}

/** Answers in words: that they are there, not what they say. */
function written(sheet: Sheet, answers: Answers): Mark[] {
  return sheet.sections
    .flatMap(({ questions }) => questions)
    .flatMap((question) => {
      if (question.kind !== "text") return [];
      const count = words(textAnswer(answers, question.id));
      const right = count >= question.minWords;
      return [
        {
          questionId: question.id,
          prompt: question.prompt,
          right,
          given: `${count} words`,
          expected: `${question.minWords} words or more, judged by nobody`,
          why: "",
          points: right ? 1 : 0,
          of: 1,
        },
      ];
    });
}

function conclude(marks: readonly Mark[], passed: boolean, record: Grade["record"]): Grade {
  const [points, of] = [marks.reduce((sum, m) => sum + m.points, 0), marks.reduce((sum, m) => sum + m.of, 0)];
  return {
    score: of === 0 ? 0 : points / of,
    passed,
    says: passed
      ? "Passed."
      : `${points} of ${of} points: ${marks
          .filter(({ right }) => !right)
          .map(({ prompt }) => prompt)
          .slice(0, 3)
          .join("; ")}`,
    marks,
    reveals: [],
    record,
  };
}

/** A round answered after its time is not passed, however good. */
export function heldToTime(sheet: Sheet, grade: Grade, usedUs: number): Grade {
  const limitUs = (sheet.minutes ?? Number.POSITIVE_INFINITY) * MICROS_PER_MINUTE + MICROS_PER_MINUTE / 2;
  const minutesUsed = Math.round((usedUs / MICROS_PER_MINUTE) * 10) / 10;
  const record = { ...grade.record, minutesUsed };
  if (usedUs <= limitUs) return { ...grade, record };
  return { ...grade, passed: false, record, says: `Over time: ${minutesUsed.toFixed(0)} minutes of ${sheet.minutes}. ${grade.says}` };
}
