/**
 * What a version may be registered from. The program itself never fetches a source; but clients download from it, and serving reads the
 * blob folder it stands for, so a source names only what the run or logged model of the same request contains.
 */
import path from "node:path";
import { codeOf, KarkhanaError } from "../../kernel/error.ts";
import { refuse } from "../../tracking/mlflow/message.ts";
import type { ModelCatalog, RegisteredVersion } from "../catalog.ts";
import { stageNamed } from "./checks.ts";

/** What the registry asks of tracking. */
export interface ModelSources {
  /** Undefined if there is no such run. */
  run(runId: string): Promise<ArtifactPlace | undefined>;
  loggedModel(modelId: string): Promise<(ArtifactPlace & { readonly runId: string | undefined }) | undefined>;
  /** A version was registered of a logged model, which is told so. */
  versionMade(modelId: string, version: { readonly model: string; readonly version: number }): Promise<void>;
}

export interface ArtifactPlace {
  readonly artifactUri: string;
  /** Blob folder of the same files; undefined where they are not kept here. */
  readonly folder: string | undefined;
}

export interface SourceRequest {
  readonly source: string;
  readonly runId: string | undefined;
  readonly modelId: string | undefined;
}

export interface ResolvedSource {
  readonly source: string;
  readonly downloadUri: string;
  /** Blob folder; empty where the files are not kept here. */
  readonly artifactPath: string;
  readonly runId: string;
  readonly modelId: string | undefined;
}

/** Places that clients reach themselves. This program never does, so no request can make it call one. */
const elsewhere = /^(s3|s3a|s3n|gs|wasb|wasbs|abfs|abfss|adl|dbfs|hdfs|viewfs|r2|b2|oci|mlflow-dbfs|uc-volumes)$/;
const maxLength = 2048;
const modelReference = /^models:\/([^/@]+)(?:@([^/@]+)|\/([^/]+))?$/;

/** @throws MLFLOW_REQUEST_REFUSED, VERSION_NOT_FOUND, REGISTERED_MODEL_NOT_FOUND, MODEL_ALIAS_NOT_FOUND */
export async function resolveSource(request: SourceRequest, sources: ModelSources, catalog: ModelCatalog): Promise<ResolvedSource> {
  const { source } = request;
  if (source.length > maxLength) refuse(`'source' exceeds the maximum length of ${maxLength} characters`);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(source)?.[1]?.toLowerCase();
  if (scheme === undefined || scheme === "file" || scheme.length === 1) return localSource(request, sources);
  refuseClimbing(source);
  switch (scheme) {
    case "runs":
      return runSource(request, sources);
    case "models":
      return modelSource(request, sources, catalog);
    case "mlflow-artifacts":
      return proxiedSource(request, sources);
    default:
      if (!elsewhere.test(scheme)) refuse(`'source' cannot use the '${scheme}' scheme: a model's files are never fetched from a host that a request names.`);
      return withRun(request, sources, { source, downloadUri: source, artifactPath: "" });
  }
}

/** A local path is the client's own disk: named only if its run said so first. */
async function localSource(request: SourceRequest, sources: ModelSources): Promise<ResolvedSource> {
  const { source, modelId } = request;
  const id = modelId === undefined ? "run_id" : "model_id";
  const owner = await ownerOf(request, sources);
  if (owner?.artifactUri.startsWith("file:") && /^file:\/\/[^/]/i.test(source)) throw new KarkhanaError("SOURCE_HOST_REFUSED", { source: shown(source) });
  if (owner?.artifactUri.startsWith("file:") && !isDisguised(source)) {
    // Of a plain path, what it comes down to is what counts: `model/..` is the folder itself.
    const [own, home] = [path.posix.normalize(localPath(source)), localPath(owner.artifactUri)];
    if (isWithin(own, home)) return withRun(request, sources, { source, downloadUri: source, artifactPath: blobFolder(owner, own, home) });
  }
  return refuse(
    `Invalid model version source: '${shown(source)}'. To use a local path as a model version source, the ${id} request parameter has to be specified and the local path has to be contained within the artifact directory of the run specified by the ${id}.`,
  );
}

async function runSource(request: SourceRequest, sources: ModelSources): Promise<ResolvedSource> {
  const { source, runId, modelId } = request;
  const match = /^runs:\/([^/]+)\/(.+)$/.exec(source);
  if (match === null || source.startsWith("runs://")) return refuseOther(source, "run_id");
  if (modelId !== undefined) return refuseOther(source, "model_id");
  const [id, path] = [match[1]!, match[2]!.replace(/\/+$/, "")];
  // What cannot be a run's id here names no files, now or later; clients' tests register such.
  if (/^[0-9a-f]{32}$/.test(id) && id !== runId) return refuseOther(source, "run_id");
  const folder = (await sources.run(id))?.folder;
  return { source, downloadUri: source, artifactPath: folder === undefined ? "" : `${folder}/${path}`, runId: runId ?? "", modelId };
}

/** The version that "models:/name/3", "models:/name@alias", "models:/name/latest" or "models:/name/Staging" names. */
export async function versionAt(catalog: ModelCatalog, reference: string): Promise<RegisteredVersion> {
  const match = modelReference.exec(reference);
  if (match === null || reference.startsWith("models://") || (match[2] === undefined && match[3] === undefined))
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: "model",
      problem: "expected models:/<name>/<version> or models:/<name>@<alias>",
      value: shown(reference),
    });
  return versionNamed(catalog, match[1]!, match[2], match[3]);
}

