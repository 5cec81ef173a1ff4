/*
 * The engine of monitoring: a fold over the prediction and label logs, pure, in event time.
 *
 * Invariants
 * 1. Which window a record counts in depends on its times alone, never on when it was read: an answer on `askedUs`, an outcome on `askedUs`
 *    and on `knownUs` lying within the maturity horizon.
 * 2. A window closes once, when the watermark passes its end (inputs) or its end plus the horizon (outcomes). Windows close in the order of
 *    those times, then version, then role: one jump of the watermark gives the same events as many small ones.
 * 3. Alerts carry event times, so reading the same logs again raises the same alerts with the same ids.
 * Together: closed windows, alerts and `MonitorState`, committed in one transaction, are all a successor needs to go on exactly.
 *
 * The caller promises that once it advances to a watermark, everything asked before it is already observed. What breaks that promise is
 * counted in `latePredictions` and left out, and so is live traffic dated far ahead of when it was answered.
 */
import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { parseDuration } from "../kernel/time.ts";
import type { MaturedPrediction } from "../feedback/join.ts";
import type { PredictionRecord } from "../feedback/prediction.ts";
import type { MonitorPolicy } from "../project/definition.ts";
import { advanceAlert, quietState, type Alert, type AlertKind, type AlertState, type Verdict } from "./alert.ts";
import { summariseInputs, type DriftWindow } from "./drift.ts";
import { defaultLimits, type MonitorLimits } from "./limits.ts";
import type { ReferenceProfile } from "./profile.ts";
import { summariseOutcomes, type QualityWindow } from "./quality.ts";
import { driftFindings, pipelineFindings, qualityFindings, volumeFindings } from "./verdict.ts";
import { InputWindow, OutcomeWindow, prepareProfile, type PreparedProfile, type WindowKey } from "./window.ts";

export type MonitorEvent =
  | { readonly kind: "window"; readonly model: string; readonly window: DriftWindow | QualityWindow }
  | { readonly kind: "alert-raised"; readonly alert: Alert }
  | { readonly kind: "alert-resolved"; readonly alert: Alert };

/** Next offset to read in each log. */
export interface LogPosition {
  readonly predictions: number;
  readonly labels: number;
}

/** What windows can tell; parity is judged by its own checks. */
type WindowAlertKind = Exclude<AlertKind, "parity" | "freshness">;

/** Everything that outlives the process besides the closed windows. JSON. */
export interface MonitorState {
  /** Where a successor starts to read, so that it finds every record of the windows still open. */
  readonly rebuildFrom: LogPosition;
  /** How far the logs had been read: what lies before is only read again, not counted as late again. */
  readonly consumed: LogPosition;
  readonly inputsClosedUs: Micros | null;
  readonly outcomesClosedUs: Micros | null;
  readonly latePredictions: number;
  /** Live predictions of the last closed windows that had any, oldest first. */
  readonly volumes: readonly number[];
  readonly leadVersion: number | null;
  /** Whether what is watched is traffic of the present; absent while it is replayed history, and in states of before this was kept. */
  readonly isLive?: boolean;
  readonly alerts: Readonly<Record<WindowAlertKind, AlertState>>;
}

export interface MonitorOptions {
  readonly model: string;
  readonly policy: MonitorPolicy;
  readonly limits?: Partial<MonitorLimits>;
  /** The version's reference; asked once per version. Without one a version's windows are counted but not judged. */
  readonly profile: (version: number) => ReferenceProfile | undefined;
  readonly startState?: MonitorState;
}

export interface Monitor {
  readonly model: string;
  readonly windowUs: Micros;
  readonly limits: MonitorLimits;
  /** @param offset of the record in the prediction log @returns false if it is dated too far ahead to be held */
  observePrediction(record: PredictionRecord, offset: number): boolean;
  /** @param labelOffset of the label's record in the label log */
  observeMatured(matured: MaturedPrediction, labelOffset: number): void;
  /** Closes every window that ends by then. */
  advance(watermarkUs: Micros): MonitorEvent[];
  /**
   * Says that from here on the watermark is the present. Between the history that was replayed before and now nobody was served: that gap is
   * no outage, and the usual volume is learnt anew. Until something is asked after that history there is nothing to go over to.
   * @returns whether it is live
   */
  goLive(): boolean;
  /** What to commit together with the events, given how far the logs have been observed. */
  state(consumed: LogPosition): MonitorState;
}

