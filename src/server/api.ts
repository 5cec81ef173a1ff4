/**
 * What `/api/v1` answers: the console's whole knowledge of the server (it imports these types and nothing else).
 * Times are integer microseconds UTC; event time unless the name says otherwise. `null` is "not known yet", never 0.
 */
import type { ServingBackend, ServingFile } from "./api-serving.ts";
import type { LoopEvent, LoopProgress, LoopSummary, Phase } from "../workflows/progress.ts";

export type { LoopEvent, LoopProgress, LoopSummary, Phase };

export interface ApiError {
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string; readonly details: Readonly<Record<string, unknown>> };
}

export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export type StopId = "data" | "features" | "training" | "registry" | "serving" | "monitoring" | "retraining";

/** One stop of the loop with its headline figure. */
export interface Stop {
  readonly id: StopId;
  readonly title: string;
  /** `empty`: nothing has come by yet. */
  readonly state: "empty" | "ready" | "working" | "attention";
  readonly figure: string | null;
  readonly unit: string;
  readonly note: string;
}

export interface ModelSummary {
  readonly name: string;
  readonly versions: number;
  readonly champion: number | null;
  readonly challenger: number | null;
  readonly shadow: number | null;
  readonly aucHoldout: Interval | null;
  /** Realised AUC of the champion in the latest window with enough matured outcomes. */
  readonly aucLive: Interval | null;
  /** Start of that window. */
  readonly aucLiveFromUs: number | null;
  readonly openAlerts: number;
}

export interface Attention {
  readonly severity: "watch" | "act";
  readonly text: string;
  readonly atUs: number | null;
  /** Console page that shows it. */
  readonly page: string;
}

/** Who looks at the console. */
export interface Session {
  /** "open": nobody is asked, since no user is known. */
  readonly state: "open" | "signed-in" | "signed-out";
  readonly user: string | null;
  readonly role: "viewer" | "editor" | "admin" | null;
}

export interface Overview {
  readonly project: string;
  readonly nowUs: number;
  readonly replay: { readonly model: string; readonly fromUs: number; readonly toUs: number; readonly atUs: number | null } | null;
  readonly stops: readonly Stop[];
  readonly models: readonly ModelSummary[];
  readonly attention: readonly Attention[];
}

export interface DatasetSummary {
  readonly hash: string;
  readonly source: string;
  readonly state: "accepted" | "quarantined" | "refused";
  readonly rows: number;
  readonly failedRows: number;
  readonly sizeBytes: number | null;
  readonly registeredUs: number;
}

export interface RuleResult {
  readonly column: string;
  readonly rule: string;
  readonly failed: number;
  readonly checked: number;
}

export interface FailingRow {
  readonly row: number;
  readonly column: string;
  readonly rule: string;
  readonly value: string | null;
}

/** Bars of a distribution: `label` names the bin, `from` and `to` bound it where it is an interval. */
export interface Bar {
  readonly label: string;
  readonly from: number | null;
  readonly to: number | null;
  readonly count: number;
}

export interface ColumnProfile {
  readonly name: string;
  readonly type: string;
  readonly rows: number;
  readonly nulls: number;
  readonly distinct: number | null;
  readonly min: string | null;
  readonly max: string | null;
  readonly mean: number | null;
  readonly bars: readonly Bar[];
}

export interface DatasetReport extends DatasetSummary {
  readonly eventTime: string;
  readonly knownTime: string | null;
  readonly where: string | null;
  readonly policy: string;
  /** Why the file was refused, else null. */
  readonly problem: string | null;
  readonly rules: readonly RuleResult[];
  readonly failingRows: readonly FailingRow[];
  readonly columns: readonly ColumnProfile[];
}

export interface WindowFeature {
  readonly name: string;
  /** Its name, or what sort of embedding. */
  readonly aggregate: string;
  readonly measure: string | null;
  readonly window: string;
  readonly windowUs: number;
}

export interface FeatureView {
  readonly name: string;
  readonly hash: string;
  readonly entity: string;
  readonly keys: readonly string[];
  readonly source: string;
  readonly eventTime: string;
  readonly knownTime: string | null;
  readonly features: readonly WindowFeature[];
  /** Where models read it: the prefix its features wear there and the request fields its keys come from. */
  readonly readBy: readonly { readonly model: string; readonly prefix: string; readonly binding: Readonly<Record<string, string>> }[];
}

export interface FeatureSlot {
  readonly name: string;
  readonly type: "numeric" | "categorical";
  /** `view` and its feature, computed on `request`, or a `field` of it. */
  readonly from: "view" | "request" | "field";
  readonly view: string | null;
  readonly feature: string | null;
}

