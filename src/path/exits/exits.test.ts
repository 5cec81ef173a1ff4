import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MICROS_PER_DAY, MICROS_PER_MINUTE } from "../../kernel/time.ts";
import { roadmap } from "../content/roadmap.ts";
import { entryOf, genesis, type EvidenceBody, type EvidenceEntry } from "../evidence/entry.ts";
import { judgeStages, nextAction, predicates } from "./predicates.ts";
import type { Judgement } from "./predicate.ts";
import type { DatasetRecord, ModelRecord, PathRecords, RunRecord, TrainingRecord } from "./records.ts";

/*
 * recorded.json is what readRecords gave for a real data folder: the loop of test/e2e/small, run to its end; run again in another folder
 * (`elsewhere`); and `karkhana train` on a copy of the file in which 400 of 20,000 delays were spoilt. Evaluation details are left out.
 */
const recorded: PathRecords = {
  ...(JSON.parse(readFileSync(join(import.meta.dirname, "recorded.json"), "utf8")) as Omit<PathRecords, "evidence" | "labs">),
  evidence: [],
  labs: [4, 6, 9, 13, 23, 25],
};
const model = recorded.models[0]!;
const champion = model.versions.find((v) => v.version === model.deployment?.champion)!;

function judge(id: string, records: PathRecords): Judgement {
  return predicates.find((p) => p.id === id)!.judge(records);
}

function missingOf(id: string, records: PathRecords): string {
  const judgement = judge(id, records);
  if (judgement.proved) throw new Error(`${id} was proved by ${JSON.stringify(judgement.found)}`);
  return judgement.missing;
}

const withModel = (part: Partial<ModelRecord>): PathRecords => ({ ...recorded, models: [{ ...model, ...part }] });
const withTrainings = (change: (t: TrainingRecord) => TrainingRecord): PathRecords => ({ ...recorded, trainings: recorded.trainings.map(change) });
const withElsewhere = (change: (t: TrainingRecord) => TrainingRecord): PathRecords => ({ ...recorded, elsewhere: recorded.elsewhere.map(change) });
const withDatasets = (change: (d: DatasetRecord) => DatasetRecord): PathRecords => ({ ...recorded, datasets: recorded.datasets.map(change) });
const withRuns = (change: (r: RunRecord) => RunRecord): PathRecords => ({ ...recorded, runs: recorded.runs.map(change) });
const withVersions = (change: (v: ModelRecord["versions"][number]) => ModelRecord["versions"][number]): PathRecords =>
  withModel({ versions: model.versions.map(change) });

/** The same records as if every question had been live: answers given a second after they were asked. */
const lived: PathRecords = withModel({ answers: model.answers.map((a) => ({ ...a, servedUs: a.askedUs + 1_000_000 })) });
const loadTest: RunRecord = {
  runId: "load",
  experiment: "load-test",
  status: "FINISHED",
  tags: { model: model.model, version: String(champion.version), machine: "2 cores", arrivals: "open-loop" },
  params: {},
  metrics: { latency_p95_ms: 4, requests_per_second: 10_000, errors: 0 },
};
const withLoadTest = (part: Partial<RunRecord> = {}): PathRecords => ({ ...recorded, runs: [...recorded.runs, { ...loadTest, ...part }] });

/** The chain that a person's labs, drills and report leave behind. */
function chainOf(
  bodies: readonly (Pick<EvidenceBody, "kind" | "subject" | "content"> & { readonly producedBy?: EvidenceBody["producedBy"] })[],
): EvidenceEntry[] {
  let previous = genesis;
  return bodies.map(({ producedBy = "grader", ...body }, i) => {
    const entry = entryOf({ format: 1, sequence: i + 1, atUs: i, key: String(i), previous, producedBy, ...body });
    previous = entry.hash;
    return entry;
  });
}
const lab = (n: number, content: EvidenceBody["content"] = {}): Parameters<typeof chainOf>[0][number] => ({
  kind: "lab",
  subject: `lab-${n}`,
  content: { passed: true, language: "typescript", ...content },
});
const design = (name: string, passed = true): Parameters<typeof chainOf>[0][number] => ({
  kind: "drill",
  subject: `design-${name}`,
  content: { passed, score: passed ? 0.9 : 0.7 },
});
const drift = (passed: boolean, ...causes: readonly string[]): Parameters<typeof chainOf>[0][number] => ({
  kind: "drill",
  subject: "drift-incident",
  content: { passed, causes },
});
const alert = model.alerts.find((a) => recorded.trainings.some((t) => t.champion > 0 && t.candidate !== undefined && t.reason.includes(a.summary)))!;
const answering = recorded.trainings.find((t) => t.champion > 0 && t.reason.includes(alert.summary))!;
const mended = model.events.find((e) => e.kind === "promoted" && e.version === answering.candidate)!;
const prose =
  "Late flights were scored as punctual because the weather of March was unlike that of the winter before it, and for two weeks nobody looked at it.";
