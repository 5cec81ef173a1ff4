import { KarkhanaError } from "../kernel/error.ts";
import type { ModelDefinition } from "../project/definition.ts";
import type { Registry } from "../registry/port.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import { loadVersionArtifact } from "./artifact.ts";
import { decodeElsewhere } from "./decode-elsewhere.ts";
import type { OnlineFace } from "./faces.ts";
import { rowReader } from "./oip/rows.ts";
import type { LoadedVersion } from "./served-model.ts";
import { versionVector } from "./version-vector.ts";

/** Loads versions and keeps those that a deployment may return to, so that a rollback swaps to what is already in memory. */
export class VersionLoader {
  readonly #registry: Pick<Registry, "getVersion">;
  readonly #blobs: BlobStore;
  readonly #online: OnlineFace;
  readonly #kept = new Map<string, Map<number, LoadedVersion>>();
  readonly #closeAfterMs: number;
  readonly #timerMs: () => number;
  readonly #leaving = new Map<LoadedVersion, NodeJS.Timeout>();

  readonly #maxRows: number;

  constructor(options: {
    readonly registry: Pick<Registry, "getVersion">;
    readonly blobs: BlobStore;
    readonly online: OnlineFace;
    /** Rows of one request of a protocol. */
    readonly maxRows: number;
    /** How long an answer under way may still ask a version that is let go of. */
    readonly closeAfterMs: number;
    readonly timerMs: () => number;
  }) {
    this.#timerMs = options.timerMs;
    this.#closeAfterMs = options.closeAfterMs;
    this.#maxRows = options.maxRows;
    this.#registry = options.registry;
    this.#blobs = options.blobs;
    this.#online = options.online;
  }

  /** Single flight is the caller's: one follower loads one version after the other. @throws SERVICE_MISMATCH, the codes of `loadVersionArtifact`, and the registry's */
  async load(model: ModelDefinition, version: number): Promise<LoadedVersion> {
    const kept = this.#kept.get(model.name)?.get(version);
    if (kept !== undefined) return kept;
    const { artifactPath, serviceHash } = await this.#registry.getVersion(model.name, version);
    refuseOtherService(model, version, serviceHash);
    const { manifest, predictor, servable, modelBytes } = await loadVersionArtifact(this.#blobs, artifactPath, decodeElsewhere, this.#timerMs);
    try {
      if (manifest.model !== model.name) throw new KarkhanaError("ARTIFACT_INVALID", { path: artifactPath, problem: `it is of model ${manifest.model}` });
      refuseOtherService(model, version, manifest.serviceHash);
    } catch (error) {
      await servable.close();
      throw error;
    }
    const loaded: LoadedVersion = {
      version,
      predictor,
      vector: versionVector(model.service, this.#online, manifest.categories),
      kind: servable.format === "karkhana" ? servable.kind : servable.format,
      rows: rowReader(model, manifest.categories, this.#maxRows),
      runs: servable.runs,
      memoryBytes: servable.runs === "inline" ? modelBytes : servable.memoryBytes,
      close: () => servable.close(),
    };
    const versions = this.#kept.get(model.name) ?? new Map<number, LoadedVersion>();
    this.#kept.set(model.name, versions.set(version, loaded));
    return loaded;
  }

  /** Lets go of every version of a model but these. */
  keepOnly(model: string, versions: readonly (number | undefined)[]): void {
    const kept = this.#kept.get(model);
    for (const [version, loaded] of kept ?? []) {
      if (versions.includes(version)) continue;
      kept?.delete(version);
      this.#letGo(loaded);
    }
  }

  /** At the process' end: what was under way is answered by then. */
  async close(): Promise<void> {
    const loaded = [...this.#leaving.keys(), ...[...this.#kept.values()].flatMap((versions) => [...versions.values()])];
    for (const timer of this.#leaving.values()) clearTimeout(timer);
    this.#leaving.clear();
    this.#kept.clear();
    await Promise.all(loaded.map((version) => version.close()));
  }

  #letGo(version: LoadedVersion): void {
    if (version.runs === "inline") return;
    const timer = setTimeout(() => {
      this.#leaving.delete(version);
      void version.close();
    }, this.#closeAfterMs);
    timer.unref();
    this.#leaving.set(version, timer);
  }
}

function refuseOtherService(model: ModelDefinition, version: number, found: string): void {
  if (found !== model.service.hash) throw new KarkhanaError("SERVICE_MISMATCH", { model: model.name, version, found, expected: model.service.hash });
}