export interface Features {
  readonly views: readonly FeatureView[];
  readonly models: readonly { readonly model: string; readonly serviceHash: string; readonly slots: readonly FeatureSlot[] }[];
}

/** One slot's bins, frozen at training, with the rows that fell into each then and in a live window. The last bar is null. */
export interface SlotDistribution {
  readonly slot: string;
  readonly type: "numeric" | "categorical";
  readonly labels: readonly string[];
  readonly reference: readonly number[];
  readonly current: readonly number[];
  readonly psi: number | null;
  /** PSI that alarms this slot in this window: the larger of policy band and sampling floor. */
  readonly threshold: number | null;
  readonly floor: number | null;
  readonly breach: boolean;
}

export interface Distributions {
  readonly model: string;
  readonly version: number | null;
  readonly fromUs: number | null;
  readonly toUs: number | null;
  readonly referenceRows: number;
  readonly currentRows: number;
  readonly slots: readonly SlotDistribution[];
}

export interface ExperimentSummary {
  readonly experimentId: string;
  readonly name: string;
  readonly createdUs: number;
}

export interface RunSummary {
  readonly runId: string;
  readonly experimentId: string;
  readonly name: string;
  readonly status: string;
  readonly startUs: number;
  readonly endUs: number | null;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface RunPage {
  readonly runs: readonly RunSummary[];
  readonly nextToken: string | null;
}

/** `evaluation.json` of a run: how it did on rows it was not trained on. Curves are thinned to some hundred points. */
export interface Evaluation {
  readonly rows: number;
  readonly positives: number;
  readonly metrics: Readonly<Record<string, Interval>>;
  readonly baseline: { readonly name: string; readonly metrics: Readonly<Record<string, Interval>> } | null;
  readonly roc: readonly (readonly [falsePositiveRate: number, truePositiveRate: number])[];
  readonly precisionRecall: readonly (readonly [recall: number, precision: number])[];
  readonly calibration: readonly { readonly meanScore: number; readonly labelRate: number; readonly rows: number }[];
  readonly slices: readonly { readonly field: string; readonly value: string; readonly rows: number; readonly auc: Interval }[];
  readonly importance: readonly { readonly feature: string; readonly gain: number; readonly splits: number }[];
}

export type ProofState = "proved" | "failed" | "waived" | "missing";

export interface ProofMark {
  readonly kind: "offline-evaluation" | "shadow" | "ab" | "monitors" | "rollback";
  readonly state: ProofState;
  readonly summary: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly recordedUs: number | null;
  readonly hash: string | null;
}

export interface Version {
  readonly version: number;
  readonly place: "champion" | "challenger" | "shadow" | "previous" | null;
  readonly state: "registered" | "shadow" | "ab" | "champion" | "retired" | "refused";
  readonly runId: string;
  readonly datasetHash: string;
  readonly definitionHash: string;
  readonly serviceHash: string;
  readonly createdUs: number;
  readonly proofs: readonly ProofMark[];
  readonly aucHoldout: Interval | null;
}

export interface DeploymentState {
  readonly revision: number;
  readonly champion: number;
  /** The champion answers the rest. */
  readonly challengers: readonly { readonly version: number; readonly share: number }[];
  readonly shadows: readonly number[];
  readonly previous: number | null;
  readonly reason: string;
  readonly changedUs: number;
}

export interface ModelEvent {
  readonly sequence: number;
  readonly version: number | null;
  readonly kind: string;
  readonly reason: string;
  readonly atUs: number;
}

export interface ModelDetail extends ModelSummary {
  readonly label: string;
  readonly request: readonly string[];
  readonly slots: number;
  readonly gates: Readonly<Record<string, number>>;
  readonly monitors: Readonly<Record<string, number | string>>;
  readonly retrain: {
    readonly on: readonly string[];
    readonly lookback: string;
    readonly cooldown: string;
    readonly upTo: "shadow" | "champion";
    /** What retraining on live traffic waits for, in words. */
    readonly now: string;
  };
  readonly deployment: DeploymentState | null;
  readonly all: readonly Version[];
  readonly events: readonly ModelEvent[];
}

export interface QualityWindow {
  readonly fromUs: number;
  readonly toUs: number;
  readonly version: number;
  readonly role: "champion" | "challenger" | "shadow";
  readonly rows: number;
  readonly matured: number;
  readonly auc: Interval | null;
  readonly threshold: number | null;
  readonly logLoss: number | null;
  readonly brier: number | null;
  readonly ece: number | null;
  readonly breach: boolean;
}

export interface DriftWindow {
  readonly fromUs: number;
  readonly toUs: number;
  readonly version: number;
  readonly rows: number;
  /** shape [slots] */
  readonly psi: readonly (number | null)[];
  /** shape [slots]: what alarms in this window. */
  readonly threshold: readonly (number | null)[];
}

export interface TrafficWindow {
  readonly fromUs: number;
  readonly toUs: number;
  readonly version: number;
  readonly role: "champion" | "challenger" | "shadow";
  readonly rows: number;
  readonly p50Us: number | null;
  readonly p95Us: number | null;
  readonly p99Us: number | null;
}

export interface Mark {
  readonly atUs: number;
  readonly kind: string;
  readonly version: number | null;
  readonly text: string;
}

export interface Monitoring {
  readonly model: string;
  readonly windowUs: number;
  readonly psiBand: number;
  readonly aucHoldout: Interval | null;
  /** Slots of the newest version, in the order of the drift columns. */
  readonly slots: readonly string[];
  readonly quality: readonly QualityWindow[];
  readonly drift: readonly DriftWindow[];
  readonly traffic: readonly TrafficWindow[];
  readonly marks: readonly Mark[];
}

export interface Alert {
  readonly id: string;
  readonly model: string;
  readonly version: number | null;
  readonly kind: string;
  readonly state: "open" | "closed";
  readonly text: string;
  readonly subject: string | null;
  readonly raisedUs: number;
  readonly closedUs: number | null;
}

export interface PipelineStep {
  readonly stepId: string;
  readonly state: "running" | "succeeded" | "failed";
  readonly attempt: number;
  readonly cached: boolean;
  readonly startedUs: number;
  readonly endedUs: number | null;
  readonly progress: { readonly done: number; readonly total: number; readonly unit: string } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly output: unknown;
}

/** Times of pipelines are processing time: the machine's clock. */
export interface PipelineSummary {
  readonly runId: string;
  readonly workflow: string;
  readonly state: "running" | "succeeded" | "failed" | "cancelled";
  readonly startedUs: number;
  readonly endedUs: number | null;
  readonly steps: number;
  readonly cached: number;
  readonly failed: number;
}

export interface PipelineDetail extends Omit<PipelineSummary, "steps"> {
  readonly input: unknown;
  readonly output: unknown;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly steps: readonly PipelineStep[];
}

export interface LatencySummary {
  readonly count: number;
  readonly p50Us: number | null;
  readonly p95Us: number | null;
  readonly p99Us: number | null;
}

/** Time of a request's stage; quantiles are upper edges of the published buckets. */
export interface StageSummary {
  readonly count: number;
  readonly meanUs: number | null;
  readonly p50Us: number | null;
  readonly p95Us: number | null;
  readonly p99Us: number | null;
}

export interface ServingVersion {
  readonly version: number;
  readonly role: string;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly stages: Readonly<Record<string, StageSummary>>;
}

/** The serving processes as a whole: what they hold, what they let in, whom they turned away. */
export interface ServingRoom {
  /** How many share the ports and answered when they were asked. */
  readonly processes: number;
  readonly inFlight: number;
  readonly concurrencyLimit: number;
  readonly overloaded: number;
  readonly overShare: number;
  readonly timedOut: number;
}

export interface ServingModel {
  readonly model: string;
  readonly ratePerSecond: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly versions: readonly ServingVersion[];
  readonly latency: Readonly<Record<string, { readonly sinceStart: LatencySummary; readonly lastMinute: LatencySummary }>>;
}

/** One reading of the serving process, by the machine's clock. */
export interface ServingSample {
  readonly atUs: number;
  readonly ratePerSecond: number;
  readonly p50Us: number | null;
  readonly p95Us: number | null;
  readonly p99Us: number | null;
}

export interface Serving {
  readonly url: string | null;
  readonly reachable: boolean;
  readonly problem: string | null;
  readonly models: readonly ServingModel[];
  readonly files: readonly ServingFile[];
  readonly backends: readonly ServingBackend[];
  readonly samples: readonly ServingSample[];
  readonly room: ServingRoom | null;
  /** What an hour of the serving process costs; null if nobody said. */
  readonly price: { readonly perHour: number; readonly currency: string } | null;
}

export interface Prediction {
  readonly id: string;
  readonly version: number;
  readonly role: string;
  readonly askedUs: number;
  readonly score: number;
  readonly label: 0 | 1 | null;
  readonly latencyUs: number;
  /** What answered in the stead of which version; null where the version did that was to. */
  readonly instead: { readonly by: "previous" | "rule"; readonly version: number } | null;
  readonly fields: Readonly<Record<string, string | number | null>>;
  readonly features: readonly { readonly slot: string; readonly value: number | string | null }[];
}
