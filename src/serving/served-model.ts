import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError, type ErrorRecord } from "../kernel/error.ts";
import type { ArmOf } from "../feedback/assignment.ts";
import type { PredictionRole } from "../feedback/prediction.ts";
import type { ModelDefinition } from "../project/definition.ts";
import type { Deployment } from "../registry/port.ts";
import type { ServableModel } from "./formats/model.ts";
import type { RowReader } from "./oip/rows.ts";
import { VersionStatistics } from "./oip/statistics.ts";
import type { PredictRequestRules } from "./predict-request.ts";
import type { RowScorer } from "./row-scorer.ts";
import { ModelStats } from "./stats.ts";
import type { VersionVector } from "./version-vector.ts";

/** A version whose files were read, whose stored rows scored as written, and which can therefore answer. */
export interface LoadedVersion {
  readonly version: number;
  readonly vector: VersionVector;
  readonly predictor: RowScorer;
  /** Where it scores: on this thread at once, or elsewhere and later. */
  readonly runs: ServableModel["runs"];
  /** What sort of model it is, such as "gbdt". */
  readonly kind: string;
  /** Rows from the tensors of a protocol. */
  readonly rows: RowReader;
  /** Bytes of its files. */
  readonly memoryBytes: number;
  /** Lets go of threads and connections; what is under way ends first. */
  close(): Promise<void>;
}

/** Why a version of a deployment is not in its place. */
export interface LoadProblem {
  readonly version: number;
  readonly role: PredictionRole;
  readonly error: ErrorRecord;
}

/** Everything a request needs of its model. Replaced whole by one assignment: a request sees the old or the new, never a mixture. */
export interface InForce {
  readonly deployment: Deployment;
  readonly champion: LoadedVersion;
  /** In the deployment's order; undefined for one that would not load. */
  readonly challengers: readonly (LoadedVersion | undefined)[];
  readonly shadows: readonly LoadedVersion[];
  /** The champion before, where the project lets it answer in the champion's stead. */
  readonly fallback: LoadedVersion | undefined;
  /** Which of them, or the champion, a key falls to. */
  readonly armOf: ArmOf;
  readonly sinceUs: Micros;
  /** A challenger or shadow that would not load: the champion answers in its stead; or a fallback. */
  readonly problems: readonly LoadProblem[];
}

/** A deployment that is not in force because its champion would not load; the one before keeps answering. */
export interface RefusedDeployment {
  readonly revision: number;
  readonly problem: LoadProblem;
  readonly atUs: Micros;
}

/** A model of the project and what answers for it now. */
export class ServedModel {
  readonly definition: ModelDefinition;
  readonly rules: PredictRequestRules;
  readonly stats: ModelStats = new ModelStats();
  inForce: InForce | undefined;
  refused: RefusedDeployment | undefined;
  /** Taken out of service in this process by a client of the repository protocol, until it is loaded again. */
  isUnloaded = false;
  readonly #statistics = new Map<number, VersionStatistics>();

  constructor(definition: ModelDefinition, rules: PredictRequestRules) {
    this.definition = definition;
    this.rules = rules;
  }

  /** What may be asked by its number. */
  loadedVersions(): { readonly role: PredictionRole; readonly version: LoadedVersion }[] {
    const { inForce } = this;
    if (inForce === undefined || this.isUnloaded) return [];
    return [
      { role: "champion", version: inForce.champion },
      ...inForce.challengers.flatMap((version) => (version === undefined ? [] : [{ role: "challenger" as const, version }])),
      ...inForce.shadows.map((version) => ({ role: "shadow" as const, version })),
    ];
  }

  /** Counts of a version for clients of the protocol; those of versions that are gone are let go of. */
  statisticsOf(version: number): VersionStatistics {
    let found = this.#statistics.get(version);
    if (found === undefined) {
      const loaded = new Set(this.loadedVersions().map((one) => one.version.version));
      for (const other of this.#statistics.keys()) if (!loaded.has(other)) this.#statistics.delete(other);
      this.#statistics.set(version, (found = new VersionStatistics()));
    }
    return found;
  }

  /** @throws MODEL_NOT_LOADED */
  current(): InForce {
    if (this.inForce !== undefined && !this.isUnloaded) return this.inForce;
    const problem = this.isUnloaded
      ? "it was unloaded here"
      : this.refused === undefined
        ? "nothing is deployed"
        : `version ${this.refused.problem.version} was refused with ${this.refused.problem.error.code}`;
    throw new KarkhanaError("MODEL_NOT_LOADED", { model: this.definition.name, problem });
  }
}