const report: Parameters<typeof chainOf>[0][number] = {
  kind: "incident-report",
  subject: model.model,
  producedBy: "person",
  content: {
    model: model.model,
    alert: alert.id,
    beganUs: alert.sinceUs,
    detectedUs: alert.raisedUs,
    mitigatedUs: mended.atUs,
    cause: "concept-drift",
    happened: prose,
    done: prose,
    changed: ["retraining waits for one window less"],
  },
};
const eight = [drift(true, "data-drift"), drift(true, "concept-drift"), drift(true, "feature-pipeline"), drift(true, "infrastructure")];
const deck = [...eight, drift(true, "none"), drift(false, "data-drift", "infrastructure"), drift(true, "data-drift"), drift(true, "concept-drift")];
const work = [...[4, 6, 9, 13, 23, 25].map((n) => lab(n)), design("fraud"), design("search"), design("forecasting"), report, ...deck];
const withWork = (bodies: Parameters<typeof chainOf>[0]): PathRecords => ({ ...recorded, evidence: chainOf(bodies) });

describe("the recorded data folder", () => {
  test("proves what a run of the loop, a second run elsewhere and a refused file can prove", () => {
    const provedIds = predicates.filter((p) => p.judge(recorded).proved).map(({ id }) => id);
    expect(provedIds).toEqual([
      "pipeline-rerun",
      "gate-blocked-bad-file",
      "training-logged",
      "lineage-complete",
      "evaluated-before-live",
      "monitors-before-live",
      "alert-answered",
      "retraining-promoted",
      "rollback-rehearsed",
      "served-equals-offline",
    ]);
  });

  test("every condition that holds names records that are there", () => {
    const ids = new Set([
      ...recorded.datasets.map((d) => d.hash),
      ...recorded.runs.map((r) => r.runId),
      ...[...recorded.trainings, ...recorded.elsewhere, ...recorded.parities].map((t) => t.runId),
      ...model.alerts.map((a) => a.id),
      ...model.versions.map((v) => `${v.model} v${v.version}`),
      ...model.events.map((e) => `${e.model}/${e.sequence}`),
    ]);
    for (const predicate of predicates) {
      const judgement = predicate.judge(recorded);
      if (!judgement.proved) continue;
      expect(judgement.found.length, predicate.id).toBeGreaterThan(0);
      expect(
        judgement.found.filter(({ id }) => !ids.has(id)),
        predicate.id,
      ).toEqual([]);
    }
  });

  test("proves no stage by its records alone, and stage 5 never by machine", () => {
    expect(judgeStages(roadmap, recorded).map(({ state }) => state)).toEqual(["open", "open", "open", "attested-only", "attested-only"]);
  });

  test("with what was shown in labs, drills and reports, proves the exits of stages 1, 2 and 3", () => {
    expect(judgeStages(roadmap, shown).map(({ state }) => state)).toEqual(["proved", "proved", "proved", "attested-only", "attested-only"]);
    expect(nextAction(judgeStages(roadmap, shown))).toBeUndefined();
  });

  test("an empty data folder proves nothing, and the next action is a command", () => {
    const empty: PathRecords = { nowUs: 0, datasets: [], runs: [], trainings: [], parities: [], models: [], elsewhere: [], evidence: [], labs: [6] };
    expect(predicates.filter((p) => p.judge(empty).proved)).toEqual([]);
    expect(nextAction(judgeStages(roadmap, empty))).toMatchObject({ stageId: "stage-1", command: "karkhana run" });
  });
});

