import { expect } from "vitest";
import type { PredictionRecord } from "../../src/feedback/prediction.ts";
import { formatIso } from "../../src/kernel/time.ts";
import type { RegistryEvent } from "../../src/registry/port.ts";
import type { History, LoopRecords } from "./loop-records.ts";

/* What must hold of a finished loop's records, whatever was killed on the way. */

/** Every question of history is answered and logged, every outcome handed over is in the log, every served vector is right. */
export function expectNothingLost(records: LoopRecords, history: History): void {
  const { summary, days, labels } = records;
  expect(summary.mismatches, "mismatches").toBe(0);
  // A run so small is recomputed whole, repeats and rehearsals included.
  expect(summary.vectorsCompared, "vectors compared").toBe(records.predictions.length);
  expect(history.questions.size).toBeGreaterThan(1000);

  const answers = Map.groupBy(records.predictions.filter(isAnswer), ({ id }) => id);
  expect(missing(history.questions.keys(), answers), "questions without a logged answer").toEqual([]);
  expect(missing(answers.keys(), history.questions), "answers nobody asked for").toEqual([]);
  const played = new Set<string>();
  for (const [id, own] of answers) {
    const [first] = own as [PredictionRecord, ...PredictionRecord[]];
    const day = formatIso(first.askedUs).slice(0, 10);
    played.add(day);
    expect(first.askedUs).toBe(history.questions.get(id));
    // Asked again, it is the same question: the same version answers the same from the same vector.
    for (const { version, role, score, vector } of own) expect({ id, version, role, score, vector }).toEqual({ id, ...pick(first) });
    const { attempt = 0, retried = 0 } = days.get(day) ?? {};
    if (own.length > 1)
      expect(attempt > 1 || retried > 0, `question ${id} of ${day} is logged ${own.length} times, and nothing was killed that day`).toBe(true);
  }
  expect([...days.keys()].filter((day) => played.has(day)).length).toBe(played.size);

  const logged = new Map(labels.map(({ id, label, knownUs }) => [id, { label, knownUs }]));
  expect(missing(history.outcomes.keys(), logged), "outcomes that are not in the label log").toEqual([]);
  expect(missing(logged.keys(), history.outcomes), "labels nobody sent").toEqual([]);
  for (const [id, outcome] of history.outcomes) expect({ id, ...logged.get(id) }).toEqual({ id, ...outcome });

  const total = (of: "asked" | "labelled"): number => [...days.values()].reduce((sum, day) => sum + day[of], 0);
  expect({ asked: total("asked"), labelled: total("labelled") }).toEqual({ asked: answers.size, labelled: logged.size });
  expect({ predictions: summary.predictions, matured: summary.matured }).toEqual({ predictions: answers.size, matured: logged.size });
}

/** No step with an effect ran twice: each version, run, proof and decision is there once, and the figures told are those recorded. */
export function expectEffectsOnce(records: LoopRecords): void {
  const { summary, runs, versions, events, trackingRuns } = records;
  for (const run of runs) {
    expect([run.runId, run.state]).toEqual([run.runId, "succeeded"]);
    for (const step of run.steps) expect([run.runId, step.stepId, step.state, step.error]).toEqual([run.runId, step.stepId, "succeeded", undefined]);
    expectDistinct(
      `steps of ${run.runId}`,
      run.steps.map((step) => step.stepId),
    );
  }
  expect(versions.map((v) => v.version)).toEqual(versions.map((_, i) => i + 1));
  expect(events.map((e) => e.sequence)).toEqual(events.map((_, i) => i + 1));
  // One run in tracking per version, none left over from an attempt.
  expect(trackingRuns.map((run) => run.runId).sort()).toEqual(versions.map((v) => v.runId).sort());
  expect(trackingRuns.map((run) => run.status)).toEqual(trackingRuns.map(() => "FINISHED"));
  for (const { version, proofs } of versions) {
    const own = events.filter((e) => e.version === version);
    const count = (kind: RegistryEvent["kind"]): number => own.filter((e) => e.kind === kind).length;
    expectDistinct(
      `proofs of v${version}`,
      proofs.map((proof) => proof.kind),
    );
    expect([version, count("proof")]).toEqual([version, proofs.length]);
    expect([version, count("registered")]).toEqual([version, 1]);
    for (const kind of ["shadowed", "promoted", "refused", "stood-down"] as const) expect(count(kind), `v${version} ${kind}`).toBeLessThanOrEqual(1);
    // Once after shadow, once when the rollback rehearsal gives the traffic back.
    expect(count("ab-started"), `v${version} ab-started`).toBeLessThanOrEqual(2);
  }
  const retrained = runs.flatMap((run) => run.steps).filter((step) => /^retrain\/\d/.test(step.stepId));
  expect(summary).toMatchObject({
    promotions: events.filter((e) => e.kind === "promoted").length - 1,
    refusals: events.filter((e) => e.kind === "refused").length,
    retrainings: retrained.length,
    alerts: records.alerts.length,
  });
  expect(runs.filter((run) => run.runId.includes("-retrain-"))).toHaveLength(retrained.length);
  for (const windows of [records.drift, records.quality])
    expectDistinct(
      "windows",
      windows.map(({ version, role, startUs }) => `${version} ${role} ${startUs}`),
    );
  expectDistinct(
    "alerts",
    records.alerts.map((alert) => alert.id),
  );
}

