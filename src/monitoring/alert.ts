import type { Micros } from "../kernel/clock.ts";

/**
 * `drift`: inputs or scores left the reference. `quality`: realised AUC fell. `pipeline`: nulls exploded or traffic broke off.
 * `parity`: served values are not what offline SQL gives. `freshness`: the newest event of a view is older than the view allows.
 */
export type AlertKind = "drift" | "quality" | "pipeline" | "parity" | "freshness";

/** At most one alert of a model and kind is open; later breaches belong to it until it is resolved. */
export interface Alert {
  /** "<model>/<kind>/<raisedUs>": the same breach found twice is the same alert. */
  readonly id: string;
  readonly model: string;
  readonly kind: AlertKind;
  readonly version: number;
  readonly status: "open" | "resolved";
  /** One sentence for people, with the figures. */
  readonly summary: string;
  /** What was over and by how much when it was raised, worst first. */
  readonly findings: readonly Finding[];
  /** Start of the first window of the breach. */
  readonly sinceUs: Micros;
  /** Event time at which the last window needed could be judged. */
  readonly raisedUs: Micros;
  readonly resolvedUs?: Micros;
}

/** One thing out of bounds in one window: a slot's PSI, the realised AUC, a share of nulls, a volume. */
export interface Finding {
  /** Slot name, "score", "auc", "volume" or "vector". */
  readonly subject: string;
  readonly measure: "psi" | "auc" | "null-share" | "predictions" | "misshapen" | "mismatch-share" | "event-age";
  readonly value: number;
  readonly threshold: number;
}

/** What one judged window says of one kind. */
export interface Verdict {
  readonly version: number;
  readonly startUs: Micros;
  /** Empty if the window is clean. */
  readonly findings: readonly Finding[];
  /** Event time of the judgement. */
  readonly atUs: Micros;
}

/**
 * Where one (model, kind) stands. JSON.
 *
 *            same subject over `raiseAfter` windows in a row
 *   quiet  --------------------------------------------------->  open
 *          <---------------------------------------------------
 *                 `resolveAfter` clean windows in a row
 *
 * A subject must itself stay over: ten slots over once each in turn are weather, one slot over ten times is drift.
 * Another version begins its own count (it has its own reference) but inherits the open alert: it must prove itself clean.
 */
export interface AlertState {
  readonly version?: number;
  /** Windows in a row each subject has been over, and when that began. */
  readonly streaks: Readonly<Record<string, { readonly windows: number; readonly sinceUs: Micros }>>;
  readonly cleanWindows: number;
  readonly open?: Alert;
}

export const quietState: AlertState = { streaks: {}, cleanWindows: 0 };

export interface AlertChange {
  readonly state: AlertState;
  /** The alert raised or resolved by this verdict, if one was. */
  readonly changed?: Alert;
}

export function advanceAlert(
  state: AlertState,
  verdict: Verdict,
  rule: { readonly model: string; readonly kind: AlertKind; readonly raiseAfter: number; readonly resolveAfter: number },
): AlertChange {
  const isSameVersion = state.version === verdict.version;
  const before = isSameVersion ? state.streaks : {};
  const streaks: Record<string, { windows: number; sinceUs: Micros }> = {};
  for (const { subject } of verdict.findings) {
    const streak = Object.hasOwn(before, subject) ? before[subject] : undefined;
    streaks[subject] = { windows: (streak?.windows ?? 0) + 1, sinceUs: streak?.sinceUs ?? verdict.startUs };
  }
  const cleanWindows = verdict.findings.length === 0 ? (isSameVersion ? state.cleanWindows : 0) + 1 : 0;
  const next: AlertState = { version: verdict.version, streaks, cleanWindows };
  if (state.open !== undefined) {
    if (cleanWindows < rule.resolveAfter) return { state: { ...next, open: state.open } };
    return { state: next, changed: { ...state.open, status: "resolved", resolvedUs: verdict.atUs } };
  }
  const lasting = verdict.findings.filter((finding) => streaks[finding.subject]!.windows >= rule.raiseAfter);
  if (lasting.length === 0) return { state: next };
  const alert: Alert = {
    id: `${rule.model}/${rule.kind}/${verdict.atUs}`,
    model: rule.model,
    kind: rule.kind,
    version: verdict.version,
    status: "open",
    summary: describe(lasting, rule.raiseAfter),
    findings: lasting,
    sinceUs: Math.min(...lasting.map((finding) => streaks[finding.subject]!.sinceUs)),
    raisedUs: verdict.atUs,
  };
  return { state: { ...next, open: alert }, changed: alert };
}

const words: Readonly<Record<Finding["measure"], string>> = {
  psi: "PSI",
  auc: "realised AUC, upper end",
  "null-share": "share of nulls",
  predictions: "predictions in the window",
  misshapen: "vectors of another length than the reference's",
  "mismatch-share": "share of recomputed values that differ from those served",
  "event-age": "minutes since the newest event",
};

function describe(findings: readonly Finding[], windows: number): string {
  const worst = findings[0]!;
  const isBelow = worst.value < worst.threshold;
  const rest = findings.length > 1 ? `; ${findings.length - 1} more` : "";
  const lasting = windows > 1 ? `, ${windows} windows in a row` : "";
  return `${worst.subject}: ${words[worst.measure]} ${show(worst.value)} ${isBelow ? "below" : "above"} ${show(worst.threshold)}${lasting}${rest}`;
}

function show(value: number): string {
  return Number.isInteger(value) ? String(value) : value >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}
