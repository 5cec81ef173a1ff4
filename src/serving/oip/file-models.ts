/**
 * Models that are files of other libraries, served as tensors beside the project's models:
 *
 *   <folder>/<name>/<version>/<model file>     as Triton lays its repository out; the highest version answers
 *                            /golden.json      {"inputs":[…],"outputs":[…],"tolerance":1e-5} as the protocol's JSON: checked at load
 *                            /remote.json      instead of a model file: the model is on another server
 *                            /openai.json      or: a language model on a server of OpenAI's API, which answers on that API's routes
 *                            /ensemble.json    or: models of this folder put together
 *                            /batching.json    how requests of a model in worker threads or on another server are put together
 *                            /quantization.json  what quantisation cost; without it a quantised model is refused
 *
 * A version is read on a thread of its own, checked, run once, and then put in place by one assignment; one that fails leaves the old in place.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import { codeOf, KarkhanaError, toErrorRecord, type ErrorRecord } from "../../kernel/error.ts";
import { sha256 } from "../../kernel/hashing.ts";
import { decodeElsewhere } from "../decode-elsewhere.ts";
import { findModelFile } from "../formats/detect.ts";
import type { ServableModel } from "../formats/model.ts";
import { openModel } from "../formats/open.ts";
import type { SessionPoolOptions } from "../formats/onnx/session-pool.ts";
import { openEnsemble, readEnsemble, type FindModel } from "./ensemble.ts";
import { checkBatching } from "../batching/check.ts";
import { readBatching } from "../batching/policy.ts";
import { Backend } from "../openai/backend.ts";
import { readBackendPlan, type BackendPlan } from "../openai/plan.ts";
import { FileModel, type FileModelParts } from "./file-model.ts";
import { checkGolden, readGolden } from "./golden.ts";
import { checkQuantization } from "../formats/onnx/quantization-report.ts";
import { openRemoteModel, readRemotePlan } from "./remote-model.ts";
import type { RepositoryEntry } from "./model-face.ts";

const maxFileBytes = 2 ** 31;
/** Batches that another server has at once where `batching.json` does not say. */
const remoteRuns = 2;
const namePattern = /^[\w.-]{1,200}$/;

export interface FileModelsOptions {
  readonly timerMs: () => number;
  readonly clock: Clock;
  /** Where the keys of other servers are. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly sessions?: SessionPoolOptions;
  /** The project's models as steps of graphs. */
  readonly project?: FindModel;
}

export class FileModels {
  readonly #folder: string | undefined;
  readonly #sessions: SessionPoolOptions;
  readonly #timerMs: () => number;
  readonly #environment: FileModelsOptions["environment"];
  readonly #clock: Clock;
  readonly #models = new Map<string, FileModel>();
  readonly #backends = new Map<string, Backend>();
  readonly #refused = new Map<string, { readonly version: number; readonly error: ErrorRecord }>();
  readonly #taken: ReadonlySet<string>;
  readonly #project: FindModel;

  /** @param folder undefined: there are none @param taken names of the project's models, which come first */
  constructor(
    folder: string | undefined,
    taken: Iterable<string>,
    { timerMs, clock, environment, sessions = {}, project = () => undefined }: FileModelsOptions,
  ) {
    this.#project = project;
    this.#folder = folder;
    this.#timerMs = timerMs;
    this.#clock = clock;
    this.#environment = environment;
    this.#taken = new Set(taken);
    this.#sessions = sessions;
  }

  get(name: string): FileModel | undefined {
    return this.#models.get(name);
  }

  /** Language models on other servers, by name. */
  get backends(): ReadonlyMap<string, Backend> {
    return this.#backends;
  }

  values(): Iterable<FileModel> {
    return this.#models.values();
  }