export function createMonitor(options: MonitorOptions): Monitor {
  return new StreamMonitor(options);
}

class StreamMonitor implements Monitor {
  readonly model: string;
  readonly windowUs: Micros;
  readonly limits: MonitorLimits;
  readonly #policy: MonitorPolicy;
  readonly #profileOf: MonitorOptions["profile"];
  readonly #prepared = new Map<number, PreparedProfile | undefined>();
  readonly #inputs = new Map<string, InputWindow>();
  readonly #outcomes = new Map<string, OutcomeWindow>();
  readonly #consumedBefore: LogPosition;
  #inputsClosedUs: Micros;
  #outcomesClosedUs: Micros;
  #latePredictions: number;
  #volumes: readonly number[];
  #leadVersion: number | null;
  #isLive: boolean;
  #alerts: Record<WindowAlertKind, AlertState>;
  /** The windows last written to: traffic stays in one for long, and a map look-up per record would cost more than the counting. */
  #lastInput: InputWindow | undefined;
  #lastOutcome: OutcomeWindow | undefined;

  constructor(options: MonitorOptions) {
    const { policy, startState } = options;
    this.model = options.model;
    this.windowUs = parseDuration(policy.window, "monitors.window");
    this.limits = { ...defaultLimits, ...options.limits };
    checkPolicy(policy, this.limits);
    this.#policy = policy;
    this.#profileOf = options.profile;
    this.#consumedBefore = startState?.consumed ?? { predictions: 0, labels: 0 };
    this.#inputsClosedUs = startState?.inputsClosedUs ?? -Infinity;
    this.#outcomesClosedUs = startState?.outcomesClosedUs ?? -Infinity;
    this.#latePredictions = startState?.latePredictions ?? 0;
    this.#volumes = startState?.volumes ?? [];
    this.#leadVersion = startState?.leadVersion ?? null;
    this.#isLive = startState?.isLive ?? false;
    this.#alerts = { drift: quietState, quality: quietState, pipeline: quietState, ...startState?.alerts };
  }

