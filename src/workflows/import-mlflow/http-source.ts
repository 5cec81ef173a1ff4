import { KarkhanaError } from "../../kernel/error.ts";
import type { IntakeLoggedModel } from "../../tracking/intake.ts";
import type { Metric } from "../../tracking/port.ts";
import { loggedModelStatus, metricNumber, microsOf, runStatus, stageOf, text } from "./fields.ts";
import type { MlflowSource, Refused, SourceExperiment, SourceFile, SourceModel, SourceRun, SourceVersion } from "./source.ts";

type Json = Readonly<Record<string, unknown>>;

const maxJsonBytes = 128 * 1024 * 1024;
/** A run comes with all its keys: some have thousands. */
const runsPerPage = 50;
const maxFolderDepth = 64;
const maxFiles = 1_000_000;
const attempts = 4;
const patienceMs = 120_000;

export interface HttpOptions {
  /** As MLflow's own client: a token, or a name and a password. */
  readonly token?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Before the nth attempt after the first. */
  readonly pause: (attempt: number) => Promise<void>;
}

/** A running MLflow server (or another Karkhana), asked as its clients ask. It is never followed to another address. */
export async function openHttpSource(address: string, options: HttpOptions): Promise<MlflowSource> {
  const url = new URL(address);
  const authorization = authorizationOf(url, options);
  url.username = "";
  url.password = "";
  const source = new HttpSource(url.href.replace(/\/+$/, ""), authorization, options.pause);
  // Whatever answers there must speak the protocol before anything is written here.
  await source.post("/api/2.0/mlflow/experiments/search", { max_results: 1, view_type: "ALL" });
  return source;
}

