import type { Micros } from "../kernel/clock.ts";
import type { VersionState } from "./port.ts";

/** MLflow's stages: kept because its clients still send them. Nothing here acts on them. */
export const stages = ["None", "Staging", "Production", "Archived"] as const;
export type Stage = (typeof stages)[number];
type Tags = Readonly<Record<string, string>>;

/** A model by its name, with what people have written on it. */
export interface RegisteredModel {
  readonly name: string;
  readonly description?: string;
  readonly createdUs: Micros;
  readonly updatedUs: Micros;
  readonly tags: Tags;
  /** Alias to version: those that were set, and `champion`, `challenger`, `shadow` of the deployment if there is one. */
  readonly aliases: Readonly<Record<string, number>>;
  /** The newest version of each stage. */
  readonly latest: readonly RegisteredVersion[];
}

/** A version as clients of the registry see it, wherever it was made. The proofs it owes are `Registry`'s. */
export interface RegisteredVersion {
  readonly model: string;
  readonly version: number;
  readonly state: VersionState;
  readonly stage: Stage;
  /** Empty if the client named none. */
  readonly runId: string;
  readonly source: string;
  readonly downloadUri: string;
  readonly modelId?: string;
  readonly runLink?: string;
  readonly userId?: string;
  readonly description?: string;
  readonly createdUs: Micros;
  readonly updatedUs: Micros;
  readonly tags: Tags;
  readonly aliases: readonly string[];
}

export interface NewRegisteredVersion {
  readonly model: string;
  readonly source: string;
  readonly downloadUri: string;
  /** Blob folder the source stands for; empty if its files are not kept here. */
  readonly artifactPath: string;
  readonly runId: string;
  readonly modelId?: string | undefined;
  readonly runLink?: string | undefined;
  readonly description?: string | undefined;
  readonly userId?: string | undefined;
  readonly tags: Tags;
}

export interface CatalogQuery {
  /** Of the search language of `tracking/search`. */
  readonly filter?: string | undefined;
  readonly orderBy?: readonly string[];
  readonly limit: number;
  readonly token?: string | undefined;
  /** Default: that of the catalogue asked. */
  readonly workspace?: string;
}

export interface CatalogPage<T> {
  readonly items: readonly T[];
  readonly nextToken?: string;
}

/**
 * Registered models and versions as people name, describe, tag and find them: the same rows that `Registry` promotes, so that a version made
 * through either is a version of both.
 *
 * Promises: version numbers are dense among those ever made and never given twice, whoever races; a deleted version keeps its number. What is
 * deployed is guarded: once a model has a deployment, `champion`, `challenger` and `shadow` say what it does. Setting `champion` is then a
 * promotion (PROOF_MISSING while proofs are owed); the other two are refused with MODEL_ALIAS_GUARDED. A deployed model is neither renamed
 * nor deleted, a version its deployment names is not deleted: MODEL_IN_USE. Each change is one transaction with the notice of it.
 */
export interface ModelCatalog {
  /** The models of another workspace. Whether there is one of that name is the caller's to know. */
  inWorkspace(workspace: string): ModelCatalog;
  /** @throws REGISTERED_MODEL_EXISTS */
  createModel(input: { name: string; description?: string | undefined; tags: Tags }): Promise<RegisteredModel>;
  /** @throws REGISTERED_MODEL_NOT_FOUND, as do all that name a model */
  getModel(name: string): Promise<RegisteredModel>;
  describeModel(name: string, description: string): Promise<RegisteredModel>;
  /** @throws REGISTERED_MODEL_EXISTS, MODEL_IN_USE */
  renameModel(name: string, newName: string): Promise<RegisteredModel>;
  /** With all its versions. @throws MODEL_IN_USE */
  deleteModel(name: string): Promise<void>;
  setModelTag(name: string, key: string, value: string): Promise<void>;
  deleteModelTag(name: string, key: string): Promise<void>;
  /** @throws SEARCH_INVALID */
  searchModels(query: CatalogQuery): Promise<CatalogPage<RegisteredModel>>;

  createVersion(input: NewRegisteredVersion): Promise<RegisteredVersion>;
  /** @throws VERSION_NOT_FOUND, as do all that name a version */
  getVersion(model: string, version: number): Promise<RegisteredVersion>;
  /** Blob folder of the version; empty if its files are not kept here. */
  artifactPath(model: string, version: number): Promise<string>;
  describeVersion(model: string, version: number, description: string | undefined): Promise<RegisteredVersion>;
  /** @param archiveOthers moves the versions that are in that stage now to Archived */
  setStage(model: string, version: number, stage: Stage, archiveOthers: boolean): Promise<RegisteredVersion>;
  /** @throws MODEL_IN_USE */
  deleteVersion(model: string, version: number): Promise<void>;
  setVersionTag(model: string, version: number, key: string, value: string): Promise<void>;
  deleteVersionTag(model: string, version: number, key: string): Promise<void>;
  /** @throws SEARCH_INVALID */
  searchVersions(query: CatalogQuery): Promise<CatalogPage<RegisteredVersion>>;

  /** @throws MODEL_ALIAS_GUARDED, PROOF_MISSING, ACCESS_DENIED for a promotion by someone who may not deploy */
  setAlias(model: string, alias: string, version: number, by?: { readonly user: string; readonly role: string; readonly mayDeploy: boolean }): Promise<void>;
  /** An alias that is not there is not an error. @throws MODEL_ALIAS_GUARDED */
  deleteAlias(model: string, alias: string): Promise<void>;
  /** @throws MODEL_ALIAS_NOT_FOUND */
  versionByAlias(model: string, alias: string): Promise<RegisteredVersion>;
}
