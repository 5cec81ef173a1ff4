import type { Schema, SourceDefinition } from "../data/source.ts";
import { sourceHash } from "../data/source.ts";
import { featureService, featureViewHash, type FeatureService, type FeatureViewDefinition, type ModelFeature } from "../features/definition.ts";
import { definitionHash } from "../kernel/hashing.ts";
import type { GbdtParams } from "../learn/gbdt/params.ts";
import type { LogPolicy } from "./log-retention.ts";

/** What a person declares of a model; everything the platform does for it follows from this. */
export interface ModelOptions<S extends Schema = Schema> {
  /** One question a row: asked at the row's event time. */
  readonly spine: SourceDefinition<S>;
  /** Fields a request carries (columns of the spine known when the question is asked). */
  readonly request: readonly (keyof S & string)[];
  /** Condition over the spine's columns: the outcome. It is known at the spine's known time. */
  readonly label: string;
  readonly features: readonly ModelFeature[];
  readonly trainer: { readonly gbdt: Partial<GbdtParams> };
  /** Where the initial training set is split, by event time (ISO 8601): train [from, validFrom), calibrate and early-stop [validFrom, holdoutFrom), hold out [holdoutFrom, to). */
  readonly training: { readonly from: string; readonly validFrom: string; readonly holdoutFrom: string; readonly to: string };
  /** Request fields whose values cut the evaluation into slices. */
  readonly slices?: readonly (keyof S & string)[];
  readonly gates?: Partial<GatePolicy>;
  readonly monitors?: Partial<MonitorPolicy>;
  readonly retrain?: Partial<RetrainPolicy>;
  readonly serving?: ServingPolicy;
}

/** What a version must prove before it goes live. */
export interface GatePolicy {
  /** Lowest holdout AUC. */
  readonly minAuc: number;
  /** Highest expected calibration error on the holdout. */
  readonly maxEce: number;
  /** AUC a challenger may lose against the champion on the same rows before it is refused. */
  readonly maxAucLoss: number;
  /** Matured live predictions that shadow and A/B each need at least. */
  readonly minMaturedShadow: number;
  readonly minMaturedAb: number;
  /** Share of live requests that the B arm answers, 0 to 0.5. */
  readonly abShare: number;
  /** Log loss, in nats, that a challenger may lose and still be called not worse: paired in shadow, between arms in A/B (noisier). */
  readonly shadowMargin: number;
  readonly abMargin: number;
}

export interface MonitorPolicy {
  /** Length of an event-time window, such as "1d". */
  readonly window: string;
  /** Policy band of PSI; an alarm also needs PSI above the sampling floor and above what any window of the reference reached. */
  readonly psiBand: number;
  /** Quantile of the sampling floor, over all slots of a window together: 0.99 lets one undrifted window in a hundred go over. */
  readonly psiQuantile: number;
  /** Drop of realised AUC below the holdout's that raises an alarm when the window's whole confidence interval lies below it. */
  readonly maxAucDrop: number;
  /** Windows in a row that the same slot, or quality, must be over threshold before an alert is raised; as many clean ones resolve it. */
  readonly consecutive: number;
}

export interface RetrainPolicy {
  /** Alerts that start a challenger; none: no challenger is ever trained by itself. */
  readonly on: readonly ("drift" | "quality")[];
  /** Training data: the last so many days of matured rows, such as "60d". */
  readonly lookback: string;
  /** No second retraining sooner than this after the last, in event time. On live traffic a failed one counts too, and so does a change of champion. */
  readonly cooldown: string;
  /**
   * How far a challenger goes by itself on live traffic; default "champion". With "shadow" it answers nothing before a person gives it a share of
   * traffic, and goes live when a person promotes it. No part of a model's identity, and not asked while history is replayed.
   */
  readonly upTo: "shadow" | "champion";
}

