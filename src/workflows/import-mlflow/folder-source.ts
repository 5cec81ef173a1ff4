import { parseDocument } from "yaml";
import { KarkhanaError } from "../../kernel/error.ts";
import type { RunDataset } from "../../tracking/datasets.ts";
import type { IntakeLoggedModel } from "../../tracking/intake.ts";
import type { Metric } from "../../tracking/port.ts";
import { ConfinedFolder } from "./confined-files.ts";
import { loggedModelStatus, metricNumber, microsOf, runStatus, stageOf, text, textOrNull } from "./fields.ts";
import type { MlflowSource, Refused, SourceExperiment, SourceFile, SourceModel, SourceRun } from "./source.ts";

type Fields = Readonly<Record<string, unknown>>;

const maxYaml = 256 * 1024;
/** A dataset's schema and profile are within its file. */
const maxDatasetYaml = 20 * 1024 * 1024;
const maxText = 1024 * 1024;
const maxHistory = 256 * 1024 * 1024;
const maxKeyDepth = 32;

/** An `mlruns` folder: MLflow's file store of experiments, runs, logged models and registered models. */
export async function openFolderSource(folder: string): Promise<MlflowSource> {
  const refused: Refused[] = [];
  const home = await ConfinedFolder.open(folder, refused);
  if (home === undefined) throw new KarkhanaError("IMPORT_SOURCE_REFUSED", { source: folder, problem: "there is no such folder" });
  const source = new FolderSource(home, refused);
  if (!(await source.isMlruns()))
    throw new KarkhanaError("IMPORT_SOURCE_REFUSED", { source: folder, problem: "it holds no experiment: a folder with a meta.yaml" });
  return source;
}

class FolderSource implements MlflowSource {
  readonly identity: string;
  readonly refused: Refused[];
  /** A client that tries again appends the same line again. */
  readonly pointsAreUnique = false;
  readonly #home: ConfinedFolder;
  /** Where each run and model was found; ids are theirs to claim, folders are ours to find. */
  readonly #runFolders: Map<string, string> = new Map();
  readonly #modelFolders: Map<string, string> = new Map();

  constructor(home: ConfinedFolder, refused: Refused[]) {
    this.identity = `folder:${home.root}`;
    this.#home = home;
    this.refused = refused;
  }

