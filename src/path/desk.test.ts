import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readFeedback, type FeedbackReader } from "../feedback/log.ts";
import { ManualClock } from "../kernel/clock.ts";
import { codeOf } from "../kernel/error.ts";
import { definitionHash, sha256 } from "../kernel/hashing.ts";
import { fromCivil, MICROS_PER_DAY, MICROS_PER_MINUTE } from "../kernel/time.ts";
import { openStores } from "../server/compose.ts";
import type { Stores } from "../server/stores.ts";
import { roadmap } from "./content/roadmap.ts";
import { PathDesk } from "./desk.ts";
import { pitfallDetectorIds } from "./detectors/pitfalls.ts";
import { signalDetectorIds } from "./detectors/signals.ts";
import { createEvidenceStore } from "./evidence/store.ts";
import { verifyReport } from "./evidence/report.ts";
import { judgeStages } from "./exits/predicates.ts";
import type { PathRecords } from "./exits/records.ts";
import type { Answers } from "./drills/sheet.ts";
import { fundamentalItems } from "./interview/fundamentals.ts";
import type { Verdict } from "./labs/verdict.ts";
import { placementLabs } from "./placement.ts";
import { createPlanStore } from "./plans.ts";
import { createSheetStore } from "./sheets.ts";

const labs = [
  [1, "weeks-1-3", 60],
  [3, "weeks-1-3", 90],
  [6, "weeks-4-7", 60],
  [13, "weeks-12-16", 45],
  [16, "weeks-12-16", 50],
].map(([number, blockId, minutes]) => ({ number: Number(number), blockId: String(blockId), minutes: Number(minutes), title: `lab ${number}` }));
const recorded = JSON.parse(readFileSync(join(import.meta.dirname, "exits/recorded.json"), "utf8")) as Omit<PathRecords, "evidence" | "labs">;

