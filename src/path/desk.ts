import type { Clock, Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { definitionHash, type Canonical } from "../kernel/hashing.ts";
import { MICROS_PER_MINUTE } from "../kernel/time.ts";
import type { Pipelines } from "../pipelines/port.ts";
import { roadmap } from "./content/roadmap.ts";
import type { Answers, Grade, Sheet, SheetKind, StoredSheet } from "./drills/sheet.ts";
import { createDesign, gradeDesign, type DesignTruth } from "./drills/design.ts";
import { designCases } from "./drills/design-cases.ts";
import { createDrift, driftSubject, gradeDrift, injectionsOf, showsEveryCause, type DriftTruth } from "./drills/drift.ts";
import { madeTraffic, type DrillTraffic } from "./drills/traffic.ts";
import type { PitfallReading, SignalReading } from "./detectors/detector.ts";
import { readPitfalls } from "./detectors/pitfalls.ts";
import { readSignals } from "./detectors/signals.ts";
import type { EvidenceContent, EvidenceEntry } from "./evidence/entry.ts";
import { createReport, reportText } from "./evidence/report.ts";
import type { EvidenceStore } from "./evidence/store.ts";
import { recordOf } from "./exits/found-record.ts";
import { judgeStages, type StageVerdict } from "./exits/predicates.ts";
import { readRecords, type PathRecords, type RecordRooms } from "./exits/records.ts";
import { matchReport, parseIncidentReport } from "./incident-report.ts";
import { createFundamentals, gradeFundamentals, type FundamentalItem } from "./interview/fundamentals.ts";
import {
  createCoding,
  createDesignRound,
  createPapers,
  createStory,
  gradeCoding,
  gradeDesignRound,
  gradePapers,
  gradeStory,
  heldToTime,
  type StoryTruth,
} from "./interview/rounds.ts";
import type { Language } from "./labs/lab.ts";
import { verdictHash, type Verdict } from "./labs/verdict.ts";
import { nextStep, type Next } from "./next.ts";
import { settledBlocks, type PlacementLab } from "./placement.ts";
import type { PlanStore, SavedPlan, SavedRequest } from "./plans.ts";
import type { SheetStore } from "./sheets.ts";

/** Grades a solution under a fresh seed, in a process of its own. */
export type LabGrader = (request: { readonly lab: number; readonly language: Language; readonly source: string }) => Promise<Verdict>;

export interface DeskParts {
  readonly rooms: Omit<RecordRooms, "evidence" | "labs">;
  readonly evidence: EvidenceStore;
  readonly plans: PlanStore;
  readonly sheets: SheetStore;
  /** The labs that this program has. */
  readonly labs: readonly (PlacementLab & { readonly title: string })[];
  /** Machine clock: evidence and time limits. */
  readonly clock: Clock;
  /** A seed that nobody could know before. */
  readonly freshSeed: () => string;
  readonly gradeLab: LabGrader;
  /** Labelled answers of the project's own log, if it holds enough of them. */
  readonly ownTraffic: () => Promise<DrillTraffic | undefined>;
  /** Pipelines of a second data folder, where one was shown. */
  readonly elsewhere?: Pick<Pipelines, "listRuns">;
}

export interface LabResult {
  readonly verdict: Verdict;
  /** Entries that the verdict added to the chain: the lab, a block done, a waiver. */
  readonly added: readonly EvidenceEntry[];
}

/** Everything a person does on the Path, over the stores: the command line and the console work through this. */
export class PathDesk {
  readonly #parts: DeskParts;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  nowUs(): Micros {
    return this.#parts.clock.nowUs();
  }

  async records(): Promise<PathRecords> {
    const { rooms, evidence, elsewhere, labs } = this.#parts;
    return readRecords({ ...rooms, evidence, labs: labs.map(({ number }) => number) }, elsewhere);
  }

  evidence(): Promise<EvidenceEntry[]> {
    return this.#parts.evidence.list();
  }

  /** Puts every condition that holds now, and is not on the chain yet, on the chain: with the records that show it and their hashes. */
  async keep(records: PathRecords, verdicts: readonly StageVerdict[]): Promise<EvidenceEntry[]> {
    const known = new Set(records.evidence.map(({ body }) => body.key));
    const added: EvidenceEntry[] = [];
    for (const { stageId, conditions } of verdicts)
      for (const { predicateId, version, says, judgement } of conditions) {
        const key = `condition/${predicateId}@${version}`;
        if (!judgement.proved || known.has(key)) continue;
        const found = judgement.found.map((one) => ({ ...one, hash: definitionHash(recordOf(records, one) as Canonical) }));
        added.push(
          await this.#parts.evidence.append({
            kind: "condition",
            subject: predicateId,
            producedBy: "platform",
            key,
            content: { version, says, stageId, roadmapVersion: roadmap.version, found },
          }),
        );
      }
    return added;
  }

  async next(): Promise<Next> {
    const records = await this.records();
    return this.nextOf(records, judgeStages(roadmap, records), await this.#parts.plans.current(records.evidence));
  }

  async nextOf(records: PathRecords, verdicts: readonly StageVerdict[], saved: SavedPlan | undefined): Promise<Next> {
    return nextStep({
      verdicts,
      evidence: records.evidence,
      ...(saved === undefined ? {} : { plan: saved.plan }),
      sheets: await this.#parts.sheets.list({ limit: 20 }),
      labs: this.#parts.labs,
      nowUs: this.#parts.clock.nowUs(),
    });
  }

  /** The eight pitfalls and the seven signals, read off the records. */
  async readings(): Promise<{ readonly pitfalls: readonly PitfallReading[]; readonly signals: readonly SignalReading[] }> {
    const records = await this.records();
    return this.readingsOf(records, await this.#parts.plans.current(records.evidence));
  }

  readingsOf(records: PathRecords, saved: SavedPlan | undefined): { readonly pitfalls: readonly PitfallReading[]; readonly signals: readonly SignalReading[] } {
    const seen = { records, ...(saved === undefined ? {} : { plan: saved.plan }) };
    return {
      pitfalls: readPitfalls(
        roadmap.pitfalls.map(({ id }) => id),
        seen,
      ),
      signals: readSignals(
        roadmap.signals.map(({ id }) => id),
        seen,
      ),
    };
  }

  async plan(): Promise<SavedPlan | undefined> {
    return this.#parts.plans.current(await this.evidence());
  }

  async savePlan(request: SavedRequest): Promise<SavedPlan> {
    const saved = await this.#parts.plans.save(request, await this.evidence());
    // A new plan may skip what labs have shown already.
    const added = await this.#settle();
    return added.length === 0 ? saved : ((await this.plan()) ?? saved);
  }

  /** @throws LAB_NOT_FOUND and what the grader throws */
  async gradeLab(lab: number, language: Language, source: string): Promise<LabResult> {
    const verdict = await this.#parts.gradeLab({ lab, language, source });
    return { verdict, added: await this.recordVerdict(verdict) };
  }

  async recordVerdict(verdict: Verdict): Promise<EvidenceEntry[]> {
    if (!verdict.passed || verdict.seedOrigin !== "fresh") return [];
    const key = `lab/${verdict.lab}@${verdict.labVersion}`;
    if ((await this.evidence()).some(({ body }) => body.key === key)) return this.#settle();
    const entry = await this.#parts.evidence.append({
      kind: "lab",
      subject: verdict.lab,
      producedBy: "grader",
      key,
      content: {
        passed: true,
        labVersion: verdict.labVersion,
        language: verdict.language,
        scale: verdict.scale,
        seed: verdict.seed,
        cases: verdict.cases.length,
        sourceHash: verdict.sourceHash,
        verdictHash: verdictHash(verdict),
        runner: verdict.runner,
        guards: verdict.guards.filter(({ inForce }) => inForce).map(({ id }) => id),
      },
    });
    return [entry, ...(await this.#settle())];
  }

  async #settle(): Promise<EvidenceEntry[]> {
    const entries = await this.evidence();
    const known = new Set(entries.map(({ body }) => body.key));
    const plan = await this.#parts.plans.current(entries);
    const added: EvidenceEntry[] = [];
    for (const evidence of settledBlocks(entries, this.#parts.labs, plan?.plan))
      if (!known.has(evidence.key)) added.push(await this.#parts.evidence.append(evidence));
    return added;
  }

  /** A drift drill that is open is handed out again: walking away from one is no way to a gentler one. */
  async startDrift(): Promise<StoredSheet> {
    const { sheets, freshSeed } = this.#parts;
    const open = await this.#left("drift", driftSubject);
    if (open !== undefined) return open;
    const index = await sheets.count("drift", driftSubject);
    // A deck's seed is that of its first drill.
    const seed = freshSeed();
    const inDeck = index % 8;
    const first = inDeck === 0 ? undefined : (await sheets.list({ kind: "drift", subject: driftSubject, limit: inDeck })).at(-1);
    const injections = injectionsOf(first?.seed ?? seed, inDeck);
    const own = await this.#parts.ownTraffic();
    const fromOwn = own === undefined ? undefined : createDrift(own, injections, seed);
    const { sheet, truth } = fromOwn !== undefined && showsEveryCause(fromOwn.truth) ? fromOwn : createDrift(madeTraffic(), injections, seed);
    return sheets.open(sheet, seed, truth);
  }

  /** @param id of a case; none: the case least often met */
  async startDesign(id?: string): Promise<StoredSheet> {
    const { sheets, freshSeed } = this.#parts;
    let chosen = id;
    if (chosen === undefined) {
      const met = await Promise.all(designCases.map(async (one) => ({ id: one.id, times: await sheets.count("design", one.id) })));
      chosen = met.toSorted((a, b) => a.times - b.times)[0]!.id;
    }
    const seed = freshSeed();
    const { sheet, truth } = createDesign(chosen, seed);
    return (await this.#left("design", sheet.subject)) ?? sheets.open(sheet, seed, truth);
  }

  /** @throws INVALID_ARGUMENT for a round that is not there, or that needs a record that is not there */
  async startRound(ordinal: number): Promise<StoredSheet> {
    const { sheets, freshSeed, labs } = this.#parts;
    const seed = freshSeed();
    const refuse = (problem: string): never => {
      throw new KarkhanaError("INVALID_ARGUMENT", { field: "round", problem, value: ordinal });
    };
    const begin = async (): Promise<{ sheet: Sheet; truth: unknown }> => {
      const numbers = labs.map(({ number }) => number);
      if (ordinal === 1)
        return (
          createCoding(seed, numbers, (n) => labs.find(({ number }) => number === n)?.minutes ?? 45) ??
          refuse("this program has no coding lab of numbers 13 to 22 yet")
        );
      if (ordinal === 2) return createFundamentals(seed);
      if (ordinal === 3) return createDesignRound(seed);
      if (ordinal === 4) return createPapers();
      if (ordinal !== 5) return refuse("expected a round from 1 to 5");
      const story = createStory(await this.records());
      return "missing" in story ? refuse(story.missing) : story;
    };
    const round = roadmap.rounds.find((one) => one.ordinal === ordinal);
    const open = round === undefined ? undefined : await this.#left("interview", round.id);
    if (open !== undefined) return open;
    const { sheet, truth } = await begin();
    return sheets.open(sheet, seed, truth);
  }

  /** The sheet of a subject that was left open, to be handed out again. One whose time has run out is graded as it was left: with nothing. */
  async #left(kind: SheetKind, subject: string): Promise<StoredSheet | undefined> {
    const [newest] = await this.#parts.sheets.list({ kind, subject, limit: 1 });
    if (newest === undefined || newest.answeredUs !== undefined) return undefined;
    const { minutes } = newest.sheet;
    if (minutes === null || this.nowUs() <= newest.startedUs + minutes * MICROS_PER_MINUTE) return this.#parts.sheets.get(newest.id);
    await this.answer(newest.id, {});
    return undefined;
  }

  sheet(id: string): Promise<StoredSheet> {
    return this.#parts.sheets.get(id);
  }

  listSheets(): Promise<StoredSheet[]> {
    return this.#parts.sheets.list({ limit: 100 });
  }

  /**
   * Grades a sheet's answers, once, and puts the result on the chain.
   * @param code for a coding round
   * @throws SHEET_NOT_FOUND, SHEET_ANSWERED
   */
  async answer(
    id: string,
    answers: Answers,
    code?: { readonly language: Language; readonly source: string },
  ): Promise<{ readonly sheet: StoredSheet; readonly entry: EvidenceEntry }> {
    const { sheets, clock, evidence } = this.#parts;
    const stored = await sheets.get(id);
    if (stored.answeredUs !== undefined) throw new KarkhanaError("SHEET_ANSWERED", { id });
    const truth = await sheets.truth(id);
    // Time stops when the answers arrive, not when the grader is done.
    const answeredUs = clock.nowUs();
    const grade = heldToTime(stored.sheet, await this.#grade(stored.sheet, truth, answers, code), answeredUs - stored.startedUs);
    const closed = await sheets.close(id, answeredUs, grade);
    const { kind, subject, version } = stored.sheet;
    const entry = await evidence.append({
      kind: kind === "interview" ? "interview" : "drill",
      subject,
      producedBy: subject === "round-4-research" ? "person" : "grader",
      key: `${kind}/${id}`,
      content: {
        sheet: id,
        version,
        seed: stored.seed,
        passed: grade.passed,
        score: Math.round(grade.score * 1000) / 1000,
        ...(grade.record as EvidenceContent),
      },
    });
    return { sheet: closed, entry };
  }

  async #grade(sheet: Sheet, truth: unknown, answers: Answers, code: { readonly language: Language; readonly source: string } | undefined): Promise<Grade> {
    if (sheet.kind === "drift") return gradeDrift(sheet, truth as DriftTruth, answers);
    if (sheet.kind === "design") return gradeDesign(sheet, truth as DesignTruth, answers);
    if (sheet.subject === "round-1-coding") {
      const lab = sheet.lab ?? 0;
      const verdict = code === undefined ? undefined : await this.#parts.gradeLab({ lab, ...code });
      if (verdict !== undefined) await this.recordVerdict(verdict);
      return gradeCoding(sheet, verdict, answers);
    }
    if (sheet.subject === "round-2-fundamentals") return gradeFundamentals(truth as { readonly items: readonly FundamentalItem[] }, answers);
    if (sheet.subject === "round-3-design") return gradeDesignRound(sheet, truth as DesignTruth, answers);
    return sheet.subject === "round-4-research" ? gradePapers(sheet, answers) : gradeStory(sheet, truth as StoryTruth, answers);
  }

  /** Files a report that agrees with the event log. @throws INVALID_ARGUMENT, INCIDENT_MISMATCH: nothing is filed */
  async fileIncident(value: unknown): Promise<EvidenceEntry> {
    const report = parseIncidentReport(value);
    const { problems } = matchReport(report, await this.records());
    if (problems.length > 0) throw new KarkhanaError("INCIDENT_MISMATCH", { problem: problems.join("; ") });
    const content = { ...report, changed: [...report.changed] };
    return this.#parts.evidence.append({
      kind: "incident-report",
      subject: report.model,
      producedBy: "person",
      key: `incident/${report.alert}/${definitionHash(content).slice(0, 16)}`,
      content,
    });
  }

  /** A person's word, kept as that. @throws INVALID_ARGUMENT naming what may be attested */
  async attest(subject: string, byName: string, statement: string): Promise<EvidenceEntry> {
    if (!attestable.has(subject))
      throw new KarkhanaError("INVALID_ARGUMENT", {
        field: "subject",
        problem: `expected one of ${[...attestable.keys()].join(", ")}`,
        value: subject.slice(0, 80),
      });
    for (const [field, value, max] of [
      ["by", byName, 120],
      ["statement", statement, 2000],
    ] as const)
      if (value.trim() === "" || value.length > max)
        throw new KarkhanaError("INVALID_ARGUMENT", { field, problem: `expected a text of at most ${max} characters`, value: value.slice(0, 60) });
    const content = { byName: byName.trim(), statement: statement.trim() };
    return this.#parts.evidence.append({
      kind: "attestation",
      subject,
      producedBy: "person",
      key: `attestation/${subject}/${definitionHash(content).slice(0, 16)}`,
      content,
    });
  }

  verify(): ReturnType<EvidenceStore["verify"]> {
    return this.#parts.evidence.verify();
  }

  async exportReport(): Promise<string> {
    const records = await this.records();
    return reportText(createReport(records.evidence, judgeStages(roadmap, records), { roadmapVersion: roadmap.version, nowUs: this.#parts.clock.nowUs() }));
  }
}

/** What only people can say, by id: the exits' attestations, and the employer signals that lie outside the program. */
export const attestable: ReadonlyMap<string, string> = new Map([
  ...roadmap.stages.flatMap(({ exit }) => exit.attestations.map(({ id, text }) => [id, text] as const)),
  ...roadmap.signals.filter(({ rank }) => rank >= 5).map(({ id, title }) => [id, title] as const),
]);