/** Questions under way at once that were asked by the loop, and as many whose shadows are being written. */
const mostAtOnce = 64;

/**
 * Windows, alerts, models and decisions are those of the loop that nobody disturbed.
 *
 * Shadows alone may differ: they are scored after the answer is out, so those asked in a serving process's last moment are lost with it.
 * @returns how many shadow answers are missing, and how many stretches of questions, in the order of their answers, they lie in
 */
export function expectSameDecisions(records: LoopRecords, calm: LoopRecords): { readonly lost: number; readonly stretches: number } {
  const shadows = (of: LoopRecords): Map<string, string> =>
    new Map(of.predictions.filter((p) => p.role === "shadow").map((p) => [`${p.version}/${p.id}`, p.id]));
  const [own, all] = [shadows(records), shadows(calm)];
  const lost = missing(all.keys(), own);
  expect(missing(own.keys(), all), "shadow answers the calm loop has not").toEqual([]);
  expect(decisions(records, lost.length > 0)).toEqual(decisions(calm, lost.length > 0));
  const shadowed = new Set(all.values());
  const lostIds = new Set(lost.map((key) => all.get(key)));
  // Asked again, it is the last answer that counts.
  const answered = [
    ...new Set(
      records.predictions
        .filter((p) => isAnswer(p) && shadowed.has(p.id))
        .map(({ id }) => id)
        .toReversed(),
    ),
  ].toReversed();
  const places = answered.flatMap((id, place) => (lostIds.has(id) ? [place] : []));
  return { lost: lost.length, stretches: places.filter((place, i) => i === 0 || place - places[i - 1]! > mostAtOnce).length };
}

function decisions(records: LoopRecords, withoutShadows: boolean): unknown {
  const { versions, events, deployment, drift, slots, quality, alerts, runs, trackingRuns, summary } = records;
  const kept = <T extends { readonly role: string }>(windows: readonly T[]): T[] => windows.filter((window) => !withoutShadows || window.role !== "shadow");
  /** What was measured in milliseconds differs, and so does what was measured on shadows if some are lost. */
  const told = (text: string): string =>
    /rollback/.test(text) || (withoutShadows && /shadow/.test(text)) ? text.slice(0, 15) : text.replace(/run [0-9a-f]{32}/, "run");
  const byRun = new Map(trackingRuns.map((run) => [run.runId, run]));
  return {
    versions: versions.map(({ version, state, definitionHash, serviceHash, datasetHash, proofs, waivers, runId }) => {
      const { params, metrics } = byRun.get(runId) ?? { params: {}, metrics: {} };
      const measured = Object.fromEntries(Object.entries(metrics).map(([key, { value, step }]) => [key, [value, step]]));
      const proved = proofs.map(({ kind, passed, summary: text, recordedUs }) => ({ kind, passed, text: told(`${kind} ${text}`), recordedUs }));
      return { version, state, definitionHash, serviceHash, datasetHash, proofs: proved, waivers, params, measured };
    }),
    events: events.map(({ reason, ...event }) => ({ ...event, reason: told(reason) })),
    deployment: deployment === undefined ? undefined : { ...deployment, reason: told(deployment.reason) },
    drift: kept(drift).map(({ latencyUs: _latencyUs, ...window }) => window),
    slots: kept(slots),
    quality: kept(quality),
    alerts,
    steps: Object.fromEntries(runs.map((run) => [run.runId, run.steps.map((step) => step.stepId).sort()])),
    summary: { ...summary, vectorsCompared: 0, valuesCompared: 0, latencyMs: 0, seconds: 0, phaseSeconds: 0, peakMemoryMb: 0, recorded: false },
  };
}

function isAnswer({ role, id }: PredictionRecord): boolean {
  return role !== "shadow" && !id.startsWith("rehearsal-");
}

function pick({ version, role, score, vector }: PredictionRecord): Pick<PredictionRecord, "version" | "role" | "score" | "vector"> {
  return { version, role, score, vector };
}

function missing(expected: Iterable<string>, found: { has(id: string): boolean }): string[] {
  return [...expected].filter((id) => !found.has(id));
}

function expectDistinct(what: string, values: readonly string[]): void {
  expect(
    values.filter((value, i) => values.indexOf(value) !== i),
    `${what} that are there twice`,
  ).toEqual([]);
}