function authorizationOf(url: URL, { token, username, password }: HttpOptions): string | undefined {
  if (token !== undefined && token !== "") return `Bearer ${token}`;
  const [name, secret] = url.username === "" ? [username, password] : [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  return name === undefined || name === "" ? undefined : `Basic ${Buffer.from(`${name}:${secret ?? ""}`).toString("base64")}`;
}

class HttpSource implements MlflowSource {
  readonly identity: string;
  readonly refused: Refused[] = [];
  /** A server over folders gives a point as often as it was logged. */
  readonly pointsAreUnique = false;
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #pause: (attempt: number) => Promise<void>;

  constructor(base: string, authorization: string | undefined, pause: (attempt: number) => Promise<void>) {
    this.identity = `http:${base}`;
    this.#base = base;
    this.#headers = authorization === undefined ? {} : { authorization };
    this.#pause = pause;
  }

  async *experiments(): AsyncGenerator<SourceExperiment> {
    for await (const e of this.#pages(
      "/api/2.0/mlflow/experiments/search",
      { max_results: 1000, view_type: "ALL", order_by: ["creation_time ASC"] },
      "experiments",
    ))
      yield {
        sourceId: text(e["experiment_id"]),
        name: text(e["name"]),
        createdUs: microsOf(e["creation_time"]) ?? 0,
        stage: stageOf(e["lifecycle_stage"]),
        tags: pairs(e["tags"]),
      };
  }

  async *runs(experimentId: string): AsyncGenerator<SourceRun> {
    const query = { experiment_ids: [experimentId], max_results: runsPerPage, run_view_type: "ALL", order_by: ["attributes.start_time ASC"] };
    for await (const run of this.#pages("/api/2.0/mlflow/runs/search", query, "runs")) {
      const [info, data, inputs, outputs] = [fields(run["info"]), fields(run["data"]), fields(run["inputs"]), fields(run["outputs"])];
      const { "mlflow.runName": tagged, ...tags } = pairs(data["tags"]);
      const runId = text(info["run_id"] ?? info["run_uuid"]);
      const metrics = list(data["metrics"]);
      yield {
        runId,
        name: text(info["run_name"]) || tagged || runId.slice(0, 8),
        status: runStatus(info["status"]),
        stage: stageOf(info["lifecycle_stage"]),
        userId: text(info["user_id"]),
        startUs: microsOf(info["start_time"]) ?? 0,
        endUs: microsOf(info["end_time"]),
        params: pairs(data["params"]),
        tags,
        datasets: list(inputs["dataset_inputs"]).map((input) => {
          const d = fields(input["dataset"]);
          return {
            name: text(d["name"]),
            digest: text(d["digest"]),
            sourceType: text(d["source_type"]),
            source: text(d["source"]),
            ...(d["schema"] === undefined ? {} : { schema: text(d["schema"]) }),
            ...(d["profile"] === undefined ? {} : { profile: text(d["profile"]) }),
            tags: pairs(input["tags"]),
          };
        }),
        outputs: list(outputs["model_outputs"]).map((o) => ({ modelId: text(o["model_id"]), step: Number(o["step"] ?? 0) })),
        inputs: list(inputs["model_inputs"]).map((i) => text(i["model_id"])),
        metricKeys: metrics.map((m) => text(m["key"])),
        latest: JSON.stringify(metrics.map((m) => [m["key"], m["value"], m["timestamp"], m["step"]])),
      };
    }
  }

  async *history(runId: string, key: string): AsyncGenerator<readonly Metric[]> {
    for (let token = ""; ;) {
      const query = new URLSearchParams({ run_id: runId, metric_key: key, max_results: "25000" });
      if (token !== "") query.set("page_token", token);
      const page = await this.#json(`/api/2.0/mlflow/metrics/get-history?${query.toString()}`);
      const points = list(page["metrics"]).map((m) => ({
        key,
        value: metricNumber(m["value"]),
        step: Number(m["step"] ?? 0),
        timestampMs: Number(m["timestamp"]),
      }));
      if (points.length > 0) yield points;
      const next = text(page["next_page_token"]);
      if (next === "" || next === token) return;
      token = next;
    }
  }

  runFiles(runId: string): AsyncGenerator<SourceFile> {
    return this.#walk(
      `run ${runId}`,
      (folder) => `/api/2.0/mlflow/artifacts/list?${queryText({ run_id: runId, ...(folder === "" ? {} : { path: folder }) })}`,
      (file) => `/get-artifact?${queryText({ run_id: runId, path: file })}`,
    );
  }

  async *loggedModels(experimentId: string): AsyncGenerator<Omit<IntakeLoggedModel, "experimentId">> {
    try {
      for await (const model of this.#pages("/api/2.0/mlflow/logged-models/search", { experiment_ids: [experimentId], max_results: 50 }, "models")) {
        const [info, data] = [fields(model["info"]), fields(model["data"])];
        yield {
          modelId: text(info["model_id"]),
          name: text(info["name"]),
          createdUs: microsOf(info["creation_timestamp_ms"]) ?? 0,
          updatedUs: microsOf(info["last_updated_timestamp_ms"]) ?? 0,
          stage: "active",
          status: loggedModelStatus(info["status"]),
          modelType: text(info["model_type"]) || null,
          sourceRunId: text(info["source_run_id"]) || null,
          params: pairs(data["params"]),
          tags: pairs(info["tags"]),
        };
      }
    } catch (error) {
      // Servers before release 3 have none.
      if (!(error instanceof HttpRefusal) || error.status !== 404) throw error;
    }
  }

  modelFiles(modelId: string): AsyncGenerator<SourceFile> {
    const id = encodeURIComponent(modelId);
    return this.#walk(
      `model ${modelId}`,
      (folder) => `/api/2.0/mlflow/logged-models/${id}/artifacts/directories${folder === "" ? "" : `?${queryText({ artifact_directory_path: folder })}`}`,
      (file) => `/ajax-api/2.0/mlflow/logged-models/${id}/artifacts/files?${queryText({ artifact_file_path: file })}`,
    );
  }

  async *models(): AsyncGenerator<SourceModel> {
    for (let token = ""; ;) {
      const query = new URLSearchParams({ max_results: "100", ...(token === "" ? {} : { page_token: token }) });
      const page = await this.#json(`/api/2.0/mlflow/registered-models/search?${query.toString()}`);
      for (const m of list(page["registered_models"])) yield await this.#model(m);
      token = text(page["next_page_token"]);
      if (token === "") return;
    }
  }

  async close(): Promise<void> {}

  async #model(m: Json): Promise<SourceModel> {
    const name = text(m["name"]);
    const versions: SourceVersion[] = [];
    const quoted = name.includes("'") ? `"${name}"` : `'${name}'`;
    for (let token = ""; ;) {
      const query = new URLSearchParams({ filter: `name = ${quoted}`, max_results: "200", ...(token === "" ? {} : { page_token: token }) });
      const page = await this.#json(`/api/2.0/mlflow/model-versions/search?${query.toString()}`);
      for (const v of list(page["model_versions"])) {
        if (text(v["name"]) !== name) continue;
        const asked = await this.#json(`/api/2.0/mlflow/model-versions/get-download-uri?${queryText({ name, version: text(v["version"]) })}`);
        const source = text(v["source"]);
        versions.push({
          version: Number(v["version"]),
          createdUs: microsOf(v["creation_timestamp"]) ?? 0,
          updatedUs: microsOf(v["last_updated_timestamp"]) ?? 0,
          description: text(v["description"]) || null,
          userId: text(v["user_id"]) || null,
          stage: text(v["current_stage"]),
          source,
          storage: text(asked["artifact_uri"]) || source,
          runId: text(v["run_id"]),
          modelId: text(v["model_id"]) || (/^models:\/(m-[0-9a-f]{32})$/.exec(source)?.[1] ?? null),
          runLink: text(v["run_link"]) || null,
          tags: pairs(v["tags"]),
        });
      }
      token = text(page["next_page_token"]);
      if (token === "") break;
    }
    const whole = fields((await this.#json(`/api/2.0/mlflow/registered-models/get?${queryText({ name })}`))["registered_model"]);
    return {
      name,
      createdUs: microsOf(m["creation_timestamp"]) ?? 0,
      updatedUs: microsOf(m["last_updated_timestamp"]) ?? 0,
      description: text(m["description"]) || null,
      tags: pairs(m["tags"]),
      aliases: Object.fromEntries(list(whole["aliases"]).map((a) => [text(a["alias"]), Number(a["version"])])),
      versions: versions.sort((a, b) => a.version - b.version),
    };
  }

  async *#walk(owner: string, listing: (folder: string) => string, content: (file: string) => string): AsyncGenerator<SourceFile> {
    const folders = [""];
    let seen = 0;
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      let page: Json;
      try {
        page = await this.#json(listing(folder));
      } catch (error) {
        if (!(error instanceof HttpRefusal)) throw error;
        this.refused.push({ what: `${owner}: ${folder === "" ? "its artifacts" : folder}`, why: `the server does not list them (${error.message})` });
        continue;
      }
      for (const file of list(page["files"])) {
        const path = text(file["path"]);
        // A folder that names itself, its parent or another's files would be walked for ever or write where it should not.
        const own = folder === "" ? path : path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : undefined;
        if (own === undefined || own === "" || own.includes("/") || own === "." || own === ".." || path.split("/").length > maxFolderDepth || seen++ > maxFiles)
          this.refused.push({ what: `${owner}: ${path.slice(0, 200)}`, why: "it is not within its folder" });
        else if (file["is_dir"] === true) folders.push(path);
        else {
          const place = proxied(text(page["root_uri"]), path) ?? content(path);
          yield { path, sizeBytes: file["file_size"] === undefined ? 0 : Number(file["file_size"]), open: () => this.#stream(place) };
        }
      }
    }
  }

  async *#pages(path: string, query: Json, name: string): AsyncGenerator<Json> {
    for (let token = ""; ;) {
      const page = await this.post(path, token === "" ? query : { ...query, page_token: token });
      yield* list(page[name]);
      const next = text(page["next_page_token"]);
      if (next === "" || next === token) return;
      token = next;
    }
  }

  post(path: string, body: Json): Promise<Json> {
    return this.#json(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  }

  async #json(path: string, init: RequestInit = {}): Promise<Json> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.#stream(path, init)) {
      size += chunk.length;
      if (size > maxJsonBytes) throw this.#unusable(`${path.split("?")[0]} answered more than ${maxJsonBytes} bytes`);
      chunks.push(chunk);
    }
    try {
      return fields(JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}"));
    } catch {
      throw this.#unusable(`${path.split("?")[0]} did not answer with JSON`);
    }
  }

  async *#stream(path: string, init: RequestInit = {}): AsyncGenerator<Uint8Array> {
    const response = await this.#ask(path, init);
    if (response.body === null) return;
    for await (const chunk of response.body) yield chunk;
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      let response: Response;
      try {
        response = await fetch(this.#base + path, {
          ...init,
          headers: this.#headersOf(init),
          redirect: "manual",
          signal: AbortSignal.timeout(patienceMs),
        });
      } catch (cause) {
        if (attempt < attempts) {
          await this.#pause(attempt);
          continue;
        }
        throw new KarkhanaError("IMPORT_SOURCE_REFUSED", { source: this.#base, problem: "it does not answer" }, { cause });
      }
      if (response.ok) return response;
      await response.body?.cancel();
      if ((response.status === 429 || response.status >= 500) && attempt < attempts) {
        await this.#pause(attempt);
        continue;
      }
      if (response.status >= 300 && response.status < 400) throw this.#unusable(`${path.split("?")[0]} leads to another address, which is not followed`);
      if (response.status === 401 || response.status === 403)
        throw this.#unusable("it asks who you are: set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD");
      throw new HttpRefusal(response.status, this.#base, path.split("?")[0] ?? "");
    }
  }

  #headersOf(init: RequestInit): Headers {
    const headers = new Headers(init.headers);
    for (const [name, value] of Object.entries(this.#headers)) headers.set(name, value);
    return headers;
  }

  #unusable(problem: string): KarkhanaError {
    return new KarkhanaError("IMPORT_SOURCE_REFUSED", { source: this.#base, problem });
  }
}

class HttpRefusal extends KarkhanaError {
  readonly status: number;

  constructor(status: number, source: string, path: string) {
    super("IMPORT_SOURCE_REFUSED", { source, problem: `${path} answered ${status}` });
    this.status = status;
  }
}

/** Where a server that keeps the files itself gives them to clients; undefined if they lie elsewhere and only its own pages reach them. */
function proxied(rootUri: string, path: string): string | undefined {
  const root = /^mlflow-artifacts:\/([^/].*)$/.exec(rootUri)?.[1];
  if (root === undefined) return undefined;
  const parts = [...root.split("/"), ...path.split("/")].filter((part) => part !== "");
  return parts.includes("..") ? undefined : `/api/2.0/mlflow-artifacts/artifacts/${parts.map(encodeURIComponent).join("/")}`;
}

function queryText(fields: Record<string, string>): string {
  return new URLSearchParams(fields).toString();
}

function fields(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

function pairs(value: unknown): Record<string, string> {
  return Object.fromEntries(list(value).map((p) => [text(p["key"]), text(p["value"])]));
}