  async isMlruns(): Promise<boolean> {
    return (await this.#experimentFolders()).length > 0;
  }

  async *experiments(): AsyncGenerator<SourceExperiment> {
    for (const folder of await this.#experimentFolders()) {
      const meta = await this.#yaml(`${folder}/meta.yaml`, maxYaml);
      if (meta === undefined) continue;
      yield {
        sourceId: folder,
        name: text(meta["name"]),
        createdUs: microsOf(meta["creation_time"]) ?? 0,
        stage: stageOf(meta["lifecycle_stage"]),
        tags: await this.#texts(`${folder}/tags`),
      };
    }
  }

  async *runs(experiment: string): AsyncGenerator<SourceRun> {
    for (const name of await this.#home.names(experiment, "folders")) {
      const folder = `${experiment}/${name}`;
      if (["models", "datasets", "tags", "traces"].includes(name)) continue;
      const meta = await this.#yaml(`${folder}/meta.yaml`, maxYaml);
      if (meta === undefined) continue;
      const runId = text(meta["run_id"] ?? meta["run_uuid"]);
      if (runId !== name) {
        this.refused.push({ what: folder, why: `its meta.yaml says it is run ${runId.slice(0, 40)}` });
        continue;
      }
      this.#runFolders.set(runId, folder);
      const { "mlflow.runName": tagged, ...tags } = await this.#texts(`${folder}/tags`);
      const metricKeys = await this.#keys(`${folder}/metrics`);
      const sizes = await Promise.all(metricKeys.map((key) => this.#home.size(`${folder}/metrics/${key}`)));
      yield {
        runId,
        name: text(meta["run_name"]) || tagged || runId.slice(0, 8),
        status: runStatus(meta["status"]),
        stage: stageOf(meta["lifecycle_stage"]),
        userId: text(meta["user_id"]),
        startUs: microsOf(meta["start_time"]) ?? 0,
        endUs: microsOf(meta["end_time"]),
        params: await this.#texts(`${folder}/params`),
        tags,
        datasets: await this.#datasets(experiment, folder),
        outputs: await this.#outputs(folder),
        inputs: [],
        metricKeys,
        // A history only grows.
        latest: JSON.stringify(metricKeys.map((key, i) => [key, sizes[i]])),
      };
    }
  }

  async *history(runId: string, key: string): AsyncGenerator<readonly Metric[]> {
    const file = `${this.#runFolders.get(runId) ?? ""}/metrics/${key}`;
    const content = await this.#read(file, maxHistory);
    const points: Metric[] = [];
    for (const line of (content ?? "").split("\n")) {
      if (line.trim() === "") continue;
      const [timestamp = "", value = "", step = "0"] = line.trim().split(/\s+/);
      const point = { key, value: metricNumber(value), step: Number(step), timestampMs: Number(timestamp) };
      // Files of old releases, and other programs, write seconds with a fraction.
      if (!Number.isSafeInteger(point.timestampMs)) point.timestampMs = Math.round(point.timestampMs * 1000);
      if (!Number.isSafeInteger(point.timestampMs) || !Number.isSafeInteger(point.step))
        this.refused.push({ what: `${file}: ${line.slice(0, 60)}`, why: "it is no point of a metric" });
      else points.push(point);
      if (points.length >= 5000) yield points.splice(0);
    }
    if (points.length > 0) yield points;
  }

  async *runFiles(runId: string): AsyncGenerator<SourceFile> {
    yield* this.#home.files(`${this.#runFolders.get(runId) ?? ""}/artifacts`, `run ${runId}`);
  }

  async *loggedModels(experiment: string): AsyncGenerator<Omit<IntakeLoggedModel, "experimentId">> {
    for (const name of await this.#home.names(`${experiment}/models`, "folders")) {
      const folder = `${experiment}/models/${name}`;
      const meta = await this.#yaml(`${folder}/meta.yaml`, maxYaml);
      if (meta === undefined || text(meta["model_id"]) !== name) continue;
      this.#modelFolders.set(name, folder);
      yield {
        modelId: name,
        name: text(meta["name"]),
        createdUs: microsOf(meta["creation_timestamp"]) ?? 0,
        updatedUs: microsOf(meta["last_updated_timestamp"]) ?? 0,
        stage: stageOf(meta["lifecycle_stage"]),
        status: loggedModelStatus(meta["status"]),
        modelType: textOrNull(meta["model_type"]),
        sourceRunId: textOrNull(meta["source_run_id"]),
        params: await this.#texts(`${folder}/params`),
        tags: await this.#texts(`${folder}/tags`),
      };
    }
  }

  async *modelFiles(modelId: string): AsyncGenerator<SourceFile> {
    yield* this.#home.files(`${this.#modelFolders.get(modelId) ?? ""}/artifacts`, `model ${modelId}`);
  }

  async *models(): AsyncGenerator<SourceModel> {
    for (const folder of await this.#home.names("models", "folders")) {
      const at = `models/${folder}`;
      const meta = await this.#yaml(`${at}/meta.yaml`, maxYaml);
      if (meta === undefined) continue;
      const versions = [];
      for (const name of await this.#home.names(at, "folders")) {
        const v = name.startsWith("version-") ? await this.#yaml(`${at}/${name}/meta.yaml`, maxYaml) : undefined;
        if (v === undefined || v["current_stage"] === "Deleted_Internal") continue;
        const source = text(v["source"]);
        versions.push({
          version: Number(v["version"]),
          createdUs: microsOf(v["creation_timestamp"]) ?? 0,
          updatedUs: microsOf(v["last_updated_timestamp"]) ?? 0,
          description: textOrNull(v["description"]),
          userId: textOrNull(v["user_id"]),
          stage: text(v["current_stage"]),
          source,
          storage: text(v["storage_location"]) || source,
          runId: text(v["run_id"]),
          modelId: textOrNull(v["model_id"]),
          runLink: textOrNull(v["run_link"]),
          tags: await this.#texts(`${at}/${name}/tags`),
        });
      }
      const aliases = Object.entries(await this.#texts(`${at}/aliases`)).map(([alias, version]) => [alias, Number(version)] as const);
      yield {
        name: text(meta["name"]),
        createdUs: microsOf(meta["creation_timestamp"]) ?? 0,
        updatedUs: microsOf(meta["last_updated_timestamp"]) ?? 0,
        description: textOrNull(meta["description"]),
        tags: await this.#texts(`${at}/tags`),
        aliases: Object.fromEntries(aliases),
        versions: versions.sort((a, b) => a.version - b.version),
      };
    }
  }

  async close(): Promise<void> {}

  /** Those in the trash too: they are the deleted ones. */
  async #experimentFolders(): Promise<string[]> {
    const found: string[] = [];
    for (const parent of ["", ".trash"])
      for (const name of await this.#home.names(parent, "folders")) {
        const folder = parent === "" ? name : `${parent}/${name}`;
        if (name !== "models" && name !== ".trash" && (await this.#home.names(folder, "files")).includes("meta.yaml")) found.push(folder);
      }
    return found;
  }

  async #datasets(experiment: string, folder: string): Promise<RunDataset[]> {
    const found: RunDataset[] = [];
    for (const name of await this.#home.names(`${folder}/inputs`, "folders")) {
      const input = await this.#yaml(`${folder}/inputs/${name}/meta.yaml`, maxYaml);
      const id = text(input?.["source_id"]);
      if (input?.["source_type"] !== "DATASET" || !/^[\w-]{1,64}$/.test(id)) continue;
      const d = await this.#yaml(`${experiment}/datasets/${id}/meta.yaml`, maxDatasetYaml);
      if (d === undefined) continue;
      const tags = input["tags"];
      found.push({
        name: text(d["name"]),
        digest: text(d["digest"]),
        sourceType: text(d["source_type"]),
        source: text(d["source"]),
        ...(textOrNull(d["schema"]) === null ? {} : { schema: text(d["schema"]) }),
        ...(textOrNull(d["profile"]) === null ? {} : { profile: text(d["profile"]) }),
        tags: isFields(tags) ? Object.fromEntries(Object.entries(tags).map(([k, v]) => [k, text(v)])) : {},
      });
    }
    return found;
  }

  async #outputs(folder: string): Promise<SourceRun["outputs"]> {
    const found: { modelId: string; step: number }[] = [];
    for (const name of await this.#home.names(`${folder}/outputs`, "folders")) {
      const output = await this.#yaml(`${folder}/outputs/${name}/meta.yaml`, maxYaml);
      if (output !== undefined) found.push({ modelId: text(output["destination_id"]), step: Number(output["step"] ?? 0) });
    }
    return found;
  }

  /** One file a key; a key with slashes is a path. */
  async #texts(folder: string): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const key of await this.#keys(folder)) {
      const value = await this.#read(`${folder}/${key}`, maxText);
      if (value !== undefined) found[key] = value;
    }
    return found;
  }

  async #keys(folder: string, below = "", depth = 0): Promise<string[]> {
    const at = below === "" ? folder : `${folder}/${below}`;
    const prefix = below === "" ? "" : `${below}/`;
    const own = (await this.#home.names(at, "files")).map((name) => prefix + name);
    if (depth >= maxKeyDepth) return own;
    for (const name of await this.#home.names(at, "folders")) own.push(...(await this.#keys(folder, prefix + name, depth + 1)));
    return own;
  }

  async #read(file: string, maxBytes: number): Promise<string | undefined> {
    try {
      return await this.#home.text(file, maxBytes);
    } catch (error) {
      this.refused.push({ what: file, why: error instanceof Error ? error.message : "it cannot be read" });
      return undefined;
    }
  }

  async #yaml(file: string, maxBytes: number): Promise<Fields | undefined> {
    const content = await this.#read(file, maxBytes);
    if (content === undefined) return undefined;
    try {
      // Plain data only: an alias may make a small file a huge value, and a tag names code.
      const document = parseDocument(content, { schema: "core", version: "1.2", logLevel: "silent", uniqueKeys: true, intAsBigInt: false });
      const problem = document.errors[0] ?? document.warnings[0];
      if (problem !== undefined) throw new Error(problem.message.split("\n")[0]);
      const value: unknown = document.toJS({ maxAliasCount: 0 });
      if (isFields(value)) return value;
      throw new Error("it is not a list of fields");
    } catch (error) {
      this.refused.push({ what: file, why: `its YAML is refused: ${error instanceof Error ? error.message : "unreadable"}` });
      return undefined;
    }
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
