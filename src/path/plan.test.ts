import { describe, expect, test } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { formatIso, MICROS_PER_DAY, parseIso } from "../kernel/time.ts";
import { roadmap } from "./content/roadmap.ts";
import { createPlan, currentItem, ownershipDays, planProgress, type Plan, type PlanEvidence, type PlanItem, type PlanRequest } from "./plan.ts";

const startUs = parseIso("2027-01-04");
const plan = (backgroundId: string, part: Partial<PlanRequest> = {}, previous?: Plan): Plan =>
  createPlan(roadmap, { backgroundId, startUs, hoursPerWeek: 15, ...part }, previous);
const item = (p: Plan, id: string): PlanItem => p.items.find((i) => i.id === id)!;
const day = (us: number | undefined): string => (us === undefined ? "" : formatIso(us).slice(0, 10));
const actions = (p: Plan): Record<string, string> => Object.fromEntries(p.items.filter((i) => i.kind === "block").map((i) => [i.id.slice(6), i.action]));
const months = (id: string): readonly (number | undefined)[] => {
  const claim = roadmap.claims.find((c) => c.id === id)!;
  return [claim.low, claim.high];
};
const evidence = (kind: PlanEvidence["kind"], ...subjects: string[]): PlanEvidence[] =>
  subjects.map((subject) => ({ id: `${kind}-${subject}`, kind, subject, atUs: startUs }));

describe("the rules of each background", () => {
  test("a software engineer skips weeks 1-3 and 8-11 and a part of 12-16, and works hardest on mathematics and stage 2", () => {
    const p = plan("software-engineer");
    expect(actions(p)).toEqual({
      "1-3": "skip",
      "4-7": "focus",
      "8-11": "skip",
      "12-16": "partial",
      "17-20": "focus",
      "21-26": "focus",
      "27-31": "focus",
      "32-36": "focus",
      "37-41": "do",
      "42-47": "do",
    });
    expect(item(p, "weeks-12-16").conflictId).toBe("conflict-engineer-skips");
    expect(p.timelineClaimIds.map(months)).toEqual([
      [12, 16],
      [18, 24],
    ]);
    expect(p.conflictIds).toContain("conflict-engineer-time");
  });

  test("a data scientist starts at week 8, does algorithms after it, and jumps to week 27", () => {
    const p = plan("data-scientist");
    expect(actions(p)).toEqual({
      "1-3": "skip",
      "4-7": "skip",
      "8-11": "focus",
      "12-16": "focus",
      "17-20": "skip",
      "21-26": "skip",
      "27-31": "focus",
      "32-36": "do",
      "37-41": "do",
      "42-47": "do",
    });
    expect(item(p, "weeks-8-11").fromUs).toBe(startUs);
    expect(item(p, "weeks-12-16").conflictId).toBe("conflict-scientist-order");
    expect(item(p, "weeks-27-31").fromUs).toBe(item(p, "weeks-12-16").toUs);
    expect(p.timelineClaimIds.map(months)).toEqual([
      [8, 12],
      [8, 14],
    ]);
    expect(item(p, "weeks-17-20").note).toMatch(/Implied/);
  });

  test("an AI engineer skips nothing, works hardest on mathematics, deep learning and training pipelines, and is offered placements", () => {
    const p = plan("ai-engineer");
    expect(actions(p)).toEqual({
      "1-3": "do",
      "4-7": "focus",
      "8-11": "do",
      "12-16": "do",
      "17-20": "do",
      "21-26": "focus",
      "27-31": "do",
      "32-36": "do",
      "37-41": "focus",
      "42-47": "do",
    });
    expect(p.items.filter((i) => i.placementOffered).map((i) => i.id)).toEqual(["weeks-1-3", "weeks-8-11", "weeks-27-31"]);
    expect(p.timelineClaimIds.map(months)).toEqual([
      [10, 14],
      [8, 14],
    ]);
    expect(p.conflictIds).toContain("conflict-ai-engineer-time");
  });

  test("an academic begins with engineering and algorithms, then serving, and is offered placements in mathematics and models", () => {
    const p = plan("academic");
    expect(p.items.filter((i) => i.kind === "block").map((i) => i.id.slice(6))).toEqual([
      "1-3",
      "8-11",
      "12-16",
      "27-31",
      "4-7",
      "17-20",
      "21-26",
      "32-36",
      "37-41",
      "42-47",
    ]);
    expect(actions(p)).toMatchObject({ "1-3": "focus", "8-11": "focus", "12-16": "focus", "4-7": "do", "17-20": "do" });
    expect(p.items.filter((i) => i.placementOffered).map((i) => i.id)).toEqual(["weeks-4-7", "weeks-17-20", "weeks-21-26"]);
    expect(p.timelineClaimIds.map(months)).toEqual([
      [6, 10],
      [3, 4],
    ]);
    // Twelve weeks at the roadmap's own pace lie within the three to four months that the source gives them.
    const first = (item(p, "weeks-12-16").toUs! - startUs) / MICROS_PER_DAY / 30.4375;
    expect(first).toBeGreaterThan(2.5);
    expect(first).toBeLessThan(4);
  });

  test("from outside technology the other roles come first, then every week; the totals of the source stand as conflicts", () => {
    const p = plan("non-tech");
    expect(new Set(Object.values(actions(p)))).toEqual(new Set(["do"]));
    expect(p.items[0]).toMatchObject({ kind: "before", fromUs: startUs, claimId: "time-a-non-tech-step" });
    expect(item(p, "weeks-1-3").fromUs).toBe(p.items[0]!.toUs);
    expect(Math.round((p.items[0]!.toUs! - startUs) / MICROS_PER_DAY)).toBe(365);
    expect(p.timelineClaimIds.map(months)).toEqual([
      [30, 40],
      [28, 36],
    ]);
    expect(p.conflictIds).toEqual(expect.arrayContaining(["conflict-non-tech-time", "conflict-non-tech-steps"]));
  });

  test("a beginner does every week from the first", () => {
    const p = plan("beginner");
    expect(new Set(Object.values(actions(p)))).toEqual(new Set(["do"]));
    expect(item(p, "weeks-1-3").fromUs).toBe(startUs);
    expect(p.timelineClaimIds.map(months)).toEqual([[28, 36]]);
  });

  test.each(roadmap.backgrounds.map(({ id }) => id))("whatever %s skips, halves or stresses names a claim of Source A", (id) => {
    for (const i of plan(id).items.filter(({ kind, action }) => kind === "block" && action !== "do"))
      expect(roadmap.claims.find((c) => c.id === i.claimId)?.source, i.id).toBe("source-a");
  });
});

