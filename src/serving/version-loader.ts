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

  readonly #maxRows: number;

  constructor(options: {
    readonly registry: Pick<Registry, "getVersion">;
    readonly blobs: BlobStore;
    readonly online: OnlineFace;
    /** Rows of one request of a protocol. */
    readonly maxRows: number;
  }) {
    this.#maxRows = options.maxRows;
    this.#registry = options.registry;
    this.#blobs = options.blobs;
    this.#online = options.online;
  }

  /** @throws SERVICE_MISMATCH, the codes of `loadVersionArtifact`, and the registry's */
  async load(model: ModelDefinition, version: number): Promise<LoadedVersion> {
    const kept = this.#kept.get(model.name)?.get(version);
    if (kept !== undefined) return kept;
    const { artifactPath, serviceHash } = await this.#registry.getVersion(model.name, version);
    refuseOtherService(model, version, serviceHash);
    const { manifest, predictor, servable, modelBytes } = await loadVersionArtifact(this.#blobs, artifactPath, decodeElsewhere);
    if (manifest.model !== model.name) throw new KarkhanaError("ARTIFACT_INVALID", { path: artifactPath, problem: `it is of model ${manifest.model}` });
    refuseOtherService(model, version, manifest.serviceHash);
    const loaded: LoadedVersion = {
      version,
      predictor,
      vector: versionVector(model.service, this.#online, manifest.categories),
      kind: servable.format === "karkhana" ? servable.kind : servable.format,
      rows: rowReader(model, manifest.categories, this.#maxRows),
      memoryBytes: modelBytes,
    };
    const versions = this.#kept.get(model.name) ?? new Map<number, LoadedVersion>();
    this.#kept.set(model.name, versions.set(version, loaded));
    return loaded;
  }

  /** Lets go of every version of a model but these. */
  keepOnly(model: string, versions: readonly (number | undefined)[]): void {
    const kept = this.#kept.get(model);
    for (const version of kept?.keys() ?? []) if (!versions.includes(version)) kept?.delete(version);
  }
}

function refuseOtherService(model: ModelDefinition, version: number, found: string): void {
  if (found !== model.service.hash) throw new KarkhanaError("SERVICE_MISMATCH", { model: model.name, version, found, expected: model.service.hash });
}
