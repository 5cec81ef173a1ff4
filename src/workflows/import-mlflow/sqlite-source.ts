import { existsSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { KarkhanaError } from "../../kernel/error.ts";
import type { RunDataset } from "../../tracking/datasets.ts";
import type { Metric } from "../../tracking/port.ts";
import { ConfinedFolder, localPath } from "./confined-files.ts";
import { loggedModelStatus, microsOf, runStatus, stageOf, text, textOrNull } from "./fields.ts";
import type { MlflowSource, Refused, SourceFile, SourceModel, SourceRun, SourceVersion } from "./source.ts";

type Row = Readonly<Record<string, unknown>>;

const historyBatch = 5000;
const pageRows = 500;

/** An MLflow's SQLite file, read only. Artifacts are read below `artifactsFolder`, else below the folder the file lies in. */
export async function openSqliteSource(file: string, artifactsFolder: string | undefined): Promise<MlflowSource> {
  const refused: Refused[] = [];
  const home = await ConfinedFolder.open(artifactsFolder ?? path.dirname(path.resolve(file)), refused);
  if (home === undefined) throw new KarkhanaError("IMPORT_SOURCE_REFUSED", { source: artifactsFolder ?? file, problem: "there is no such folder" });
  const database = openReadOnly(file);
  try {
    return new SqliteSource(file, database, home, refused);
  } catch (error) {
    database.close();
    throw error;
  }
}

function openReadOnly(file: string): DatabaseSync {
  if (!existsSync(file)) throw new KarkhanaError("IMPORT_SOURCE_REFUSED", { source: file, problem: "there is no such file" });
  try {
    const database = new DatabaseSync(file, { readOnly: true, allowExtension: false });
    // A view or trigger of a hostile file may call no function that does more than compute.
    database.exec("pragma trusted_schema = off");
    return database;
  } catch (cause) {
    throw new KarkhanaError("IMPORT_SOURCE_REFUSED", { source: file, problem: "it cannot be read as a SQLite database" }, { cause });
  }
}

class SqliteSource implements MlflowSource {
  readonly identity: string;
  readonly refused: Refused[];
  /** They are the key of MLflow's table. */
  readonly pointsAreUnique = true;
  readonly #database: DatabaseSync;
  readonly #home: ConfinedFolder;
  readonly #columns: Map<string, ReadonlySet<string>> = new Map();

  constructor(file: string, database: DatabaseSync, home: ConfinedFolder, refused: Refused[]) {
    this.identity = `sqlite:${path.resolve(file)}`;
    this.#database = database;
    this.#home = home;
    this.refused = refused;
    try {
      for (const { name } of database.prepare("select name from sqlite_master where type = 'table'").all() as { name: string }[])
        this.#columns.set(name, new Set((database.prepare("select name from pragma_table_info(?)").all(name) as { name: string }[]).map((c) => c.name)));
    } catch (cause) {
      throw new KarkhanaError("IMPORT_SOURCE_REFUSED", { source: file, problem: "it cannot be read as a SQLite database" }, { cause });
    }
    if (!this.#has("experiments", "experiment_id") || !this.#has("runs", "run_uuid"))
      throw new KarkhanaError("IMPORT_SOURCE_REFUSED", { source: file, problem: "it holds no tables of MLflow's" });
  }

  async *experiments(): AsyncGenerator<Awaited<ReturnType<typeof experimentOf>>> {
    for (const row of this.#rows("select * from experiments order by experiment_id"))
      yield experimentOf(row, this.#texts("experiment_tags", "experiment_id", row["experiment_id"]));
  }

  async *runs(experimentId: string): AsyncGenerator<SourceRun> {
    for (const row of this.#paged("select rowid as place, * from runs where experiment_id = ? and rowid > ? order by rowid", Number(experimentId))) {
      const runId = text(row["run_uuid"]);
      const { "mlflow.runName": tagged, ...tags } = this.#texts("tags", "run_uuid", runId);
      const latest = this.#rows("select key, value, timestamp, step, is_nan from latest_metrics where run_uuid = ? order by key", runId);
      const models = this.#modelsOf(runId);
      yield {
        runId,
        name: text(row["name"]) || tagged || runId.slice(0, 8),
        status: runStatus(row["status"]),
        stage: stageOf(row["lifecycle_stage"]),
        userId: text(row["user_id"]),
        startUs: microsOf(row["start_time"]) ?? 0,
        endUs: microsOf(row["end_time"]),
        params: this.#texts("params", "run_uuid", runId),
        tags,
        datasets: this.#datasetsOf(runId),
        ...models,
        metricKeys: latest.map((m) => text(m["key"])),
        latest: JSON.stringify(latest),
      };
    }
  }

  async *history(runId: string, key: string): AsyncGenerator<readonly Metric[]> {
    // By rows' own numbers: an open cursor would hold the file's readers to one snapshot for as long as the import writes.
    for (let after = -1; ;) {
      const rows = this.#rows(
        `select rowid as place, value, timestamp, step, is_nan from metrics where run_uuid = ? and key = ? and rowid > ? order by rowid limit ${historyBatch}`,
        runId,
        key,
        after,
      );
      if (rows.length === 0) return;
      after = Number(rows.at(-1)?.["place"]);
      yield rows.map((row) => ({
        key,
        value: Number(row["is_nan"]) === 1 ? Number.NaN : Number(row["value"]),
        step: Number(row["step"]),
        timestampMs: Number(row["timestamp"]),
      }));
    }
  }

  async *runFiles(runId: string): AsyncGenerator<SourceFile> {
    const [row] = this.#rows("select artifact_uri from runs where run_uuid = ?", runId);
    yield* this.#filesAt(text(row?.["artifact_uri"]), `run ${runId}`, 3);
  }

  async *loggedModels(experimentId: string): AsyncGenerator<Awaited<ReturnType<typeof loggedModelOf>>> {
    if (!this.#has("logged_models", "model_id")) return;
    for (const row of this.#rows("select * from logged_models where experiment_id = ? order by model_id", Number(experimentId))) {
      const id = text(row["model_id"]);
      const texts = (table: string, key: string, value: string): Record<string, string> =>
        Object.fromEntries(this.#rows(`select ${key} as k, ${value} as v from ${table} where model_id = ?`, id).map((r) => [text(r["k"]), text(r["v"])]));
      yield loggedModelOf(row, texts("logged_model_params", "param_key", "param_value"), texts("logged_model_tags", "tag_key", "tag_value"));
    }
  }

  async *modelFiles(modelId: string): AsyncGenerator<SourceFile> {
    const [row] = this.#rows("select artifact_location from logged_models where model_id = ?", modelId);
    yield* this.#filesAt(text(row?.["artifact_location"]), `model ${modelId}`, 4);
  }

  async *models(): AsyncGenerator<SourceModel> {
    if (!this.#has("registered_models", "name")) return;
    for (const row of this.#rows("select * from registered_models order by name")) {
      const name = text(row["name"]);
      const aliases = this.#has("registered_model_aliases", "alias")
        ? this.#rows("select alias, version from registered_model_aliases where name = ?", name)
        : [];
      const versions = this.#rows("select * from model_versions where name = ? and current_stage <> 'Deleted_Internal' order by version", name);
      yield {
        name,
        createdUs: microsOf(row["creation_time"]) ?? 0,
        updatedUs: microsOf(row["last_updated_time"]) ?? 0,
        description: textOrNull(row["description"]),
        tags: this.#texts("registered_model_tags", "name", name),
        aliases: Object.fromEntries(aliases.map((a) => [text(a["alias"]), Number(a["version"])])),
        versions: versions.map((v) => this.#versionOf(name, v)),
      };
    }
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #versionOf(name: string, v: Row): SourceVersion {
    const tags = this.#has("model_version_tags", "version")
      ? this.#rows("select key, value from model_version_tags where name = ? and version = ?", name, Number(v["version"]))
      : [];
    const source = text(v["source"]);
    return {
      version: Number(v["version"]),
      createdUs: microsOf(v["creation_time"]) ?? 0,
      updatedUs: microsOf(v["last_updated_time"]) ?? 0,
      description: textOrNull(v["description"]),
      userId: textOrNull(v["user_id"]),
      stage: text(v["current_stage"]),
      source,
      storage: text(v["storage_location"]) || source,
      runId: text(v["run_id"]),
      modelId: /^models:\/(m-[0-9a-f]{32})$/.exec(source)?.[1] ?? null,
      runLink: textOrNull(v["run_link"]),
      tags: Object.fromEntries(tags.map((t) => [text(t["key"]), text(t["value"])])),
    };
  }

  #datasetsOf(runId: string): RunDataset[] {
    if (!this.#has("datasets", "dataset_uuid") || !this.#has("inputs", "input_uuid")) return [];
    const rows = this.#rows(
      "select i.input_uuid as input, d.* from inputs as i join datasets as d on d.dataset_uuid = i.source_id where i.source_type = 'DATASET' and i.destination_type = 'RUN' and i.destination_id = ? order by d.name, d.digest",
      runId,
    );
    return rows.map((d) => ({
      name: text(d["name"]),
      digest: text(d["digest"]),
      sourceType: text(d["dataset_source_type"]),
      source: text(d["dataset_source"]),
      ...(d["dataset_schema"] === null ? {} : { schema: text(d["dataset_schema"]) }),
      ...(d["dataset_profile"] === null ? {} : { profile: text(d["dataset_profile"]) }),
      tags: Object.fromEntries(
        this.#rows("select name, value from input_tags where input_uuid = ?", text(d["input"])).map((t) => [text(t["name"]), text(t["value"])]),
      ),
    }));
  }

  #modelsOf(runId: string): Pick<SourceRun, "inputs" | "outputs"> {
    if (!this.#has("inputs", "step")) return { inputs: [], outputs: [] };
    const outputs = this.#rows("select destination_id, step from inputs where source_type = 'RUN_OUTPUT' and source_id = ? order by step", runId);
    const inputs = this.#rows("select destination_id from inputs where source_type = 'RUN_INPUT' and source_id = ?", runId);
    return {
      outputs: outputs.map((o) => ({ modelId: text(o["destination_id"]), step: Number(o["step"]) })),
      inputs: inputs.map((i) => text(i["destination_id"])),
    };
  }

  /** A location may be of another machine or from before the folder was moved: its last parts are then looked for below our folder. */
  async *#filesAt(location: string, owner: string, parts: number): AsyncGenerator<SourceFile> {
    const proxied = /^mlflow-artifacts:\/+(?:[^/]*\/)?(.*)$/.test(location) ? location.replace(/^mlflow-artifacts:\/+/, "") : undefined;
    const local = proxied ?? localPath(location);
    if (local === undefined) {
      this.refused.push({ what: `${owner}: its artifacts`, why: `they are kept at ${location.slice(0, 200)}, which is not on this machine` });
      return;
    }
    const tail = local
      .split("/")
      .filter((p) => p !== "" && p !== ".")
      .slice(-parts)
      .join("/");
    for (const place of [...(proxied === undefined ? [local] : []), `mlruns/${tail}`, `mlartifacts/${tail}`, tail]) {
      if ((await this.#home.inside(place)) === undefined) continue;
      yield* this.#home.files(place, owner);
      return;
    }
    if (existsSync(path.resolve(this.#home.root, local)))
      this.refused.push({ what: `${owner}: its artifacts`, why: `${local.slice(0, 200)} is outside ${this.#home.root}; name their folder with --artifacts` });
  }

  /** Rows of a statement that ends in `rowid > ? order by rowid`, some hundred at a time. */
  *#paged(statement: string, owner: string | number): Generator<Row> {
    for (let after = -1; ;) {
      const rows = this.#rows(`${statement} limit ${pageRows}`, owner, after);
      if (rows.length === 0) return;
      after = Number(rows.at(-1)?.["place"]);
      yield* rows;
    }
  }

  #has(table: string, column: string): boolean {
    return this.#columns.get(table)?.has(column) === true;
  }

  #texts(table: string, owner: string, id: unknown): Record<string, string> {
    if (!this.#has(table, owner)) return {};
    return Object.fromEntries(
      this.#rows(`select key, value from ${table} where ${owner} = ?`, typeof id === "number" ? id : text(id)).map((r) => [text(r["key"]), text(r["value"])]),
    );
  }

  #rows(sql: string, ...parameters: (string | number)[]): Row[] {
    return this.#database.prepare(sql).all(...parameters);
  }
}

function experimentOf(row: Row, tags: Record<string, string>) {
  return {
    sourceId: text(row["experiment_id"]),
    name: text(row["name"]),
    createdUs: microsOf(row["creation_time"]) ?? 0,
    stage: stageOf(row["lifecycle_stage"]),
    tags,
  };
}

function loggedModelOf(row: Row, params: Record<string, string>, tags: Record<string, string>) {
  return {
    modelId: text(row["model_id"]),
    name: text(row["name"]),
    createdUs: microsOf(row["creation_timestamp_ms"]) ?? 0,
    updatedUs: microsOf(row["last_updated_timestamp_ms"]) ?? 0,
    stage: stageOf(row["lifecycle_stage"]),
    status: loggedModelStatus(row["status"]),
    modelType: textOrNull(row["model_type"]),
    sourceRunId: textOrNull(row["source_run_id"]),
    params,
    tags,
  };
}
