/** What both wires of the protocol ask of the process besides inference. */
import { createRequire } from "node:module";
import { KarkhanaError } from "../../kernel/error.ts";
import type { LoadedVersion, ServedModel } from "../served-model.ts";
import type { FileModels } from "./file-models.ts";
import type { Peers } from "../peers/peers.ts";
import { repositoryEntries, type RepositoryEntry } from "./model-face.ts";
import { reportStatistics, type StatisticsReport } from "./statistics.ts";

const { version } = createRequire(import.meta.url)("../../../package.json") as { version: string };

/** Only what is answered in full: stock clients rely on every field of an extension that is named here. */
const extensions: readonly string[] = [
  "classification",
  "model_configuration",
  "model_repository",
  "binary_tensor_data",
  "parameters",
  "schedule_policy",
  "statistics",
];

export interface OipServerOptions {
  readonly models: ReadonlyMap<string, ServedModel>;
  /** Models that are files, beside those of the project. */
  readonly files: FileModels;
  /** Rows of one request. */
  readonly maxRows: number;
  /** Every deployed model answers, and this process is not about to end. */
  readonly isReady: () => boolean;
  /** Reads the deployments again. */
  readonly refresh: () => Promise<void>;
  /** The other processes on the same ports, if there are any. */
  readonly peers?: Pick<Peers, "statistics" | "load" | "unload"> | undefined;
}

export class OipServer {
  readonly #options: OipServerOptions;
  readonly files: FileModels;
  readonly isReady: () => boolean;
  readonly maxRows: number;

  constructor(options: OipServerOptions) {
    this.#options = options;
    this.files = options.files;
    this.isReady = options.isReady;
    this.maxRows = options.maxRows;
  }

  metadata(): { readonly name: string; readonly version: string; readonly extensions: readonly string[] } {
    return { name: "karkhana", version, extensions };
  }

  /** @throws INFER_MODEL_UNKNOWN */
  model(name: string): ServedModel {
    const { models } = this.#options;
    const model = models.get(name);
    if (model === undefined)
      throw new KarkhanaError("INFER_MODEL_UNKNOWN", {
        model: name.slice(0, 100),
        models: [...models.keys(), ...Array.from(this.files.values(), (file) => file.name)].join(", "),
      });
    return model;
  }

  /** The version asked for, else the champion. @throws INFER_MODEL_UNKNOWN, MODEL_NOT_LOADED, MODEL_VERSION_NOT_LOADED */
  find(name: string, versionText: string | undefined): { readonly model: ServedModel; readonly version: LoadedVersion } {
    const model = this.model(name);
    const { champion } = model.current();
    if (versionText === undefined || versionText === "") return { model, version: champion };
    const loaded = model.loadedVersions();
    const found = loaded.find((one) => String(one.version.version) === versionText);
    if (found !== undefined) return { model, version: found.version };
    throw new KarkhanaError("MODEL_VERSION_NOT_LOADED", {
      model: name,
      version: versionText.slice(0, 40),
      loaded: loaded.map((one) => one.version.version).join(", "),
    });
  }

  isModelReady(name: string, versionText: string | undefined): boolean {
    const file = this.files.get(name);
    if (file !== undefined) return versionText === undefined || versionText === "" || versionText === String(file.version);
    const loaded = this.#options.models.get(name)?.loadedVersions() ?? [];
    return loaded.some(({ role, version }) =>
      versionText === undefined || versionText === "" ? role === "champion" : String(version.version) === versionText,
    );
  }

  /** Of all processes together. @throws INFER_MODEL_UNKNOWN, MODEL_VERSION_NOT_LOADED */
  async statistics(name: string | undefined, versionText: string | undefined): Promise<StatisticsReport[]> {
    const own = this.ownStatistics(name, versionText);
    return this.#options.peers?.statistics(name, versionText, own) ?? own;
  }

  /** @throws INFER_MODEL_UNKNOWN, MODEL_VERSION_NOT_LOADED */
  ownStatistics(name: string | undefined, versionText: string | undefined): StatisticsReport[] {
    const file = name === undefined ? undefined : this.files.get(name);
    if (file !== undefined) {
      file.check(versionText);
      return [file.statistics()];
    }
    const ofFiles = name === undefined || name === "" ? Array.from(this.files.values(), (one) => one.statistics()) : [];
    if (versionText !== undefined && versionText !== "" && name !== undefined) this.find(name, versionText);
    const models = name === undefined || name === "" ? [...this.#options.models.values()] : [this.model(name)];
    const ofProject = models.flatMap((model) =>
      model
        .loadedVersions()
        .filter(({ version }) => versionText === undefined || versionText === "" || String(version.version) === versionText)
        .map(({ version }) => reportStatistics(model.definition.name, version.version, model.statisticsOf(version.version), version.memoryBytes)),
    );
    return [...ofProject, ...ofFiles];
  }

  index(onlyReady: boolean): RepositoryEntry[] {
    const entries = [...[...this.#options.models.values()].flatMap(repositoryEntries), ...this.files.entries()];
    return onlyReady ? entries.filter(({ state }) => state === "READY") : entries;
  }

  /** In force in all processes once this resolves. @throws INFER_MODEL_UNKNOWN, DEPLOYMENTS_UNREADABLE, MODEL_NOT_LOADED */
  async load(name: string): Promise<void> {
    await this.loadHere(name);
    await this.#options.peers?.load(name);
  }

  async loadHere(name: string): Promise<void> {
    if (await this.files.has(name)) return this.files.load(name);
    const model = this.model(name);
    await this.#options.refresh();
    model.isUnloaded = false;
    model.current();
  }

  /** Requests under way are answered; later ones are refused. @throws INFER_MODEL_UNKNOWN */
  async unload(name: string): Promise<void> {
    await this.unloadHere(name);
    await this.#options.peers?.unload(name);
  }

  async unloadHere(name: string): Promise<void> {
    if (!(await this.files.unload(name))) this.model(name).isUnloaded = true;
  }
}