describe("the calendar", () => {
  test("at the roadmap's pace a block takes its weeks, one after the other, without a gap", () => {
    const p = plan("beginner");
    expect(day(item(p, "weeks-1-3").toUs)).toBe("2027-01-25");
    expect(day(item(p, "weeks-12-16").toUs)).toBe("2027-04-26");
    const dated = p.items.filter((i) => i.toUs !== undefined);
    dated.slice(1).forEach((i, k) => expect(i.fromUs, i.id).toBe(dated[k]!.toUs));
  });

  test("47 weeks and the months without weeks make the 18 months of the source's calendar", () => {
    const gaps = ownershipDays(roadmap.stages);
    // 10 months less 36 weeks, and 18 months less 47 weeks less that: 1.7 and 5.5 months.
    expect([...gaps].map(([stage, days]) => [stage, Math.round((days / 30.4375) * 10) / 10])).toEqual([
      ["stage-2", 1.7],
      ["stage-3", 5.5],
    ]);
    expect(Math.round((plan("beginner").endUs - startUs) / MICROS_PER_DAY)).toBe(Math.round(18 * 30.4375));
  });

  test("half the hours take twice the days of work and the same days of ownership", () => {
    const [whole, half] = [plan("beginner"), plan("beginner", { hoursPerWeek: 7.5 })];
    const days = (p: Plan, id: string): number => (item(p, id).toUs! - item(p, id).fromUs!) / MICROS_PER_DAY;
    expect(days(half, "weeks-21-26")).toBe(2 * days(whole, "weeks-21-26"));
    expect(days(half, "ownership-stage-3")).toBe(days(whole, "ownership-stage-3"));
    expect(item(whole, "weeks-21-26").hours).toBe(item(half, "weeks-21-26").hours);
  });

  test("any instant of the first day starts the plan on that day", () => {
    expect(plan("beginner", { startUs: startUs + 12_345_678 }).startUs).toBe(startUs);
  });

  test("now falls into one item, and after the last dated one into the open stage", () => {
    const p = plan("software-engineer");
    expect(currentItem(p, startUs)?.id).toBe("weeks-4-7");
    expect(currentItem(p, item(p, "weeks-17-20").fromUs!)?.id).toBe("weeks-17-20");
    expect(currentItem(p, p.endUs + 1)?.id).toBe("stage-4");
  });

  test.each([
    ["background", { backgroundId: "wizard" }],
    ["track", { trackId: "track-z" }],
    ["hours per week", { hoursPerWeek: 0 }],
    ["hours per week", { hoursPerWeek: Number.NaN }],
    ["hours per roadmap week", { hoursPerRoadmapWeek: 200 }],
    ["start", { startUs: Number.NaN }],
  ] as const)("refuses a bad %s by its name", (field, part) => {
    let thrown: unknown;
    try {
      createPlan(roadmap, { backgroundId: "beginner", startUs, hoursPerWeek: 10, ...part });
    } catch (error) {
      thrown = error;
    }
    expect(codeOf(thrown)).toBe("INVALID_ARGUMENT");
    expect((thrown as { details: { field: string } }).details.field).toBe(field);
  });
});

