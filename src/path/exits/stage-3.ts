import { formatIso, MICROS_PER_DAY, MICROS_PER_HOUR } from "../../kernel/time.ts";
import { proofKinds } from "../../registry/port.ts";
import { decidingProof } from "../../registry/promotion.ts";
import { missing, proved, type FoundRecord, type Judgement, type Predicate } from "./predicate.ts";
import type { ModelRecord, PathRecords } from "./records.ts";

const liveDays = 28;
const minCoverage = 0.95;
/** An answer given later than this after its question's time was not given live. */
const liveLagUs = MICROS_PER_HOUR;
const minLiveShare = 0.95;

const day = (us: number): string => formatIso(us).slice(0, 10);

/** The first model that satisfies; otherwise what the last one looked at lacks. */
function ofSomeModel(records: PathRecords, none: Judgement, judge: (model: ModelRecord) => Judgement): Judgement {
  let last = none;
  for (const model of records.models) {
    const judgement = judge(model);
    if (judgement.proved) return judgement;
    last = judgement;
  }
  return last;
}

/**
 * Lived time, not replayed time: a replay lets a month pass in a minute, which is practice and is said to be. An answer is live if it was
 * given within an hour of the time it was asked about.
 */
export const live28Days: Predicate = {
  id: "live-28-days",
  version: 1,
  says: `A model was live for ${liveDays} days, answering as questions came, with monitors over at least ${minCoverage * 100} % of that time.`,
  judge: (records) =>
    ofSomeModel(records, missing("no model was ever live", "karkhana run"), (model) => {
      const promoted = model.events.find((event) => event.kind === "promoted");
      if (promoted === undefined) return missing(`${model.model} was never promoted`, "karkhana promote");
      const windows = model.windows.filter((w) => w.role === "champion" && w.predictions > 0);
      const endUs = Math.max(...windows.map((w) => w.endUs));
      if (windows.length === 0) return missing(`${model.model} is live, but no window of its monitors has closed`, "karkhana up, and keep asking");
      const fromUs = endUs - liveDays * MICROS_PER_DAY;
      const coverage = covered(windows, fromUs, endUs) / (endUs - fromUs);
      const found: FoundRecord[] = [
        { kind: "windows", id: model.model, says: `monitors cover ${(coverage * 100).toFixed(1)} % of ${day(fromUs)} to ${day(endUs)}` },
      ];
      if (promoted.atUs > fromUs)
        return missing(
          `${model.model} went live on ${day(promoted.atUs)}, ${((endUs - promoted.atUs) / MICROS_PER_DAY).toFixed(1)} days before its last window`,
          "karkhana up, until 28 days are full",
          found,
        );
      if (coverage < minCoverage)
        return missing(
          `${model.model}: monitors cover ${(coverage * 100).toFixed(1)} % of the last ${liveDays} days`,
          "karkhana up, without long pauses",
          found,
        );
      const answers = model.answers.filter((a) => a.role !== "shadow" && a.askedUs >= fromUs && a.askedUs < endUs);
      const live = answers.filter((a) => Math.abs(a.servedUs - a.askedUs) <= liveLagUs).length;
      if (answers.length === 0) return missing(`${model.model}: no answer of those days is in the log`, "karkhana up, and keep asking", found);
      if (live < minLiveShare * answers.length)
        return missing(
          `${model.model}: those days were replayed, not lived: ${live} of ${answers.length} answers looked at were given when they were asked`,
          "karkhana up, with live questions, for 28 days",
          found,
        );
      return proved(...found, { kind: "answers", id: model.model, says: `${live} of ${answers.length} answers looked at were given when they were asked` });
    }),
};

/** Microseconds of [fromUs, toUs) that some window covers; windows of several versions may lie over each other. */
function covered(windows: readonly { readonly startUs: number; readonly endUs: number }[], fromUs: number, toUs: number): number {
  let total = 0;
  let reached = fromUs;
  for (const { startUs, endUs } of [...windows].sort((a, b) => a.startUs - b.startUs)) {
    const [from, to] = [Math.max(startUs, reached), Math.min(endUs, toUs)];
    if (to > from) total += to - from;
    reached = Math.max(reached, to);
  }
  return total;
}

export const alertAnswered: Predicate = {
  id: "alert-answered",
  version: 1,
  says: "A monitor raised an alert, and something was done about it: a retraining that names it, or a rollback after it.",
  judge: (records) =>
    ofSomeModel(records, missing("no model was ever live", "karkhana run"), (model) => {
      if (model.alerts.length === 0) return missing(`${model.model}: no alert was ever raised`, "karkhana run, on history that drifts");
      for (const alert of model.alerts) {
        const found: FoundRecord = { kind: "alert", id: alert.id, says: alert.summary };
        const retraining = records.trainings.find((t) => t.model === model.model && t.champion > 0 && t.reason.includes(alert.summary));
        if (retraining !== undefined) return proved(found, { kind: "training", id: retraining.runId, says: "was started because of it" });
        const rollback = model.events.find(
          (e) => e.kind === "rolled-back" && e.atUs >= alert.raisedUs && (alert.resolvedUs === undefined || e.atUs <= alert.resolvedUs),
        );
        if (rollback !== undefined) return proved(found, { kind: "event", id: `${model.model}/${rollback.sequence}`, says: `rolled back: ${rollback.reason}` });
      }
      const found = model.alerts.slice(0, 3).map((alert) => ({ kind: "alert" as const, id: alert.id, says: alert.summary }));
      return missing(
        `${model.model}: ${model.alerts.length} alerts were raised and nothing on record answers one`,
        "karkhana train or karkhana rollback, while it is open",
        found,
      );
    }),
};

