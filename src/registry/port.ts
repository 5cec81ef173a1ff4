import type { Micros } from "../kernel/clock.ts";
import type { BucketRange } from "../math/buckets.ts";
import type { SqlTransaction } from "../storage/sql/port.ts";

/** The five proofs a version owes before it goes live. */
export const proofKinds = ["offline-evaluation", "shadow", "ab", "monitors", "rollback"] as const;
export type ProofKind = (typeof proofKinds)[number];

/** Where a version stands: the states drawn in `promotion.ts`. */
export const versionStates = ["registered", "shadow", "ab", "champion", "retired", "refused"] as const;
export type VersionState = (typeof versionStates)[number];

/** Evidence on a model version: what was measured, when, and whether it met the policy. `hash` is of the canonical content. */
export interface Proof {
  readonly kind: ProofKind;
  readonly passed: boolean;
  /** One sentence a person can read: what was compared with what, and the figures. */
  readonly summary: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly recordedUs: Micros;
  readonly hash: string;
}

export interface ModelVersion {
  readonly model: string;
  /** 1, 2, 3 … without gaps or reuse. */
  readonly version: number;
  readonly state: VersionState;
  readonly runId: string;
  /** Blob folder of the version: model.json, profile.json, metrics.json. Of a client's version: what it logged; empty if that lies elsewhere. */
  readonly artifactPath: string;
  readonly definitionHash: string;
  readonly serviceHash: string;
  readonly datasetHash: string;
  /** What a client registered it from; absent for a version the project trained. Its hashes are then empty. */
  readonly source?: string;
  readonly createdUs: Micros;
  readonly proofs: readonly Proof[];
  /** Proof kinds not owed by this version and why (the first version has nothing live to be compared with). */
  readonly waivers: Readonly<Partial<Record<ProofKind, string>>>;
}

export interface NewModelVersion {
  readonly model: string;
  readonly runId: string;
  readonly artifactPath: string;
  readonly definitionHash: string;
  readonly serviceHash: string;
  readonly datasetHash: string;
  /** The same request id again returns the version made the first time. */
  readonly requestId: string;
}

/** A version that answers a share of live requests beside the champion. */
export interface Challenger {
  readonly version: number;
  /** A whole number of ten-thousandths. */
  readonly share: number;
  /** Which keys: `math/buckets.ts`. They hold the share. */
  readonly buckets: readonly BucketRange[];
}

/** A share that somebody wants a version to have. */
export interface WantedShare {
  readonly version: number;
  /** Above 0 and at most 0.5; kept to the nearest ten-thousandth. */
  readonly share: number;
}

export interface WantedTraffic {
  readonly challengers: readonly WantedShare[];
  /** Absent: as they are, but for those that become challengers. */
  readonly shadows?: readonly number[];
}

/** Where a model's traffic goes. One row a model, replaced whole; `revision` grows by one each time. Serving follows it. */
export interface Deployment {
  readonly model: string;
  readonly revision: number;
  readonly champion: number;
  /** Each answers its share of keys; the champion answers the rest. In the order in which they entered: the first is who the alias `challenger` names. */
  readonly challengers: readonly Challenger[];
  /** See every request, answer none. The alias `shadow` names the first. */
  readonly shadows: readonly number[];
  /** Of the assignment of keys: made anew with each champion. */
  readonly salt: string;
  /** Champion before the last promotion: what rollback returns to. */
  readonly previous?: number;
  readonly reason: string;
  readonly changedUs: Micros;
}

/** Something decided about a version, in order; never edited. */
export interface RegistryEvent {
  readonly sequence: number;
  readonly model: string;
  readonly version?: number;
  readonly kind: "registered" | "proof" | "waiver" | "shadowed" | "ab-started" | "promoted" | "refused" | "rolled-back" | "stood-down";
  readonly reason: string;
  /** Event time the decision was made at (the replay clock's during a replay). */
  readonly atUs: Micros;
}

/**
 * Promises: version numbers are unique and dense under concurrent writers; `promote` refuses with PROOF_MISSING naming each kind that is
 * absent, failed and not waived; every change of a deployment and its event are one transaction. All writers take an optional transaction,
 * so that a pipeline step and its effect commit together. A call repeated after a lost reply changes nothing and answers as before.
 * A step that the states do not allow is refused with PROMOTION_STEP_REFUSED; one more shadow or challenger than there may be with
 * DEPLOYMENT_PLACE_TAKEN; a comparison without a champion with NOTHING_DEPLOYED. Whoever holds a place stands down when the champion changes.
 */
export interface Registry {
  registerVersion(input: NewModelVersion, trx?: SqlTransaction): Promise<ModelVersion>;
  addProof(model: string, version: number, proof: Omit<Proof, "hash" | "recordedUs">, trx?: SqlTransaction): Promise<Proof>;
  waive(model: string, version: number, kind: ProofKind, reason: string, trx?: SqlTransaction): Promise<void>;
  getVersion(model: string, version: number): Promise<ModelVersion>;
  listVersions(model: string): Promise<ModelVersion[]>;
  /** Of the workspace `default`, where the platform's own loop lives. */
  listModels(): Promise<string[]>;
  getDeployment(model: string, trx?: SqlTransaction): Promise<Deployment | undefined>;
  /** Every deployment; what serving reads. */
  listDeployments(): Promise<Deployment[]>;
  startShadow(model: string, version: number, reason: string, trx?: SqlTransaction): Promise<Deployment>;
  /** @throws PROOF_MISSING while the shadow proof is neither passed nor waived: a challenger answers real requests */
  startAb(model: string, version: number, abShare: number, reason: string, trx?: SqlTransaction): Promise<Deployment>;
  /**
   * Exactly these challengers with these shares, and these shadows: who is new enters, who is left out stands down, and no key moves that
   * need not. @throws PROOF_MISSING as `startAb`
   */
  setTraffic(model: string, wanted: WantedTraffic, reason: string, trx?: SqlTransaction): Promise<Deployment>;
  /** Challenger leaves shadow or A/B without being promoted. */
  standDown(model: string, version: number, reason: string, trx?: SqlTransaction): Promise<Deployment>;
  /** @throws PROOF_MISSING */
  promote(model: string, version: number, reason: string, trx?: SqlTransaction): Promise<Deployment>;
  refuse(model: string, version: number, reason: string, trx?: SqlTransaction): Promise<void>;
  /** Back to `previous`. @throws NOTHING_TO_ROLL_BACK */
  rollback(model: string, reason: string, trx?: SqlTransaction): Promise<Deployment>;
  listEvents(model: string, afterSequence?: number): Promise<RegistryEvent[]>;
}