describe("what needs records that this folder does not hold", () => {
  test("28 days live are proved when the answers were given as they were asked", () => {
    expect(judge("live-28-days", lived)).toMatchObject({ proved: true });
  });

  test("a stored load test of a live version is proved", () => {
    expect(judge("load-test-stored", withLoadTest())).toMatchObject({ proved: true });
  });
});

/** Everything at once: the run of the loop, its answers lived, a load test, and what was shown. */
const shown: PathRecords = { ...lived, runs: [...recorded.runs, loadTest], evidence: chainOf(work) };

const fit = (t: TrainingRecord, change: Partial<NonNullable<TrainingRecord["fit"]>>): TrainingRecord =>
  t.fit === undefined ? t : { ...t, fit: { ...t.fit, ...change } };
const dropEvents = (kind: string): PathRecords => withModel({ events: model.events.filter((e) => e.kind !== kind) });
const withoutProof = (kind: string): PathRecords => withVersions((v) => ({ ...v, proofs: v.proofs.filter((p) => p.kind !== kind) }));
const failedProof = (kind: string): PathRecords =>
  withVersions((v) => ({ ...v, proofs: v.proofs.map((p) => (p.kind === kind ? { ...p, passed: false } : p)) }));
const waived = (kind: string): PathRecords => withVersions((v) => ({ ...v, waivers: { ...v.waivers, [kind]: "not today" } }));
const swapOrder = (kind: string): PathRecords =>
  withModel({ events: model.events.map((e) => (e.kind === "proof" && e.reason.startsWith(kind) ? { ...e, sequence: e.sequence + 1000 } : e)) });
const lastWindowUs = Math.max(...model.windows.map((w) => w.endUs));

