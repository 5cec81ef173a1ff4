import { describe, expect, test } from "vitest";
import { createDesign, designSolution, gradeDesign } from "./design.ts";
import { designCases } from "./design-cases.ts";
import { designSections } from "./design-case.ts";
import { createDrift, gradeDrift, injectionsOf, showsEveryCause, type DriftTruth } from "./drift.ts";
import { causes, numWindows, type Cause, type Injection } from "./incident.ts";
import type { Answers } from "./sheet.ts";
import { numberAnswer, shown } from "./sheet.ts";
import { madeTraffic, trafficOfLog } from "./traffic.ts";

const traffic = madeTraffic();
const fits: Readonly<Record<Cause, string>> = {
  "data-drift": "retrain-recent",
  "concept-drift": "retrain-recent",
  "feature-pipeline": "mend-feature",
  infrastructure: "mend-serving",
};
const scenarios: readonly (readonly [string, readonly Injection[]])[] = [
  ...causes.map((cause) => [cause, [{ cause, onset: 14 }]] as const),
  ["nothing", []],
  [
    "two at once",
    [
      { cause: "feature-pipeline", onset: 12 },
      { cause: "concept-drift", onset: 17 },
    ],
  ],
];

/** What somebody who sees the truth would answer. */
function knowing({ injections, moved, stayed }: DriftTruth): Answers {
  const real = injections.map(({ cause }) => cause);
  return {
    causes: real,
    onset: real.length === 0 ? "" : String(Math.min(...injections.map(({ onset }) => onset))),
    moved,
    stayed: stayed.slice(0, 20),
    action: real.length === 0 ? ["nothing"] : [...new Set(real.map((cause) => fits[cause]))],
  };
}

describe("drift drills", () => {
  test("a deck of eight holds each cause, one without an incident and one with two", () => {
    for (const seed of ["a", "b", "c"]) {
      const deck = Array.from({ length: 8 }, (_, i) => injectionsOf(seed, i));
      for (const cause of causes) expect(deck.some((d) => d.length === 1 && d[0]!.cause === cause)).toBe(true);
      expect(deck.filter((d) => d.length === 0)).toHaveLength(1);
      expect(deck.filter((d) => d.length === 2)).toHaveLength(1);
      for (const { onset } of deck.flat()) expect(onset).toBeLessThan(numWindows - 5);
    }
  });

  test.each(scenarios)("%s: the signals of its cause move and the others' stay, over many seeds", (_name, injections) => {
    for (let s = 0; s < 12; s++) {
      const { truth } = createDrift(traffic, injections, `seed ${s}`);
      expect(showsEveryCause(truth), `seed ${s}: ${truth.moved.join(", ")}`).toBe(true);
      const real = injections.map(({ cause }) => cause);
      const quiet = [
        ...(real.includes("infrastructure") ? [] : ["p95", "timeouts", "fallbacks", "old-version"]),
        ...(real.includes("feature-pipeline") ? [] : ["skew", "nulls"]),
      ];
      expect(quiet.filter((id) => !truth.stayed.includes(id))).toEqual([]);
      const mayMove = (id: string): boolean =>
        id === "calibration" ? real.includes("concept-drift") : !id.startsWith("psi:") || real.join() !== "concept-drift";
      expect(truth.moved.filter((id) => !mayMove(id))).toEqual([]);
    }
  });

  test.each(scenarios)("%s: who knows the truth solves it, and every other cause fails", (_name, injections) => {
    const { sheet, truth } = createDrift(traffic, injections, "x");
    expect(gradeDrift(sheet, truth, knowing(truth))).toMatchObject({ passed: true, score: 1 });
    const others = [...causes.map((cause) => [cause]), []].filter((given) => given.join() !== injections.map(({ cause }) => cause).join());
    expect(others.filter((given) => gradeDrift(sheet, truth, { ...knowing(truth), causes: given }).passed)).toEqual([]);
  });

  test("the right cause without separating signals, or with one that did not move, is not enough", () => {
    const { sheet, truth } = createDrift(traffic, [{ cause: "concept-drift", onset: 14 }], "y");
    expect(gradeDrift(sheet, truth, { ...knowing(truth), moved: ["log-loss"] }).passed).toBe(false);
    expect(gradeDrift(sheet, truth, { ...knowing(truth), moved: [...truth.moved, "p95"] }).passed).toBe(false);
    expect(gradeDrift(sheet, truth, { ...knowing(truth), stayed: ["psi:score"] }).passed).toBe(false);
    expect(gradeDrift(sheet, truth, { ...knowing(truth), stayed: [...truth.stayed, "log-loss"] }).passed).toBe(false);
    expect(gradeDrift(sheet, truth, {}).passed).toBe(false);
  });

  test("a page for weather costs: nothing happened, and a cause was named", () => {
    const { sheet, truth } = createDrift(traffic, [], "z");
    const paged = gradeDrift(sheet, truth, { ...knowing(truth), causes: ["data-drift"], action: ["retrain-recent"] });
    expect(paged).toMatchObject({ passed: false, record: { falsePages: 1 } });
    expect(paged.score).toBeLessThan(0.4);
  });

  test("what the person sees does not hold the truth", () => {
    const { sheet, truth } = createDrift(traffic, [{ cause: "feature-pipeline", onset: 13 }], "s");
    const text = JSON.stringify(sheet);
    for (const told of truth.told) expect(text).not.toContain(told);
    expect(text).not.toContain('"injections"');
  });

  test("the person's own log is used when it holds enough, and left when it does not", () => {
    const slots = ["a", "b", "c", "d", "e"];
    const answers = traffic.rows.map((row, i) => ({ vector: Float64Array.from(row.slice(0, 5)), score: traffic.scores[i]!, label: traffic.labels[i]! }));
    expect(trafficOfLog("late", slots, answers)).toMatchObject({ names: slots, origin: expect.stringContaining("own prediction log") });
    expect(trafficOfLog("late", slots, answers.slice(0, 200))).toBeUndefined();
    expect(
      trafficOfLog(
        "late",
        slots,
        answers.map((a) => ({ ...a, label: 0 as const })),
      ),
    ).toBeUndefined();
    expect(
      trafficOfLog(
        "late",
        slots,
        answers.map((a) => ({ ...a, vector: new Float64Array(5) })),
      ),
    ).toBeUndefined();
  });
});