describe("a skip is a claim", () => {
  test("it takes no days, is unproven and counts neither way", () => {
    const p = plan("software-engineer");
    expect(item(p, "weeks-1-3")).toMatchObject({ status: "skipped, unproven", evidenceIds: [] });
    expect(item(p, "weeks-1-3").fromUs).toBeUndefined();
    expect(planProgress(p)).toEqual({ done: 0, planned: 8, waived: 0, unproven: 2 });
  });

  test("a placement makes it a waiver that names its evidence", () => {
    const p = plan("software-engineer", { evidence: evidence("placement", "weeks-1-3") });
    expect(item(p, "weeks-1-3")).toMatchObject({ status: "waived", evidenceIds: ["placement-weeks-1-3"] });
    expect(planProgress(p)).toMatchObject({ waived: 1, unproven: 1 });
  });

  test("a lab passed somewhere does not waive a skip", () => {
    expect(item(plan("software-engineer", { evidence: evidence("lab", "lab-1", "lab-13") }), "weeks-1-3").status).toBe("skipped, unproven");
  });

  test("a placement where none was claimed lets the block go too, and what follows moves up", () => {
    const [before, after] = [plan("academic"), plan("academic", { evidence: evidence("placement", "weeks-4-7") })];
    expect(item(after, "weeks-4-7").status).toBe("waived");
    expect(item(after, "weeks-17-20").fromUs).toBe(item(before, "weeks-4-7").fromUs);
  });

  test("the unnamed part of weeks 12-16 stays whole until labs 13 to 22 show which", () => {
    const whole = item(plan("software-engineer"), "weeks-12-16");
    const three = item(plan("software-engineer", { evidence: evidence("lab", "lab-13", "lab-14", "lab-22") }), "weeks-12-16");
    const all = item(plan("software-engineer", { evidence: evidence("lab", ...Array.from({ length: 10 }, (_, i) => `lab-${13 + i}`)) }), "weeks-12-16");
    expect([whole.hours, three.hours]).toEqual([75, 52.5]);
    expect(three).toMatchObject({ status: "planned", evidenceIds: ["lab-lab-13", "lab-lab-14", "lab-lab-22"] });
    expect(all).toMatchObject({ status: "waived", hours: 0 });
  });

  test("labs outside 13 to 22, or one lab passed twice, take nothing away", () => {
    const twice = [...evidence("lab", "lab-13"), { id: "again", kind: "lab" as const, subject: "lab-13", atUs: startUs }];
    expect(item(plan("software-engineer", { evidence: evidence("lab", "lab-12", "lab-23") }), "weeks-12-16").hours).toBe(75);
    expect(item(plan("software-engineer", { evidence: twice }), "weeks-12-16").hours).toBe(67.5);
  });
});

describe("planning again", () => {
  const first = plan("software-engineer", { evidence: [...evidence("placement", "weeks-1-3"), ...evidence("block-done", "weeks-4-7")] });
  const later = startUs + 100 * MICROS_PER_DAY;
  const second = plan("ai-engineer", { startUs: later, hoursPerWeek: 5, evidence: evidence("placement", "weeks-8-11") }, first);

  test("keeps every piece of evidence, of the plan before and of this one", () => {
    expect(second.evidence.map(({ id }) => id)).toEqual(["placement-weeks-1-3", "block-done-weeks-4-7", "placement-weeks-8-11"]);
  });

  test("what was done keeps its days, and what is left begins on the new day at the new pace", () => {
    expect(item(second, "weeks-4-7")).toMatchObject({ status: "done", fromUs: item(first, "weeks-4-7").fromUs, toUs: item(first, "weeks-4-7").toUs });
    expect(item(second, "weeks-1-3").status).toBe("waived");
    expect(item(second, "weeks-12-16").fromUs).toBe(later);
    expect((item(second, "weeks-12-16").toUs! - later) / MICROS_PER_DAY).toBe(105);
  });

  test("evidence for what the roadmap no longer holds is kept for a roadmap that does", () => {
    const old = evidence("placement", "weeks-of-old");
    const again = plan("beginner", {}, plan("beginner", { evidence: old }));
    expect(again.evidence).toEqual(old);
    expect(planProgress(again).waived).toBe(0);
  });

  test("planning again on the same terms changes nothing", () => {
    expect(plan("ai-engineer", { startUs: later, hoursPerWeek: 5 }, second)).toEqual(second);
  });
});