async function modelSource(request: SourceRequest, sources: ModelSources, catalog: ModelCatalog): Promise<ResolvedSource> {
  const { source, runId, modelId } = request;
  const match = modelReference.exec(source);
  if (match === null || source.startsWith("models://")) return refuseOther(source, "model_id");
  const [name, alias, suffix] = [match[1]!, match[2], match[3]];
  if (alias === undefined && suffix === undefined) {
    if (name !== modelId) return refuseOther(source, "model_id");
    const model = await sources.loggedModel(name);
    if (model === undefined) return refuseOther(source, "model_id");
    return { source, downloadUri: model.artifactUri, artifactPath: model.folder ?? "", runId: runId ?? model.runId ?? "", modelId };
  }
  const version = await versionNamed(catalog, name, alias, suffix);
  if ((runId !== undefined && runId !== version.runId) || (modelId !== undefined && modelId !== version.modelId))
    refuse(`Invalid model version source: '${shown(source)}'. The run_id and model_id request parameters must match the referenced model version.`);
  return {
    source: `models:/${name}/${version.version}`,
    downloadUri: version.downloadUri,
    artifactPath: await catalog.artifactPath(name, version.version),
    runId: version.runId,
    modelId: version.modelId,
  };
}

async function versionNamed(catalog: ModelCatalog, name: string, alias: string | undefined, suffix: string | undefined): Promise<RegisteredVersion> {
  if (alias !== undefined) return catalog.versionByAlias(name, alias);
  if (suffix !== undefined && /^\d{1,15}$/.test(suffix)) return catalog.getVersion(name, Number(suffix));
  const { latest } = await catalog.getModel(name);
  const stage = suffix?.toLowerCase() === "latest" ? undefined : stageNamed(suffix ?? "");
  const newest = latest.filter((v) => stage === undefined || v.stage === stage).sort((a, b) => b.version - a.version)[0];
  return newest ?? refuse(`No version of model '${name}' is in stage '${suffix ?? ""}'.`);
}

async function proxiedSource(request: SourceRequest, sources: ModelSources): Promise<ResolvedSource> {
  const { source, modelId } = request;
  const owner = await ownerOf(request, sources);
  if (owner === undefined || !/^mlflow-artifacts:\/[^/]/.test(source) || !isWithin(source, owner.artifactUri))
    return refuseOther(source, modelId === undefined ? "run_id" : "model_id");
  return withRun(request, sources, { source, downloadUri: source, artifactPath: blobFolder(owner, source, owner.artifactUri) });
}

async function withRun(
  { runId, modelId }: SourceRequest,
  sources: ModelSources,
  resolved: Pick<ResolvedSource, "source" | "downloadUri" | "artifactPath">,
): Promise<ResolvedSource> {
  const ofModel = runId === undefined && modelId !== undefined ? (await sources.loggedModel(modelId))?.runId : undefined;
  return { ...resolved, runId: runId ?? ofModel ?? "", modelId };
}

/** The logged model of the request, else its run. */
async function ownerOf({ runId, modelId }: SourceRequest, sources: ModelSources): Promise<ArtifactPlace | undefined> {
  if (modelId !== undefined) return sources.loggedModel(modelId);
  return runId === undefined ? undefined : sources.run(runId);
}

/** The same place in the blob store, whose folders are laid out as the addresses are. */
function blobFolder({ folder }: ArtifactPlace, source: string, root: string): string {
  return folder === undefined ? "" : `${folder}${source.replace(/\/+$/, "").slice(root.replace(/\/+$/, "").length)}`;
}

function isWithin(path: string, root: string): boolean {
  const [own, home] = [path.replace(/\/+$/, ""), root.replace(/\/+$/, "")];
  return own === home || own.startsWith(`${home}/`);
}

function localPath(uri: string): string {
  return uri.replace(/^file:(\/\/(?=\/))?/i, "");
}

/** It does not say what it is: encoded characters, control characters, other or doubled separators. */
function isDisguised(source: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return decoded(source) !== source || /[\u0000-\u001f\u007f\\]/.test(source) || localPath(source).includes("//");
}

/** Whatever it is encoded as, however often: no `..`, no doubled or other separator, no NUL. */
function climbs(source: string): boolean {
  const plain = decoded(source);
  const below = plain.replace(/^[a-z][a-z0-9+.-]*:(\/\/)?/i, "");
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f\\]/.test(plain) || below.replace(/^\/{2}(?=\/)/, "").includes("//")) return true;
  return plain.split(/[/:]/).some((part) => part.trim() === ".." || part === ".") || (plain.match(/\//g)?.length ?? 0) !== (source.match(/\//g)?.length ?? 0);
}

function refuseClimbing(source: string): void {
  if (!climbs(source)) return;
  refuse(
    `Invalid model version source: '${shown(source)}'. If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references present. Please provide an absolute path.`,
  );
}

/** Shorter with every round, so it ends. */
function decoded(text: string): string {
  const once = text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return once === text ? text : decoded(once);
}

function refuseOther(source: string, parameter: string): never {
  return refuse(`Invalid model version source: '${shown(source)}'. The ${parameter} request parameter must identify the resource that contains the source.`);
}

function shown(source: string): string {
  return source.slice(0, 300).replaceAll(/\p{Cc}/gu, "?");
}

/** No run is not a refusal of its own: the source then stands alone. */
export async function orUndefined<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (codeOf(error)?.endsWith("_NOT_FOUND") === true || codeOf(error) === "INVALID_ARGUMENT") return undefined;
    throw error;
  }
}