/** How answers are given. No part of a model's identity: it decides no score of a version. */
export interface ServingPolicy {
  /** Milliseconds after which the features or the model are waited for no more: then the fallback answers, or the request is refused. */
  readonly deadlineMs?: number;
  /** Request fields by which an A/B test is sticky: questions with equal values are answered by one version. Default: the question's id. */
  readonly stickyBy?: readonly string[];
  /** What answers when a version fails or the deadline has passed: first the champion before the last promotion, then the rule. */
  readonly fallback?: {
    readonly previous?: boolean;
    /** A score from the request's fields alone. Such answers are logged as a rule's: they are no prediction of a version, and nothing is watched by them. */
    readonly rule?: (fields: Readonly<Record<string, string | number | null>>) => number;
  };
}

const defaultGates: GatePolicy = {
  minAuc: 0.6,
  maxEce: 0.05,
  maxAucLoss: 0.002,
  minMaturedShadow: 2000,
  minMaturedAb: 2000,
  abShare: 0.3,
  shadowMargin: 0.005,
  abMargin: 0.05,
};
export const defaultMonitors: MonitorPolicy = { window: "1d", psiBand: 0.25, psiQuantile: 0.99, maxAucDrop: 0.02, consecutive: 3 };
const defaultRetrain: RetrainPolicy = { on: ["drift", "quality"], lookback: "60d", cooldown: "14d", upTo: "champion" };

export interface ModelDefinition {
  readonly kind: "model";
  readonly name: string;
  readonly spine: SourceDefinition;
  readonly request: readonly string[];
  readonly label: string;
  readonly service: FeatureService;
  readonly trainer: { readonly gbdt: Partial<GbdtParams> };
  readonly training: ModelOptions["training"];
  readonly slices: readonly string[];
  readonly gates: GatePolicy;
  readonly monitors: MonitorPolicy;
  readonly retrain: RetrainPolicy;
  readonly serving: ServingPolicy;
  readonly hash: string;
}

export function model<const S extends Schema>(name: string, options: ModelOptions<S>): ModelDefinition {
  const service = featureService(name, options.features);
  const policies = {
    gates: { ...defaultGates, ...options.gates },
    monitors: { ...defaultMonitors, ...options.monitors },
    retrain: { ...defaultRetrain, ...options.retrain },
  };
  const spine = options.spine;
  const { upTo: _upTo, ...learning } = policies.retrain;
  const identity = {
    kind: "model",
    name,
    spine: sourceHash(spine),
    request: options.request,
    label: options.label,
    service: service.hash,
    trainer: options.trainer,
    training: options.training,
    slices: options.slices,
    ...policies,
    retrain: learning,
  };
  return {
    kind: "model",
    name,
    spine,
    request: options.request,
    label: options.label,
    service,
    trainer: options.trainer,
    training: options.training,
    slices: options.slices ?? [],
    ...policies,
    serving: options.serving ?? {},
    hash: definitionHash(identity),
  };
}

/** History to be replayed as live traffic: questions at event time, outcomes at known time. */
export interface ReplayDefinition {
  readonly model: string;
  readonly from: string;
  readonly to: string;
}

export interface ProjectDefinition {
  readonly kind: "project";
  readonly name: string;
  readonly models: readonly ModelDefinition[];
  readonly replay?: ReplayDefinition;
  /** How long predictions, labels and exchanges are kept. No part of any identity. */
  readonly logs?: LogPolicy;
}

export function project(name: string, options: Omit<ProjectDefinition, "kind" | "name">): ProjectDefinition {
  return { kind: "project", name, ...options };
}

/** Every source a project reads, once each. */
export function sourcesOf(definition: ProjectDefinition): SourceDefinition[] {
  const all = definition.models.flatMap((m) => [m.spine, ...viewsOf(m.service).map((v) => v.source)]);
  return [...new Map(all.map((s) => [sourceHash(s), s])).values()];
}

/** Every view a service reads, once each. */
export function viewsOf(service: FeatureService): FeatureViewDefinition[] {
  const views = service.features.flatMap((f) => (f.kind === "featureReference" ? [f.view] : []));
  return [...new Map(views.map((v) => [featureViewHash(v), v])).values()];
}
