import { seededRng } from "../../kernel/rng.ts";
import { causes, makeIncident, numWindows, type Cause, type Injection } from "./incident.ts";
import { chosen, numberAnswer, type Answers, type Grade, type Mark, type Option, type Sheet, type Signal } from "./sheet.ts";
import type { DrillTraffic } from "./traffic.ts";

const driftVersion = 1;
export const driftSubject = "drift-incident";
const passScore = 0.8;
const onsetSlack = 2;

export interface DriftTruth {
  readonly injections: readonly Injection[];
  /** Signals over their limit in most windows from the onset on, and rarely before. */
  readonly moved: readonly string[];
  /** Signals that did nothing. */
  readonly stayed: readonly string[];
  readonly told: readonly string[];
}

const actions: readonly (Option & { readonly fits: readonly Cause[] })[] = [
  { id: "nothing", text: "Do nothing but keep watching", fits: [] },
  { id: "retrain-recent", text: "Retrain on recent rows, and promote through the gates", fits: ["data-drift", "concept-drift"] },
  { id: "mend-feature", text: "Take the feature job's deploy back, backfill, and compare served with recomputed", fits: ["feature-pipeline"] },
  { id: "mend-serving", text: "Drain the bad pods, or take the rollout back, and watch latency and defaults", fits: ["infrastructure"] },
  { id: "raise-threshold", text: "Raise the alarm's threshold until it is quiet", fits: [] },
];

const causeTexts: Readonly<Record<Cause, string>> = {
  "data-drift": "Data drift: other questions are asked",
  "concept-drift": "Concept drift: the same questions have other outcomes",
  "feature-pipeline": "Feature pipeline: a feature is computed wrongly",
  infrastructure: "Infrastructure: the serving system itself",
};

const moves: Readonly<Record<Cause, (signal: string) => boolean>> = {
  "data-drift": (s) => s.startsWith("psi:"),
  "concept-drift": (s) => s === "log-loss" || s === "calibration",
  "feature-pipeline": (s) => s === "skew" || s === "nulls" || (s.startsWith("psi:") && s !== "psi:score"),
  infrastructure: (s) => ["p95", "timeouts", "fallbacks", "old-version"].includes(s),
};
/** What staying quiet rules the other causes out. */
const stays: Readonly<Record<Cause, (signal: string) => boolean>> = {
  "data-drift": (s) => ["skew", "calibration", "p95", "timeouts", "fallbacks", "old-version", "nulls"].includes(s),
  "concept-drift": (s) => s.startsWith("psi:") || ["skew", "nulls", "p95", "timeouts", "fallbacks", "old-version"].includes(s),
  "feature-pipeline": (s) => s.startsWith("psi:") || ["p95", "timeouts", "fallbacks", "old-version"].includes(s),
  infrastructure: (s) => s.startsWith("psi:") || ["skew", "nulls", "log-loss", "calibration"].includes(s),
};

/**
 * Which incident is the `index`-th of a deck of eight: each cause once, one without an incident, one with two causes, two drawn. A person
 * who answers eight in a row has met every cause.
 */
export function injectionsOf(deckSeed: string, index: number): Injection[] {
  const rng = seededRng(deckSeed, "deck");
  const draw = (): Cause => causes[rng.int(causes.length)]!;
  const first = draw();
  const others = causes.filter((c) => c !== first);
  const deck: Cause[][] = [...causes.map((c) => [c]), [], [first, others[rng.int(others.length)]!], [draw()], [draw()]];
  for (let i = deck.length - 1; i > 0; i--) {
    const j = rng.int(i + 1);
    [deck[i], deck[j]] = [deck[j]!, deck[i]!];
  }
  const when = seededRng(deckSeed, `onset-${index}`);
  return deck[index % deck.length]!.map((cause, i) => ({ cause, onset: 12 + i * 5 + when.int(5) }));
}

export function createDrift(traffic: DrillTraffic, injections: readonly Injection[], seed: string): { sheet: Sheet; truth: DriftTruth } {
  const { signals, log, told } = makeIncident(traffic, injections, seed);
  const onset = Math.min(numWindows, ...injections.map((i) => i.onset));
  const last = Math.max(0, ...injections.map((i) => i.onset));
  const judged = signals.filter(({ id }) => id !== "volume");
  const over = (signal: Signal, from: number, to: number): number => {
    const found = signal.values.slice(from - 1, to).map((value, i) => value !== null && value > (signal.limits[from - 1 + i] ?? Infinity));
    return found.filter(Boolean).length / Math.max(1, found.length);
  };
  const before = (signal: Signal): number => over(signal, 1, onset - 1);
  // The share of nulls of a feature that is never served otherwise leaves its PSI unmeasured: nothing there counts as moved.
  const moved = injections.length === 0 ? [] : judged.filter((s) => over(s, last, numWindows - 2) >= 0.6 && before(s) <= 0.4).map(({ id }) => id);
  const stayed = judged.filter((s) => over(s, onset, numWindows) <= 0.34 && s.values.slice(onset - 1).every((v) => v !== null)).map(({ id }) => id);
  const options = judged.map(({ id, title }) => ({ id, text: title }));
  const sheet: Sheet = {
    kind: "drift",
    subject: driftSubject,
    version: driftVersion,
    title: "Something may have happened",
    intro: [
      `Four weeks of a live model, one value a day, each with the limit that sampling or agreement sets. Traffic: ${traffic.origin}.`,
      "Say what happened, when it began, what shows it, what rules the other causes out, and what to do. There may be one cause, two, or none: paging somebody for nothing costs as much as missing it.",
    ],
    minutes: null,
    facts: [
      { name: "Reference", value: "5,000 rows before day 1" },
      { name: "Rows a day measured", value: "about 500" },
      { name: "Day 1", value: "a Monday" },
    ],
    signals,
    log,
    sections: [
      {
        title: "Your answer",
        text: "",
        questions: [
          {
            id: "causes",
            kind: "choices",
            prompt: "What happened?",
            note: "Nothing chosen: no incident.",
            options: causes.map((id) => ({ id, text: causeTexts[id] })),
          },
          {
            id: "onset",
            kind: "number",
            prompt: "On which day did it begin?",
            note: "The first one, if there are two. Empty if nothing happened.",
            unit: "day",
          },
          { id: "moved", kind: "choices", prompt: "Which signals moved and show it?", options },
          { id: "stayed", kind: "choices", prompt: "Which signals stayed, and rule the other causes out?", note: "At least two.", options },
          { id: "action", kind: "choices", prompt: "What do you do?", options: actions.map(({ id, text }) => ({ id, text })) },
        ],
      },
    ],
  };
  return { sheet, truth: { injections, moved, stayed, told } };
}