export const retrainingPromoted: Predicate = {
  id: "retraining-promoted",
  version: 1,
  says: "A retrained version was promoted through all five proofs, none of them waived.",
  judge: (records) => {
    const retrainings = records.trainings.filter((t) => t.champion > 0 && t.candidate !== undefined);
    if (retrainings.length === 0) return missing("no retraining has run", "karkhana run, with a retrain policy");
    return ofSomeModel(records, missing("no model was ever live", "karkhana run"), (model) => {
      const lacks: string[] = [];
      for (const { runId, candidate, reason } of retrainings) {
        const version = model.versions.find((v) => v.version === candidate);
        // Version numbers repeat between models, and a version may have been registered by hand: its run's own pipeline must be this one.
        const run = records.runs.find((r) => r.runId === version?.runId);
        if (version === undefined || run?.tags["pipeline"] !== runId) continue;
        const promoted = model.events.find((e) => e.kind === "promoted" && e.version === candidate);
        const wanting = proofKinds.filter((kind) => version.waivers[kind] !== undefined || decidingProof(version, kind)?.passed !== true);
        if (promoted !== undefined && wanting.length === 0)
          return proved(
            { kind: "training", id: runId, says: reason },
            {
              kind: "version",
              id: `${model.model} v${candidate}`,
              says: proofKinds.map((kind) => `${kind}: ${decidingProof(version, kind)?.summary ?? ""}`).join("; "),
            },
            { kind: "event", id: `${model.model}/${promoted.sequence}`, says: `promoted: ${promoted.reason}` },
          );
        lacks.push(
          `v${candidate} ${promoted === undefined ? "was not promoted" : "was promoted"}${wanting.length === 0 ? "" : `, without ${wanting.join(", ")}`}`,
        );
      }
      return missing(
        `${model.model}: ${lacks.length === 0 ? "none of the retrainings made a version of it" : lacks.join("; ")}`,
        "karkhana run, until a challenger passes",
      );
    });
  },
};

export const rollbackRehearsed: Predicate = {
  id: "rollback-rehearsed",
  version: 1,
  says: "The way back was rehearsed under traffic and worked, or was really taken.",
  judge: (records) =>
    ofSomeModel(records, missing("no model was ever live", "karkhana run"), (model) => {
      const rollback = model.events.find((e) => e.kind === "rolled-back");
      if (rollback !== undefined) return proved({ kind: "event", id: `${model.model}/${rollback.sequence}`, says: `rolled back: ${rollback.reason}` });
      const proofs = model.versions.flatMap((version) => version.proofs.filter((p) => p.kind === "rollback").map((proof) => ({ version, proof })));
      const passed = proofs.find(({ proof }) => proof.passed);
      if (passed !== undefined) return proved({ kind: "version", id: `${model.model} v${passed.version.version}`, says: passed.proof.summary });
      const found = proofs.map(({ version, proof }) => ({ kind: "version" as const, id: `${model.model} v${version.version}`, says: proof.summary }));
      const waived = model.versions.some((v) => v.waivers.rollback !== undefined);
      const what =
        proofs.length > 0 ? "every rehearsal failed" : waived ? "the proof was waived, which rehearses nothing" : "no rollback was rehearsed or taken";
      return missing(`${model.model}: ${what}`, "karkhana run, or karkhana rollback after a second promotion", found);
    }),
};

const minVectors = 100;

export const servedEqualsOffline: Predicate = {
  id: "served-equals-offline",
  version: 1,
  says: `At least ${minVectors} served vectors were recomputed offline and every value was equal.`,
  judge: ({ parities }) => {
    if (parities.length === 0) return missing("served vectors were never compared with offline ones", "karkhana run");
    const found = parities.map((p) => ({ kind: "parity" as const, id: p.runId, says: `${p.vectors} vectors, ${p.values} values, ${p.mismatches} different` }));
    const good = parities.findIndex((p) => p.vectors >= minVectors && p.mismatches === 0);
    if (good >= 0) return proved(...found.slice(good, good + 1));
    return missing(
      parities.some((p) => p.mismatches > 0) ? "served values differ from offline ones" : `fewer than ${minVectors} vectors were compared`,
      "karkhana run",
      found,
    );
  },
};