const prose = "word ".repeat(25);
const proseOf = (): Record<string, string> => Object.fromEntries(designSections.map((_, i) => [`text-${i}`, prose]));

describe("design drills", () => {
  test.each(designCases.map((one) => [one.id, one] as const))(
    "%s: about twelve numbers over the eight sections, all finite and told with what they need",
    (id, one) => {
      expect(one.steps.length).toBeGreaterThanOrEqual(11);
      for (let s = 0; s < 50; s++) {
        const { sheet, truth } = createDesign(id, `seed ${s}`);
        for (const value of Object.values(designSolution(truth))) expect(Number.isFinite(value) && value !== 0, `${id} seed ${s}`).toBe(true);
        const shares = one.steps.filter(({ unit }) => unit === "share").map((step) => designSolution(truth)[step.id]!);
        expect(shares.filter((share) => !(share > 0 && share < 1))).toEqual([]);
        expect(designSolution(truth)["slack"] ?? 1).toBeGreaterThan(0);
        expect(sheet.sections.map(({ title }) => title)).toHaveLength(8);
        expect(sheet.facts).toHaveLength(one.told.length);
      }
      // Every parameter that a step reads is told; a shop's shown items are told in the story.
      const { truth } = createDesign(id, "told");
      const told = new Set([...one.told.map(([key]) => key), "shown"]);
      expect(Object.keys(truth.params).filter((key) => !told.has(key))).toEqual([]);
    },
  );

  test("the right numbers and eight written sections pass; the arithmetic is another implementation's", () => {
    const { sheet, truth } = createDesign("design-fraud", "fraud");
    const p = truth.params;
    const perDay = p["users"]! * p["perUser"]!;
    const peak = (perDay / 86_400) * p["peak"]!;
    const replicas = Math.ceil(Math.ceil((peak * p["cpuMs"]!) / 1000 / (p["replicaCores"]! * p["utilisation"]!)) * 1.5);
    const solved = designSolution(truth);
    expect(solved["peak-qps"]).toBeCloseTo(peak, 6);
    expect(solved["replicas"]).toBe(replicas);
    expect(solved["cost"]).toBeCloseTo(replicas * p["replicaCores"]! * p["corePrice"]! * 730, 6);
    const answers = { ...proseOf(), ...Object.fromEntries(Object.entries(solved).map(([id, value]) => [id, String(value)])) };
    expect(gradeDesign(sheet, truth, answers)).toMatchObject({ passed: true, score: 1 });
    expect(gradeDesign(sheet, truth, { ...answers, "text-3": "short" })).toMatchObject({ passed: false, score: 1 });
    expect(gradeDesign(sheet, truth, {})).toMatchObject({ passed: false, score: 0 });
  });

  test("one slip is counted once: what follows is held against the person's own number", () => {
    const { sheet, truth } = createDesign("design-recommendation", "slip");
    const solved = designSolution(truth);
    const peak = solved["mean-qps"]! * 2 * truth.params["peak"]!;
    const busy = (peak * truth.params["cpuMs"]!) / 1000;
    const replicas = Math.ceil((Math.ceil(busy / (truth.params["replicaCores"]! * truth.params["utilisation"]!)) * 3) / 2);
    const cost = replicas * truth.params["replicaCores"]! * truth.params["corePrice"]! * 730;
    const slipped = { ...solved, "mean-qps": solved["mean-qps"]! * 2, "peak-qps": peak, "busy-cores": busy, replicas, cost };
    const grade = gradeDesign(sheet, truth, Object.fromEntries(Object.entries(slipped).map(([id, value]) => [id, String(value)])));
    expect(grade.marks.filter(({ right }) => !right).map(({ questionId }) => questionId)).toEqual(["mean-qps"]);
  });

  test("9 % off is right, 11 % off is not; other seeds ask other numbers", () => {
    const { sheet, truth } = createDesign("design-search", "s");
    const solved = designSolution(truth);
    const markOf = (factor: number): boolean | undefined =>
      gradeDesign(sheet, truth, { "index-gb": String(solved["index-gb"]! * factor) }).marks.find(({ questionId }) => questionId === "index-gb")?.right;
    expect([markOf(1.09), markOf(0.91), markOf(1.11), markOf(0.89)]).toEqual([true, true, false, false]);
    expect(new Set(Array.from({ length: 20 }, (_, i) => JSON.stringify(createDesign("design-search", `s${i}`).truth.params))).size).toBe(20);
  });
});

test("numbers are read as people write them", () => {
  expect(numberAnswer({ a: "12 000" }, "a")).toBe(12_000);
  expect(numberAnswer({ a: "1.2e6" }, "a")).toBe(1_200_000);
  expect(numberAnswer({ a: "3,400.5" }, "a")).toBe(3400.5);
  expect(numberAnswer({ a: "about 3" }, "a")).toBeNaN();
  expect(numberAnswer({}, "a")).toBeNaN();
  expect(shown(1234567)).toBe("1,234,570");
});