/** Whether the traffic shows every injected cause: a log of few or strange rows may hide one, and then it is no fair question. */
export function showsEveryCause({ injections, moved }: DriftTruth): boolean {
  const needed = injections.length > 1 ? 1 : 2;
  return injections.every(({ cause }) => moved.filter(moves[cause]).length >= needed);
}

export function gradeDrift(sheet: Sheet, truth: DriftTruth, answers: Answers): Grade {
  const marks: Mark[] = [];
  const titles = new Map(sheet.signals.map(({ id, title }) => [id, title]));
  const named = (ids: readonly string[]): string => (ids.length === 0 ? "none" : ids.map((id) => titles.get(id) ?? id).join(", "));
  const mark = (questionId: string, right: boolean, given: string, expected: string, why: string, of: number): void => {
    const question = sheet.sections[0]?.questions.find(({ id }) => id === questionId);
    marks.push({ questionId, prompt: question?.prompt ?? questionId, right, given, expected, why, points: right ? of : 0, of });
  };
  const real = truth.injections.map(({ cause }) => cause);
  const said = chosen(answers, "causes");
  const isRight = said.length === real.length && real.every((cause) => said.includes(cause));
  const falsePages = said.filter((cause) => !real.some((c) => c === cause)).length;
  mark("causes", isRight, said.join(", ") || "no incident", real.join(", ") || "no incident", "", 50);

  const onset = Math.min(...truth.injections.map((i) => i.onset));
  if (real.length > 0) {
    const day = numberAnswer(answers, "onset");
    mark("onset", Math.abs(day - onset) <= onsetSlack, Number.isNaN(day) ? "nothing" : String(day), `day ${onset}, within ${onsetSlack}`, "", 10);
  }
  const moved = chosen(answers, "moved");
  const strayed = moved.filter((id) => truth.stayed.includes(id));
  const shows = real.map((cause) => truth.moved.filter(moves[cause]));
  const enough = shows.map((ids) => moved.filter((id) => ids.includes(id)).length >= Math.min(real.length > 1 ? 1 : 2, ids.length));
  mark(
    "moved",
    strayed.length === 0 && enough.every(Boolean) && (real.length > 0 || moved.length === 0),
    named(moved),
    real.length === 0 ? "none" : `at least two of ${named(shows.flat())}`,
    strayed.length > 0 ? `${named(strayed)} stayed within its limit from the onset on.` : "",
    real.length > 0 ? 15 : 20,
  );
  const stayed = chosen(answers, "stayed");
  const rulesOut = truth.stayed.filter((id) => real.length === 0 || real.some((cause) => stays[cause](id)));
  const wrong = stayed.filter((id) => truth.moved.includes(id));
  mark(
    "stayed",
    wrong.length === 0 && stayed.filter((id) => rulesOut.includes(id)).length >= 2,
    named(stayed),
    `at least two of ${named(rulesOut)}`,
    wrong.length > 0 ? `${named(wrong)} moved.` : "",
    15,
  );
  const done = chosen(answers, "action");
  const fitting = actions.filter(({ id, fits }) => (real.length === 0 ? id === "nothing" : fits.some((cause) => real.includes(cause))));
  const meets =
    real.length === 0 ? done.join() === "nothing" : real.every((cause) => actions.some(({ id, fits }) => done.includes(id) && fits.includes(cause)));
  mark(
    "action",
    meets && done.every((id) => fitting.some((a) => a.id === id)),
    done.join(", ") || "nothing chosen",
    fitting.map(({ text }) => text).join("; "),
    "",
    real.length > 0 ? 10 : 15,
  );

  const total = marks.reduce((sum, { of }) => sum + of, 0);
  const score = Math.max(0, marks.reduce((sum, { points }) => sum + points, 0) / total - 0.25 * falsePages);
  const cited = marks.filter(({ questionId }) => questionId === "moved" || questionId === "stayed").every(({ right }) => right);
  const passed = isRight && cited && score >= passScore;
  return {
    score,
    passed,
    says: passed
      ? "Solved: the cause, and what separates it from the others."
      : isRight
        ? "The cause is right; what was cited does not separate it from the others well enough."
        : falsePages > 0 && real.length === 0
          ? "Nothing had happened: somebody was paged for weather."
          : "Not solved: that is not what happened.",
    marks,
    reveals: truth.told,
    record: { causes: real.length === 0 ? ["none"] : real, answered: said.length === 0 ? ["none"] : [...said], falsePages },
  };
}