  entries(): RepositoryEntry[] {
    const refused = [...this.#refused].map(([name, { version, error }]): RepositoryEntry => ({
      name,
      version: String(version),
      state: "UNAVAILABLE",
      reason: `${error.code}: ${error.message}`,
    }));
    return [
      ...[...this.#models.values(), ...this.#backends.values()].map((model): RepositoryEntry => ({
        name: model.name,
        version: String(model.version),
        state: "READY",
        reason: "",
      })),
      ...refused,
    ];
  }

  /** Loads every model of the folder; one that cannot be loaded is listed with its reason. */
  async loadAll(): Promise<void> {
    for (const name of await foldersIn(this.#folder)) if (namePattern.test(name) && !this.#taken.has(name)) await this.load(name).catch(() => {});
    // An ensemble may stand before its steps in the alphabet.
    const waiting = [...this.#refused].filter(([, { error }]) => String(error.details["field"]).startsWith("ensemble.json.steps"));
    for (const [name] of waiting) await this.load(name).catch(() => {});
  }

  /** True if the folder has a model of that name. */
  async has(name: string): Promise<boolean> {
    return namePattern.test(name) && !this.#taken.has(name) && (await foldersIn(this.#folder)).includes(name);
  }

  /** In force once this resolves; the version before answers until then, and if this fails. @throws the codes of reading and checking a model */
  async load(name: string): Promise<void> {
    const folder = path.join(this.#folder!, name);
    const versions = (await foldersIn(folder)).filter((entry) => /^[1-9]\d{0,8}$/.test(entry)).map(Number);
    const version = Math.max(0, ...versions);
    try {
      if (version === 0) throw new KarkhanaError("MODEL_FORMAT_UNKNOWN", { name, problem: "its folder holds no version, a folder named 1 or higher" });
      const declared = await backendIn(path.join(folder, String(version)));
      if (declared !== undefined) return await this.#put(name, version, declared);
      const opened = await openFile(name, path.join(folder, String(version)), this.#sessions, (step) => this.#project(step) ?? this.#models.get(step));
      const before = this.#models.get(name);
      this.#models.set(name, new FileModel({ name, version, ...opened, stats: before?.stats, timerMs: this.#timerMs }));
      this.#refused.delete(name);
      this.#dropBackend(name);
      // What it was asked before is answered first.
      await before?.close();
    } catch (error) {
      this.#refused.set(name, { version, error: toErrorRecord(error) });
      throw error;
    }
  }

  async #put(name: string, version: number, plan: BackendPlan): Promise<void> {
    const before = this.#backends.get(name);
    const createdSeconds = Math.floor(this.#clock.nowUs() / 1e6);
    this.#backends.set(name, new Backend({ name, version, plan, environment: this.#environment, createdSeconds, stats: before?.stats }));
    this.#refused.delete(name);
    before?.close();
    const model = this.#models.get(name);
    this.#models.delete(name);
    await model?.close();
  }

  #dropBackend(name: string): boolean {
    this.#backends.get(name)?.close();
    return this.#backends.delete(name);
  }

  /** @returns false if there is none of that name */
  async unload(name: string): Promise<boolean> {
    const model = this.#models.get(name);
    this.#models.delete(name);
    await model?.close();
    return this.#dropBackend(name) || model !== undefined;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#models.values()].map((model) => model.close()));
    this.#models.clear();
    for (const name of this.#backends.keys()) this.#dropBackend(name);
  }
}

async function backendIn(folder: string): Promise<BackendPlan | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path.join(folder, "openai.json"));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  return readBackendPlan(bytes);
}

async function openFile(
  name: string,
  folder: string,
  sessions: SessionPoolOptions,
  find: FindModel,
): Promise<Pick<FileModelParts, "model" | "goldenRows" | "batching">> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  const model = files.includes("remote.json")
    ? await openRemoteModel(readRemotePlan(await readFile(path.join(folder, "remote.json"))))
    : files.includes("ensemble.json")
      ? openEnsemble(readEnsemble(await readFile(path.join(folder, "ensemble.json"))), find)
      : await openLocal(name, folder, files, sessions);
  try {
    const golden = files.includes("golden.json") ? readGolden(await readFile(path.join(folder, "golden.json"))) : undefined;
    const goldenRows = await checkGolden(model, golden, `${name}/${path.basename(folder)}`).catch((error: unknown) => {
      // Made-up rows of zeros may break the contract of a step that is the project's model: then its tensors fit, and that is what they tell.
      if (golden === undefined && model.format === "ensemble" && codeOf(error) === "INVALID_ARGUMENT") return 0;
      throw error;
    });
    const batching = files.includes("batching.json")
      ? readBatching(await readFile(path.join(folder, "batching.json")), model.concurrency ?? remoteRuns)
      : undefined;
    if (batching !== undefined) await checkBatching(model, batching, golden);
    return { model, goldenRows, batching };
  } catch (error) {
    await model.close();
    throw error;
  }
}

async function openLocal(name: string, folder: string, files: readonly string[], sessions: SessionPoolOptions): Promise<ServableModel> {
  const file = findModelFile(`${name}/${path.basename(folder)}`, files);
  const bytes = await readFile(path.join(folder, file));
  if (bytes.length > maxFileBytes) throw new KarkhanaError("MODEL_FORMAT_UNKNOWN", { name, problem: `${file} has more than 2 GB` });
  const parsed = await decodeElsewhere(file, bytes, {});
  if (parsed.format === "onnx")
    await checkQuantization(parsed.model, sha256(bytes), async () =>
      files.includes("quantization.json") ? readFile(path.join(folder, "quantization.json")) : undefined,
    );
  return openModel(parsed, sessions);
}

async function foldersIn(folder: string | undefined): Promise<string[]> {
  if (folder === undefined) return [];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch {
    return [];
  }
}
