import { seededRng } from "../kernel/rng.ts";
import { MICROS_PER_DAY, MICROS_PER_HOUR } from "../kernel/time.ts";
import type { LabelRecord, PredictionRecord } from "../feedback/prediction.ts";
import { defaultMonitors, type MonitorPolicy } from "../project/definition.ts";
import { buildReferenceProfile, type ReferenceProfile } from "./profile.ts";

export const policy: MonitorPolicy = { ...defaultMonitors, consecutive: 2 };
export const days = 9;
export const perDay = 240;

export interface Happening {
  readonly atUs: number;
  readonly prediction?: PredictionRecord;
  readonly label?: LabelRecord;
}

/** Nine days of two versions: slot "b" leaves its reference on the fourth day, scores stop ranking on the fifth, some outcomes come late or are corrected. */
export function history(): Happening[] {
  const rng = seededRng("history");
  const all: Happening[] = [];
  for (let i = 0; i < days * perDay; i++) {
    const askedUs = Math.floor((i / perDay) * MICROS_PER_DAY);
    const day = Math.floor(i / perDay);
    const score = 0.02 + 0.96 * rng.next();
    const label = rng.next() < (day >= 4 ? 0.5 : score) ? 1 : 0;
    const vector = Float64Array.of(rng.next(), rng.next() + (day >= 3 ? 0.8 : 0), rng.next() < 0.1 ? Number.NaN : rng.int(4));
    const id = `q${i}`;
    const base = { id, model: "m", askedUs, servedUs: askedUs, score, vector, serviceHash: "s", fields: { row: i }, latencyUs: 100 + rng.int(900) };
    all.push({ atUs: askedUs, prediction: { ...base, version: 1, role: "champion" } });
    if (i % 3 === 0) all.push({ atUs: askedUs, prediction: { ...base, version: 2, role: "shadow", score: 1 - score } });
    if (i % 40 === 0) all.push({ atUs: askedUs, prediction: { ...base, id: `other${i}`, model: "other", version: 1, role: "champion" } });
    // One outcome in twenty never comes, one in thirty after the horizon, one in fifty is corrected.
    if (i % 20 === 7) continue;
    const knownUs = askedUs + (i % 30 === 3 ? 60 : 1 + rng.int(20)) * MICROS_PER_HOUR;
    all.push({ atUs: knownUs, label: { id, model: "m", label, knownUs } });
    if (i % 50 === 11) all.push({ atUs: knownUs + MICROS_PER_HOUR, label: { id, model: "m", label: label === 1 ? 0 : 1, knownUs: knownUs + MICROS_PER_HOUR } });
  }
  return all.sort((a, b) => a.atUs - b.atUs);
}

export function reference(): ReferenceProfile {
  const rng = seededRng("reference");
  const n = 4000;
  const uniform = (): Float64Array => Float64Array.from({ length: n }, () => rng.next());
  const holdout = { value: 0.83, low: 0.82, high: 0.84 };
  return buildReferenceProfile({
    slots: [
      { name: "a", type: "numeric" },
      { name: "b", type: "numeric" },
      { name: "c", type: "categorical" },
    ],
    columns: [uniform(), uniform(), Float64Array.from({ length: n }, () => (rng.next() < 0.1 ? Number.NaN : rng.int(4)))],
    scores: uniform().map((u) => 0.02 + 0.96 * u),
    holdout: { rows: n, auc: holdout, logLoss: holdout, brier: holdout },
  });
}