describe("the desk", () => {
  let folder: string;
  let stores: Stores;
  let feedback: FeedbackReader;
  let clock: ManualClock;
  let desk: PathDesk;
  let passes = true;
  let seeds = 0;

  const verdictOf = (lab: number, part: Partial<Verdict> = {}): Verdict => ({
    format: 1,
    lab: `lab-${lab}`,
    labVersion: 1,
    language: "typescript",
    scale: "full",
    passed: passes,
    outcome: passes ? "passed" : "wrong",
    message: "",
    seed: "s",
    seedOrigin: "fresh",
    sourceHash: sha256("source"),
    cases: [],
    guards: [],
    limits: { timeMs: 1, memoryMb: 1 },
    output: "",
    durationMs: 1.5,
    peakMemoryBytes: null,
    runner: "node",
    ...part,
  });

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "karkhana-desk-"));
    stores = await openStores(folder, {});
    feedback = await readFeedback(stores.folder.logFolder);
    clock = new ManualClock(fromCivil(2027, 1, 4));
    passes = true;
    seeds = 0;
    let ids = 0;
    const { database } = stores;
    const newId = (): string => `id-${String(++ids).padStart(4, "0")}`;
    desk = new PathDesk({
      rooms: { ...stores, feedback, clock },
      evidence: createEvidenceStore({ database, clock }),
      plans: createPlanStore({ database, clock, newId, roadmap }),
      sheets: createSheetStore({ database, clock, newId }),
      labs,
      clock,
      freshSeed: () => `seed-${++seeds}`,
      gradeLab: async ({ lab }) => verdictOf(lab),
      ownTraffic: async () => undefined,
    });
  });
  afterEach(async () => {
    await feedback.close();
    await stores.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const request = { backgroundId: "software-engineer", startUs: fromCivil(2027, 1, 4), hoursPerWeek: 10 };
  const refusal = async (work: Promise<unknown>): Promise<string | undefined> => codeOf(await work.catch((error: unknown) => error));

  test("a pass is kept once; a failure, or a pass under a seed that was chosen, is not", async () => {
    expect(await desk.recordVerdict(verdictOf(6, { passed: false, outcome: "wrong" }))).toEqual([]);
    expect(await desk.recordVerdict(verdictOf(6, { seedOrigin: "given" }))).toEqual([]);
    const { added } = await desk.gradeLab(6, "typescript", "source");
    expect(added[0]?.body).toMatchObject({ kind: "lab", subject: "lab-6", producedBy: "grader", content: { sourceHash: sha256("source") } });
    expect((await desk.gradeLab(6, "typescript", "source")).added).toEqual([]);
    expect(await desk.verify()).toMatchObject({ problems: [] });
  });

  test("a skip is a claim until its placement labs make it a waiver, and planning again keeps that", async () => {
    const block = "weeks-8-11";
    const saved = await desk.savePlan(request);
    const status = (plan: typeof saved | undefined, id: string): string | undefined => plan?.plan.items.find((item) => item.id === id)?.status;
    expect(status(saved, "weeks-1-3")).toBe("skipped, unproven");
    const skipped = ["weeks-1-3", block].find((id) => placementLabs(id, labs).length > 0) ?? "";
    expect(placementLabs(skipped, labs).length).toBeGreaterThan(0);
    for (const lab of placementLabs(skipped, labs)) await desk.gradeLab(lab, "typescript", "x");
    expect((await desk.evidence()).some(({ body }) => body.kind === "waiver" && body.subject === skipped)).toBe(true);
    expect(["waived", "done"]).toContain(status(await desk.plan(), skipped));
    clock.advanceBy(7 * MICROS_PER_DAY);
    const again = await desk.savePlan({ ...request, hoursPerWeek: 20, startUs: clock.nowUs() });
    expect(["waived", "done"]).toContain(status(again, skipped));
    expect((await desk.plan())?.request.hoursPerWeek).toBe(20);
  });

  test("conditions that hold are kept with the hashes of the records that show them, and once", async () => {
    const records: PathRecords = { ...recorded, evidence: [], labs: [6] };
    const added = await desk.keep(records, judgeStages(roadmap, records));
    expect(added.map(({ body }) => body.subject)).toContain("lineage-complete");
    expect(added).toHaveLength(10);
    const rerun = added.find(({ body }) => body.subject === "training-logged")!;
    const [found] = rerun.body.content["found"] as unknown as { id: string; hash: string }[];
    expect(found!.hash).toBe(definitionHash(JSON.parse(JSON.stringify(recorded.runs.find((r) => r.runId === found!.id)))));
    const now = { ...records, evidence: await desk.evidence() };
    expect(await desk.keep(now, judgeStages(roadmap, now))).toEqual([]);
    expect(verifyReport(await desk.exportReport())).toMatchObject({ problems: [], entries: 10 });
  });

  test("next is always one concrete action", async () => {
    expect(await desk.next()).toMatchObject({ kind: "run", command: "karkhana run" });
    const records: PathRecords = { ...recorded, evidence: [], labs: [6] };
    const verdicts = judgeStages(roadmap, records);
    expect(await desk.nextOf(records, verdicts, undefined)).toMatchObject({ kind: "plan" });
    const saved = await desk.savePlan({ ...request, backgroundId: "beginner" });
    const first = await desk.nextOf(records, verdicts, saved);
    expect(first.kind).toBe("lab");
    expect(first.command).toMatch(/^karkhana path lab run \d+$/);
    for (const { number } of labs) await desk.gradeLab(number, "typescript", "x");
    const done = { ...records, evidence: await desk.evidence() };
    expect(await desk.nextOf(done, judgeStages(roadmap, done), await desk.plan())).toMatchObject({
      kind: "condition",
      command: expect.stringContaining("karkhana"),
    });
    expect(await desk.nextOf(done, [], await desk.plan())).toMatchObject({ kind: "attest", command: expect.stringContaining("karkhana path attest") });
  });

  test("an open drift drill is handed out again, is graded once, and its result is on the chain whatever it is", async () => {
    const drill = await desk.startDrift();
    expect((await desk.startDrift()).id).toBe(drill.id);
    const { sheet, entry } = await desk.answer(drill.id, { causes: ["data-drift"] });
    expect(sheet.grade?.passed).toBe(false);
    expect(entry.body).toMatchObject({ kind: "drill", subject: "drift-incident", content: { passed: false, seed: drill.seed } });
    expect(await refusal(desk.answer(drill.id, {}))).toBe("SHEET_ANSWERED");
    expect((await desk.startDrift()).id).not.toBe(drill.id);
    expect(await refusal(desk.answer("none", {}))).toBe("SHEET_NOT_FOUND");
  });

  test("of two answers that come at once, one counts", async () => {
    const drill = await desk.startDesign("fraud");
    const both = await Promise.all([refusal(desk.answer(drill.id, {})), refusal(desk.answer(drill.id, {}))]);
    expect(both.filter((code) => code === "SHEET_ANSWERED")).toHaveLength(1);
    expect((await desk.evidence()).filter(({ body }) => body.kind === "drill")).toHaveLength(1);
  });

  test("design drills go round the five cases", async () => {
    const met = [];
    for (let i = 0; i < 5; i++) met.push((await desk.startDesign()).sheet.subject);
    expect(new Set(met).size).toBe(5);
  });

  test("a round is held to its time, with fresh numbers each time", async () => {
    const right = (seed: string): Answers => Object.fromEntries(fundamentalItems(seed).map(({ question, expected }) => [question.id, String(expected)]));
    const first = await desk.startRound(2);
    clock.advanceBy(19 * MICROS_PER_MINUTE);
    const inTime = await desk.answer(first.id, right(first.seed));
    expect(inTime.sheet.grade).toMatchObject({ passed: true, score: 1, record: { minutesUsed: 19 } });
    const second = await desk.startRound(2);
    expect(second.sheet.sections).not.toEqual(first.sheet.sections);
    clock.advanceBy(21 * MICROS_PER_MINUTE);
    expect((await desk.answer(second.id, right(second.seed))).sheet.grade).toMatchObject({ passed: false, says: expect.stringMatching(/Over time/) });
  });

  test("a round left open is handed out again, and one whose time ran out counts as not passed", async () => {
    const round = await desk.startRound(2);
    clock.advanceBy(5 * MICROS_PER_MINUTE);
    expect((await desk.startRound(2)).id).toBe(round.id);
    clock.advanceBy(30 * MICROS_PER_MINUTE);
    expect((await desk.startRound(2)).id).not.toBe(round.id);
    expect((await desk.sheet(round.id)).grade).toMatchObject({ passed: false, score: 0 });
    expect((await desk.evidence()).map(({ body }) => body.kind)).toEqual(["interview"]);
  });

  test("round 1 asks for a lab of weeks 12 to 16 and grades it inside the time", async () => {
    const round = await desk.startRound(1);
    expect(round.sheet.lab).toBeGreaterThanOrEqual(13);
    const words = { cost: "word ".repeat(15), "tie-in": "word ".repeat(15) };
    expect((await desk.answer(round.id, words, { language: "typescript", source: "x" })).sheet.grade?.passed).toBe(true);
    const other = await desk.startRound(1);
    passes = false;
    expect((await desk.answer(other.id, words, { language: "typescript", source: "x" })).sheet.grade?.passed).toBe(false);
  });

  test("round 4 is kept as a person's word; round 5 needs an incident of one's own", async () => {
    const papers = await desk.startRound(4);
    const { entry } = await desk.answer(papers.id, {});
    expect(entry.body).toMatchObject({ producedBy: "person", content: { passed: false, judged: false } });
    await expect(desk.startRound(5)).rejects.toThrow(/no incident report on record/);
    expect(await refusal(desk.startRound(6))).toBe("INVALID_ARGUMENT");
  });

  test("words of people are kept as that, for what only people can say", async () => {
    const entry = await desk.attest("attest-real-traffic", "N. N.", "Two hundred drivers plan by it.");
    expect(entry.body).toMatchObject({ kind: "attestation", producedBy: "person" });
    expect(await refusal(desk.attest("lineage-complete", "N. N.", "trust me"))).toBe("INVALID_ARGUMENT");
    expect(await refusal(desk.attest("attest-real-traffic", " ", "x"))).toBe("INVALID_ARGUMENT");
  });

  test("a report that does not agree with the log is refused, and nothing is filed", async () => {
    const prose = "word ".repeat(25);
    const report = {
      model: "late",
      alert: "late/quality/1",
      began: "2001-01-01",
      detected: "2001-01-02",
      mitigated: "2001-01-03",
      cause: "data-drift",
      happened: prose,
      done: prose,
      changed: ["x"],
    };
    expect(await refusal(desk.fileIncident(report))).toBe("INCIDENT_MISMATCH");
    for (const broken of [null, {}, { ...report, cause: "ghosts" }, { ...report, changed: [] }, { ...report, happened: "short" }, { ...report, began: "soon" }])
      expect(await refusal(desk.fileIncident(broken)), JSON.stringify(broken)).toBe("INVALID_ARGUMENT");
    expect(await desk.evidence()).toEqual([]);
  });

  test("every pitfall and every signal has its detector, and an empty folder shows neither good nor bad", async () => {
    expect(pitfallDetectorIds.toSorted()).toEqual(roadmap.pitfalls.map(({ id }) => id).toSorted());
    expect(signalDetectorIds.toSorted()).toEqual(roadmap.signals.map(({ id }) => id).toSorted());
    const { pitfalls, signals } = await desk.readings();
    expect(new Set(pitfalls.map(({ state }) => state))).toEqual(new Set(["cannot-tell"]));
    expect(new Set(signals.map(({ state }) => state))).toEqual(new Set(["nothing"]));
  });

  test("the recorded run clears four pitfalls and has fallen into one: a version is live without a load test", () => {
    const records: PathRecords = { ...recorded, evidence: [], labs: [6] };
    const state = Object.fromEntries(desk.readingsOf(records, undefined).pitfalls.map(({ pitfallId, state: s }) => [pitfallId, s]));
    expect(state).toMatchObject({
      "notebook-grade-code": "clear",
      "accuracy-as-success": "clear",
      "monitoring-afterwards": "clear",
      "no-feature-store": "clear",
      "no-scale": "fallen",
    });
    const stray = { ...records, runs: records.runs.map((r) => ({ ...r, tags: {} })), parities: [] };
    const worse = Object.fromEntries(desk.readingsOf(stray, undefined).pitfalls.map(({ pitfallId, state: s }) => [pitfallId, s]));
    expect(worse).toMatchObject({ "notebook-grade-code": "fallen", "accuracy-as-success": "fallen" });
  });
});
