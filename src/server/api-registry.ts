/** What `/api/v1/registry` answers: every registered model, the project's and those that MLflow's clients registered. */
import type { ModelEvent, ProofMark } from "./api.ts";

export interface RegisteredModelRow {
  readonly name: string;
  readonly description: string | null;
  readonly createdUs: number;
  readonly updatedUs: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly aliases: Readonly<Record<string, number>>;
  /** Newest version that is there; null: none. */
  readonly newest: number | null;
  /** Newest version of each stage that has one. */
  readonly stages: readonly { readonly stage: string; readonly version: number }[];
  /** The project declares it: its versions are trained, proved and deployed here. */
  readonly inProject: boolean;
}

export interface RegisteredModelPage {
  readonly models: readonly RegisteredModelRow[];
  readonly nextToken: string | null;
}

export interface RegisteredVersionRow {
  readonly version: number;
  readonly state: string;
  readonly stage: string;
  readonly aliases: readonly string[];
  readonly description: string | null;
  readonly runId: string | null;
  readonly createdUs: number;
  readonly tags: Readonly<Record<string, string>>;
}

export interface RegisteredModelDetail extends RegisteredModelRow {
  readonly versions: readonly RegisteredVersionRow[];
  readonly nextToken: string | null;
}

/** Where a version comes from; a part that is not known is empty or null, never guessed. */
export interface Lineage {
  readonly datasets: readonly {
    readonly name: string;
    readonly digest: string;
    /** Its quality report, if this program checked it. */
    readonly hash: string | null;
  }[];
  readonly views: readonly { readonly name: string; readonly hash: string; readonly features: number }[];
  /** False: the project reads other features now than the version was trained on, so its views are not listed. */
  readonly viewsAreThose: boolean | null;
  readonly run: { readonly runId: string; readonly name: string; readonly experimentId: string; readonly experiment: string; readonly status: string } | null;
}

export interface RegisteredVersionDetail extends RegisteredVersionRow {
  readonly model: string;
  readonly inProject: boolean;
  readonly updatedUs: number;
  readonly source: string;
  readonly runLink: string | null;
  readonly userId: string | null;
  readonly loggedModelId: string | null;
  /** Blob folder of its files, relative to its run's artifacts where it lies there. */
  readonly artifacts: string | null;
  readonly definitionHash: string | null;
  readonly serviceHash: string | null;
  readonly datasetHash: string | null;
  readonly place: "champion" | "challenger" | "shadow" | "previous" | null;
  readonly abShare: number | null;
  readonly lineage: Lineage;
  readonly proofs: readonly ProofMark[];
  readonly events: readonly ModelEvent[];
}