describe("a near miss is not proof", () => {
  test.each<readonly [string, string, PathRecords, RegExp]>([
    ["pipeline-rerun", "no second run", { ...recorded, elsewhere: [] }, /no second run/],
    ["pipeline-rerun", "the data folder itself, copied", { ...recorded, elsewhere: recorded.trainings }, /no second run/],
    [
      "pipeline-rerun",
      "one model with another hash",
      withElsewhere((t) => fit(t, { models: (t.fit?.models ?? []).map((m, i) => (i === 0 ? { ...m, sha256: "0".repeat(64) } : m)) })),
      /another hash/,
    ],
    ["pipeline-rerun", "a model missing from the second run", withElsewhere((t) => fit(t, { models: [] })), /another hash/],
    ["pipeline-rerun", "other data or parameters", withElsewhere((t) => fit(t, { key: "other" })), /other data, features or parameters/],
    ["pipeline-rerun", "a second run that took its fit from the cache", withElsewhere((t) => fit(t, { cached: true })), /no second run/],
    ["pipeline-rerun", "a second run that failed", withElsewhere((t) => ({ ...t, state: "failed" })), /no second run/],

    [
      "gate-blocked-bad-file",
      "nothing refused",
      { ...recorded, datasets: recorded.datasets.filter((d) => d.status === "accepted") },
      /no file was ever refused/,
    ],
    ["gate-blocked-bad-file", "refused for something other than its rows", withDatasets((d) => ({ ...d, failingRows: 0 })), /no pipeline was seen to stop/],
    [
      "gate-blocked-bad-file",
      "no pipeline stopped",
      { ...recorded, trainings: recorded.trainings.filter((t) => t.state !== "failed") },
      /no pipeline was seen to stop/,
    ],
    [
      "gate-blocked-bad-file",
      "the pipeline failed for another reason",
      withTrainings((t) => (t.error === undefined ? t : { ...t, error: { ...t.error, code: "SOURCE_CHANGED" } })),
      /no pipeline was seen to stop/,
    ],
    [
      "gate-blocked-bad-file",
      "the pipeline trained all the same",
      withTrainings((t) => (t.state === "failed" ? { ...t, succeededSteps: ["data", "training-set", "fit"] } : t)),
      /no pipeline was seen to stop/,
    ],
    [
      "gate-blocked-bad-file",
      "something was trained on the refused file",
      withTrainings((t) => ({ ...t, data: recorded.datasets.map(({ source, hash }) => ({ source, hash })) })),
      /no pipeline was seen to stop/,
    ],
    ["gate-blocked-bad-file", "a gate that refuses every file", withDatasets((d) => ({ ...d, status: "refused" })), /no good file/],

    ["training-logged", "no parameters", withRuns((r) => ({ ...r, params: {} })), /no parameters or no metrics/],
    ["training-logged", "no metrics", withRuns((r) => ({ ...r, metrics: {} })), /no parameters or no metrics/],
    ["training-logged", "runs of no pipeline", withRuns((r) => ({ ...r, tags: {} })), /belongs to a pipeline/],
    ["training-logged", "runs that did not finish", withRuns((r) => ({ ...r, status: "FAILED" })), /no finished run/],

    [
      "lineage-complete",
      "nothing deployed",
      { ...recorded, models: [{ ...model, deployment: { ...model.deployment!, champion: 99 } }] },
      /no model is deployed/,
    ],
    ["lineage-complete", "a run that is gone", { ...recorded, runs: recorded.runs.filter((r) => r.runId !== champion.runId) }, /not in the tracking store/],
    ["lineage-complete", "a run that failed", withRuns((r) => ({ ...r, status: "FAILED" })), /is FAILED/],
    ["lineage-complete", "no pipeline behind the run", withRuns((r) => ({ ...r, tags: { ...r.tags, pipeline: "by hand" } })), /no pipeline is on record/],
    ["lineage-complete", "data that makes another hash", withTrainings((t) => ({ ...t, data: [...t.data].reverse() })), /does not make the dataset hash/],
    ["lineage-complete", "a file that is not on record", { ...recorded, datasets: [] }, /not on record/],
    ["lineage-complete", "a file that was refused", withDatasets((d) => ({ ...d, status: "refused" })), /refused/],
    ["lineage-complete", "no endpoint: nothing answered", withModel({ answers: [] }), /does not serve/],
    ["lineage-complete", "answers in shadow only", withModel({ answers: model.answers.map((a) => ({ ...a, role: "shadow" })) }), /does not serve/],

    ["evaluated-before-live", "no evaluation", withoutProof("offline-evaluation"), /no proof offline-evaluation/],
    ["evaluated-before-live", "one that did not pass", failedProof("offline-evaluation"), /did not pass/],
    [
      "evaluated-before-live",
      "one that passed, and failed when repeated",
      withVersions((v) => ({
        ...v,
        proofs: [...v.proofs, ...v.proofs.filter((p) => p.kind === "offline-evaluation").map((p) => ({ ...p, passed: false, recordedUs: p.recordedUs + 1 }))],
      })),
      /did not pass/,
    ],
    ["evaluated-before-live", "one waived", waived("offline-evaluation"), /was waived/],
    ["evaluated-before-live", "one recorded after the promotion", swapOrder("offline-evaluation"), /came after it was live/],
    ["monitors-before-live", "no monitors", withoutProof("monitors"), /no proof monitors/],
    ["monitors-before-live", "monitors that failed their test", failedProof("monitors"), /did not pass/],
    ["monitors-before-live", "monitors waived", waived("monitors"), /was waived/],
    ["monitors-before-live", "monitors added after deployment", swapOrder("monitors"), /came after it was live/],
    ["monitors-before-live", "nothing promoted", dropEvents("promoted"), /ever promoted/],

    ["load-test-stored", "none stored", recorded, /no finished run/],
    ["load-test-stored", "one without its p95", withLoadTest({ metrics: { requests_per_second: 10_000, errors: 0 } }), /lacks latency_p95_ms/],
    ["load-test-stored", "one without its machine", withLoadTest({ tags: { ...loadTest.tags, machine: "" } }), /lacks machine/],
    ["load-test-stored", "arrivals that wait for answers", withLoadTest({ tags: { ...loadTest.tags, arrivals: "closed-loop" } }), /hides the tail/],
    ["load-test-stored", "a version that was never live", withLoadTest({ tags: { ...loadTest.tags, version: "77" } }), /never live/],
    ["load-test-stored", "one that did not finish", withLoadTest({ status: "RUNNING" }), /no finished run/],

    ["live-28-days", "a replay of a month in a minute", recorded, /replayed, not lived/],
    [
      "live-28-days",
      "27 days",
      {
        ...lived,
        models: [{ ...lived.models[0]!, events: model.events.map((e) => (e.kind === "promoted" ? { ...e, atUs: lastWindowUs - 27 * MICROS_PER_DAY } : e)) }],
      },
      /27\.0 days/,
    ],
    [
      "live-28-days",
      "monitors over 26 of 28 days",
      {
        ...lived,
        models: [
          {
            ...lived.models[0]!,
            windows: model.windows.filter((w) => w.endUs > lastWindowUs - MICROS_PER_MINUTE || w.endUs <= lastWindowUs - 3 * MICROS_PER_DAY),
          },
        ],
      },
      /cover 92\.9 %/,
    ],
    [
      "live-28-days",
      "windows of a shadow",
      { ...lived, models: [{ ...lived.models[0]!, windows: model.windows.map((w) => ({ ...w, role: "shadow" })) }] },
      /no window of its monitors/,
    ],
    [
      "live-28-days",
      "windows without an answer",
      { ...lived, models: [{ ...lived.models[0]!, windows: model.windows.map((w) => ({ ...w, predictions: 0 })) }] },
      /no window of its monitors/,
    ],
    [
      "live-28-days",
      "a tenth of the answers replayed",
      withModel({ answers: model.answers.map((a, i) => ({ ...a, servedUs: a.askedUs + (i % 10 === 0 ? MICROS_PER_DAY : 0) })) }),
      /replayed/,
    ],

    ["alert-answered", "no alert", withModel({ alerts: [] }), /no alert was ever raised/],
    ["alert-answered", "an alert that nothing answers", withTrainings((t) => ({ ...t, reason: "scheduled" })), /nothing on record answers/],
    ["alert-answered", "a retraining of another model for the same words", withTrainings((t) => ({ ...t, model: "other" })), /nothing on record answers/],
    ["alert-answered", "a first training is no answer", withTrainings((t) => ({ ...t, champion: 0 })), /nothing on record answers/],
    [
      "alert-answered",
      "a rollback before the alert",
      {
        ...withTrainings((t) => ({ ...t, reason: "scheduled" })),
        models: [
          {
            ...model,
            events: [...model.events, { sequence: 999, model: model.model, kind: "rolled-back", reason: "too early", atUs: model.alerts[0]!.raisedUs - 1 }],
          },
        ],
      },
      /nothing on record answers/,
    ],

    ["retraining-promoted", "no retraining", withTrainings((t) => ({ ...t, champion: 0 })), /no retraining has run/],
    [
      "retraining-promoted",
      "one that was not promoted",
      withModel({ events: model.events.filter((e) => !(e.kind === "promoted" && e.version === champion.version)) }),
      /was not promoted/,
    ],
    ["retraining-promoted", "one of the five waived", waived("ab"), /without ab/],
    ["retraining-promoted", "one of the five failed", failedProof("shadow"), /without shadow/],
    ["retraining-promoted", "one of the five absent", withoutProof("rollback"), /without rollback/],
    ["retraining-promoted", "a version another pipeline made", withRuns((r) => ({ ...r, tags: { ...r.tags, pipeline: "other" } })), /none of the retrainings/],

    ["rollback-rehearsed", "rehearsals that failed", failedProof("rollback"), /every rehearsal failed/],
    ["rollback-rehearsed", "waived", withoutProof("rollback"), /waived, which rehearses nothing/],

    ["served-equals-offline", "never compared", { ...recorded, parities: [] }, /never compared/],
    ["served-equals-offline", "one value different", { ...recorded, parities: recorded.parities.map((p) => ({ ...p, mismatches: 1 })) }, /differ/],
    ["foundation-labs", "one lab open", withWork(work.filter(({ subject }) => subject !== "lab-9")), /5|3 of 4 passed; open: 9/],
    ["foundation-labs", "one that did not pass", withWork([lab(4), lab(6), lab(13), lab(9, { passed: false })]), /open: 9/],
    ["foundation-labs", "one that a person vouches for", withWork([lab(4), lab(6), lab(13), { ...lab(9), producedBy: "person" }]), /open: 9/],
    ["core-labs", "another stage's labs", withWork([lab(4), lab(6), lab(9), lab(13)]), /0 of 2 passed; open: 23, 25/],
    ["design-submissions", "the same case three times", withWork([design("fraud"), design("fraud"), design("fraud")]), /1 of 3/],
    ["design-submissions", "one below 80 %", withWork([design("fraud"), design("search"), design("forecasting", false)]), /2 of 3/],
    ["drift-drills", "six of eight", withWork([...deck.slice(0, 7), drift(false, "concept-drift")]), /6 of the last 8/],
    [
      "drift-drills",
      "a cause never solved",
      withWork(deck.map((d) => (JSON.stringify(d.content["causes"]) === '["infrastructure"]' ? drift(true, "none") : d))),
      /infrastructure/,
    ],
    ["drift-drills", "seven in all", withWork(deck.slice(0, 5).concat(drift(true, "data-drift"), drift(true, "none"))), /8 in a row/],
    ["drift-drills", "eight good ones picked out of many", withWork(deck.flatMap((d) => [d, drift(false, "none")])), /of the last 8 solved/],
    ["incident-report", "none", recorded, /no incident report/],
    [
      "incident-report",
      "detected two minutes off",
      withWork([{ ...report, content: { ...report.content, detectedUs: alert.raisedUs + 2 * MICROS_PER_MINUTE } }]),
      /detected: the report says .* the log/,
    ],
    [
      "incident-report",
      "mended by a promotion that had nothing to do with it",
      withWork([{ ...report, content: { ...report.content, mitigatedUs: mended.atUs - MICROS_PER_DAY } }]),
      /mitigated/,
    ],
    [
      "incident-report",
      "of an alert that is not in the log",
      withWork([{ ...report, content: { ...report.content, alert: "late/quality/1" } }]),
      /holds no alert/,
    ],
    ["incident-report", "the alert's answer is gone from the log", { ...withWork([report]), trainings: [] }, /no rollback after the alert/],

    ["served-equals-offline", "too few to mean anything", { ...recorded, parities: recorded.parities.map((p) => ({ ...p, vectors: 99 })) }, /fewer than 100/],
  ])("%s: %s", (id, _what, records, expected) => {
    expect(missingOf(id, records)).toMatch(expected);
  });

  test("every condition that is open names a command", () => {
    const empty: PathRecords = { nowUs: 0, datasets: [], runs: [], trainings: [], parities: [], models: [], elsewhere: [], evidence: [], labs: [6, 23] };
    const commands = predicates.map((p) => p.judge(empty)).map((judgement) => (judgement.proved ? "proved" : judgement.command));
    for (const command of commands) expect(command).toMatch(/karkhana/);
  });
});

describe("a file put right", () => {
  test("a pipeline that stopped at a bad file and went on after it was put right still shows the gate", () => {
    const refused = recorded.datasets.find((d) => d.status === "refused")!;
    const good = recorded.datasets.filter((d) => d.status === "accepted").map(({ source, hash }) => ({ source, hash }));
    const { error: _error, ...failed } = recorded.trainings.find((t) => t.state === "failed")!;
    const mended = { ...failed, state: "succeeded" as const, data: good, succeededSteps: ["data", "training-set", "fit"], endedUs: refused.createdUs + 1 };
    const records = { ...recorded, trainings: [...recorded.trainings.filter((t) => t.state !== "failed"), mended] };
    expect(judge("gate-blocked-bad-file", records)).toMatchObject({ proved: true });
    expect(missingOf("gate-blocked-bad-file", { ...records, trainings: [{ ...mended, endedUs: refused.createdUs - 1 }] })).toMatch(
      /no pipeline was seen to stop/,
    );
  });
});