  observePrediction(record: PredictionRecord, offset: number): boolean {
    if (record.model !== this.model) return true;
    const startUs = Math.floor(record.askedUs / this.windowUs) * this.windowUs;
    const isAhead = this.#isLive && record.askedUs - record.servedUs > this.limits.aheadUs;
    if (startUs >= this.#inputsClosedUs && !isAhead) this.#inputWindow(record, startUs, offset).add(record);
    else if (offset >= this.#consumedBefore.predictions) this.#latePredictions++;
    if (startUs >= this.#outcomesClosedUs && !isAhead) this.#outcomeWindow(record, startUs, offset).predictions++;
    return !isAhead;
  }

  observeMatured(matured: MaturedPrediction, labelOffset: number): void {
    const { model, version, role, askedUs } = matured.prediction;
    if (model !== this.model) return;
    const startUs = Math.floor(askedUs / this.windowUs) * this.windowUs;
    if (matured.knownUs > startUs + this.windowUs + this.limits.maturityUs) return;
    this.#outcomes.get(keyText({ version, role, startUs }))?.addOutcome(matured, labelOffset);
  }

  advance(watermarkUs: Micros): MonitorEvent[] {
    const events: MonitorEvent[] = [];
    for (;;) {
      const inputs = this.#nextInputs();
      const outcomes = nextStart(this.#outcomes);
      const inputsAtUs = inputs + this.windowUs;
      const outcomesAtUs = outcomes + this.windowUs + this.limits.maturityUs;
      if (Math.min(inputsAtUs, outcomesAtUs) > watermarkUs) break;
      if (inputsAtUs <= outcomesAtUs) this.#closeInputs(inputs, events);
      else this.#closeOutcomes(outcomes, events);
    }
    const { windowUs } = this;
    this.#inputsClosedUs = Math.max(this.#inputsClosedUs, Math.floor(watermarkUs / windowUs) * windowUs);
    this.#outcomesClosedUs = Math.max(this.#outcomesClosedUs, Math.floor((watermarkUs - this.limits.maturityUs) / windowUs) * windowUs);
    return events;
  }

  goLive(): boolean {
    if (!this.#isLive && this.#inputs.size > 0) {
      this.#isLive = true;
      this.#volumes = [];
    }
    return this.#isLive;
  }

  state(consumed: LogPosition): MonitorState {
    let { predictions, labels } = consumed;
    for (const window of this.#inputs.values()) predictions = Math.min(predictions, window.firstOffset);
    for (const window of this.#outcomes.values()) {
      predictions = Math.min(predictions, window.firstOffset);
      labels = Math.min(labels, window.firstLabelOffset ?? labels);
    }
    return {
      rebuildFrom: { predictions, labels },
      consumed: {
        predictions: Math.max(consumed.predictions, this.#consumedBefore.predictions),
        labels: Math.max(consumed.labels, this.#consumedBefore.labels),
      },
      inputsClosedUs: Number.isFinite(this.#inputsClosedUs) ? this.#inputsClosedUs : null,
      outcomesClosedUs: Number.isFinite(this.#outcomesClosedUs) ? this.#outcomesClosedUs : null,
      latePredictions: this.#latePredictions,
      volumes: this.#volumes,
      leadVersion: this.#leadVersion,
      ...(this.#isLive ? { isLive: true } : {}),
      alerts: this.#alerts,
    };
  }

  #inputWindow(record: PredictionRecord, startUs: Micros, offset: number): InputWindow {
    const last = this.#lastInput;
    if (last !== undefined && last.key.startUs === startUs && last.key.version === record.version && last.key.role === record.role) return last;
    const key = { version: record.version, role: record.role, startUs };
    const text = keyText(key);
    let window = this.#inputs.get(text);
    if (window === undefined) this.#inputs.set(text, (window = new InputWindow(key, this.#prepare(record.version), offset)));
    this.#lastInput = window;
    return window;
  }

  #outcomeWindow(record: PredictionRecord, startUs: Micros, offset: number): OutcomeWindow {
    const last = this.#lastOutcome;
    if (last !== undefined && last.key.startUs === startUs && last.key.version === record.version && last.key.role === record.role) return last;
    const key = { version: record.version, role: record.role, startUs };
    const text = keyText(key);
    let window = this.#outcomes.get(text);
    if (window === undefined) this.#outcomes.set(text, (window = new OutcomeWindow(key, offset)));
    this.#lastOutcome = window;
    return window;
  }

  #prepare(version: number): PreparedProfile | undefined {
    let prepared = this.#prepared.get(version);
    if (prepared === undefined) {
      const profile = this.#profileOf(version);
      if (profile !== undefined) prepared = prepareProfile(profile);
      this.#prepared.set(version, prepared);
    }
    return prepared;
  }

  /** The next window of inputs to close: one that has records or, after traffic, the empty one that follows. */
  #nextInputs(): Micros {
    const start = nextStart(this.#inputs);
    // An outage is judged until its alert is open and then waited out, so that a silent year is not walked through window by window.
    const isOutageWatched = this.#volumes.length >= this.limits.volumeWindows && this.#alerts.pipeline.open === undefined;
    return isOutageWatched ? Math.min(start, this.#inputsClosedUs) : start;
  }

  #closeInputs(startUs: Micros, events: MonitorEvent[]): void {
    const endUs = startUs + this.windowUs;
    const closing = take(this.#inputs, startUs);
    this.#lastInput = undefined;
    const summaries = closing.map((window) => summariseInputs(window, endUs, this.#policy, this.limits));
    for (const window of summaries) events.push({ kind: "window", model: this.model, window });
    const lead = leadOf(summaries);
    if (lead !== undefined) this.#leadVersion = lead.version;
    const live = summaries.filter((window) => window.role !== "shadow").reduce((sum, window) => sum + window.predictions, 0);
    const version = lead?.version ?? this.#leadVersion;
    if (version !== null) {
      const verdict = { version, startUs, atUs: endUs };
      if (lead !== undefined && lead.notJudged === undefined) this.#judge("drift", { ...verdict, findings: driftFindings(lead) }, events);
      const isPipelineJudged = lead === undefined || lead.notJudged === undefined || lead.notJudged === "misshapen-vectors";
      const volume = volumeFindings(live, this.#volumes, this.limits);
      if (isPipelineJudged || volume.length > 0)
        this.#judge("pipeline", { ...verdict, findings: [...volume, ...(lead === undefined ? [] : pipelineFindings(lead))] }, events);
      // An outage must not become the usual volume.
      if (live > 0) this.#volumes = [...this.#volumes, live].slice(-this.limits.volumeWindows);
    }
    this.#inputsClosedUs = Math.max(this.#inputsClosedUs, endUs);
  }

  #closeOutcomes(startUs: Micros, events: MonitorEvent[]): void {
    const endUs = startUs + this.windowUs;
    const closing = take(this.#outcomes, startUs);
    this.#lastOutcome = undefined;
    const summaries = closing.map((window) => summariseOutcomes(window, endUs, this.#prepare(window.key.version)?.profile, this.#policy, this.limits));
    for (const window of summaries) events.push({ kind: "window", model: this.model, window });
    const lead = leadOf(summaries);
    if (lead !== undefined && lead.notJudged === undefined) {
      this.#judge("quality", { version: lead.version, startUs, atUs: endUs + this.limits.maturityUs, findings: qualityFindings(lead) }, events);
    }
    this.#outcomesClosedUs = Math.max(this.#outcomesClosedUs, endUs);
  }

  #judge(kind: WindowAlertKind, verdict: Verdict, events: MonitorEvent[]): void {
    const { consecutive } = this.#policy;
    // A pipeline fault is no question of patience: its thresholds already leave out sampling noise and the reference's own spread.
    const raiseAfter = kind === "pipeline" ? 1 : consecutive;
    const { state, changed } = advanceAlert(this.#alerts[kind], verdict, { model: this.model, kind, raiseAfter, resolveAfter: consecutive });
    this.#alerts = { ...this.#alerts, [kind]: state };
    if (changed !== undefined) events.push({ kind: changed.status === "open" ? "alert-raised" : "alert-resolved", alert: changed });
  }
}

/** The version that answered most as champion speaks for the window: after a promotion within it, there are two. */
function leadOf<W extends DriftWindow | QualityWindow>(windows: readonly W[]): W | undefined {
  let lead: W | undefined;
  for (const window of windows) if (window.role === "champion" && (lead === undefined || window.predictions >= lead.predictions)) lead = window;
  return lead;
}

function keyText(key: WindowKey): string {
  return `${key.startUs}/${key.version}/${key.role}`;
}

function nextStart(windows: ReadonlyMap<string, { readonly key: WindowKey }>): Micros {
  let start = Infinity;
  for (const { key } of windows.values()) start = Math.min(start, key.startUs);
  return start;
}

const roleOrder: Readonly<Record<WindowKey["role"], number>> = { champion: 0, challenger: 1, shadow: 2 };

/** Removes and returns the windows that start then, by version and role. */
function take<W extends { readonly key: WindowKey }>(windows: Map<string, W>, startUs: Micros): W[] {
  const taken = [...windows.values()].filter((window) => window.key.startUs === startUs);
  for (const window of taken) windows.delete(keyText(window.key));
  return taken.sort((a, b) => a.key.version - b.key.version || roleOrder[a.key.role] - roleOrder[b.key.role]);
}

function checkPolicy(policy: MonitorPolicy, limits: MonitorLimits): void {
  const refuse = (field: string, problem: string, value: unknown): never => {
    throw new KarkhanaError("INVALID_ARGUMENT", { field: `monitors.${field}`, problem, value });
  };
  if (!(policy.psiBand >= 0)) refuse("psiBand", "expected a number of at least 0", policy.psiBand);
  if (!(policy.psiQuantile > 0 && policy.psiQuantile < 1)) refuse("psiQuantile", "expected a probability between 0 and 1", policy.psiQuantile);
  if (!(policy.maxAucDrop >= 0 && policy.maxAucDrop < 1)) refuse("maxAucDrop", "expected a number in [0, 1)", policy.maxAucDrop);
  if (!(Number.isInteger(policy.consecutive) && policy.consecutive >= 1)) refuse("consecutive", "expected a whole number of at least 1", policy.consecutive);
  if (!(limits.maturityUs >= 0)) refuse("maturityUs", "expected a duration of at least 0", limits.maturityUs);
}
