/** One version of a model that is a file, as the protocol sees it. */
import { KarkhanaError } from "../../kernel/error.ts";
import { refuseIfLate, type Call } from "../call.ts";
import { dynamicBatchingConfig, oneByOne, type BatchingPolicy } from "../batching/policy.ts";
import { BatchScheduler } from "../batching/scheduler.ts";
import type { AskedAs, ServableModel, Tensor, TensorInfo } from "../formats/model.ts";
import { classify } from "./classification.ts";
import { configType } from "./datatypes.ts";
import type { InferReply } from "./infer-http.ts";
import { refusedInfer, type InferRequest } from "./infer-request.ts";
import type { ModelMetadata } from "./model-face.ts";
import { ModelStats } from "../stats.ts";
import { outcomeOf } from "./infer.ts";
import { reportStatistics, VersionStatistics, type StatisticsReport } from "./statistics.ts";
import { shortly } from "./tensor-wire.ts";

export interface FileModelClocks {
  readonly timerMs: () => number;
  readonly clock: { nowUs(): number };
}

export interface FileModelParts {
  readonly name: string;
  readonly version: number;
  readonly model: ServableModel;
  readonly goldenRows: number;
  /** How requests are put together; default not at all. */
  readonly batching?: BatchingPolicy | undefined;
  /** For metrics; carried over to the version that takes its place. */
  readonly stats?: ModelStats | undefined;
  readonly timerMs: () => number;
}

/** Requests that may wait for a model in worker threads that says nothing of it. */
const maxWaiting = 64;

interface Ran {
  readonly outputs: readonly Tensor[];
  readonly queueMs: number;
}

export class FileModel {
  readonly name: string;
  readonly version: number;
  readonly model: ServableModel;
  readonly #goldenRows: number;
  readonly batching: BatchingPolicy | undefined;
  readonly #scheduler: BatchScheduler | undefined;
  readonly #statistics = new VersionStatistics();
  readonly stats: ModelStats;
  /** Answers under way: closing waits for them. */
  #running = 0;
  #idle: (() => void) | undefined;

  constructor({ name, version, model, goldenRows, batching, stats = new ModelStats(), timerMs }: FileModelParts) {
    this.stats = stats;
    this.name = name;
    this.version = version;
    this.model = model;
    this.#goldenRows = goldenRows;
    this.batching = batching;
    const { concurrency, predict } = model;
    const policy = batching ?? (concurrency === undefined ? undefined : oneByOne(concurrency, maxWaiting));
    if (policy === undefined) return;
    const onRun = (rows: number, requests: number, tookMs: number): void => {
      this.#statistics.executed(rows, { inputMs: 0, computeMs: tookMs, outputMs: 0 });
      stats.of(version, "champion").runs.record(rows, requests);
    };
    this.#scheduler = new BatchScheduler({ predict, policy, timerMs, onRun });
  }

  /** Requests that wait for the model. */
  get waiting(): number {
    return this.#scheduler?.waiting ?? 0;
  }

  /** @throws MODEL_VERSION_NOT_LOADED */
  check(versionText: string | undefined): void {
    if (versionText === undefined || versionText === "" || versionText === String(this.version)) return;
    throw new KarkhanaError("MODEL_VERSION_NOT_LOADED", { model: this.name, version: versionText.slice(0, 40), loaded: this.version });
  }

  metadata(): ModelMetadata {
    const { format, inputs, outputs } = this.model;
    return { name: this.name, versions: [String(this.version)], platform: `karkhana_${format}`, inputs, outputs };
  }

  /** The only tensor, for a body that is nothing else. */
  get rawInput(): TensorInfo | undefined {
    return this.model.inputs.length === 1 ? this.model.inputs[0] : undefined;
  }

  config(maxRows: number): Readonly<Record<string, unknown>> {
    const { inputs, outputs, kind, format, runs } = this.model;
    const isBatched = [...inputs, ...outputs].every(({ shape }) => shape[0] === -1);
    const dims = ({ shape }: TensorInfo): readonly string[] => (isBatched ? shape.slice(1) : shape).map(String);
    return {
      name: this.name,
      platform: `karkhana_${format}`,
      backend: "karkhana",
      runtime: "",
      version_policy: { latest: { num_versions: 1 } },
      max_batch_size: this.batching?.maxBatchSize ?? (isBatched ? maxRows : 0),
      input: inputs.map((info) => ({
        name: info.name,
        data_type: configType(info.datatype),
        format: "FORMAT_NONE",
        dims: dims(info),
        is_shape_tensor: false,
        allow_ragged_batch: false,
        optional: false,
      })),
      output: outputs.map((info) => ({ name: info.name, data_type: configType(info.datatype), dims: dims(info), label_filename: "", is_shape_tensor: false })),
      ...(this.batching === undefined ? {} : { dynamic_batching: dynamicBatchingConfig(this.batching) }),
      instance_group: [{ name: this.name, kind: "KIND_CPU", count: this.model.concurrency ?? 1, gpus: [], profile: [] }],
      default_model_filename: "",
      cc_model_filenames: {},
      metric_tags: {},
      parameters: { kind: { string_value: kind }, runs: { string_value: runs }, golden_rows: { string_value: String(this.#goldenRows) } },
      model_transaction_policy: { decoupled: false },
      response_cache: { enable: false },
    };
  }

  statistics(): StatisticsReport {
    return reportStatistics(this.name, this.version, this.#statistics, this.model.memoryBytes);
  }

  /** As a step of an ensemble: what it is part of is counted, not it. @throws what the model throws */
  async run(inputs: readonly Tensor[], outputs: readonly string[], asked?: AskedAs): Promise<readonly Tensor[]> {
    this.#running++;
    try {
      return (await this.#ask(inputs, outputs, asked?.call, 0, asked?.id ?? "")).outputs;
    } finally {
      this.#leave();
    }
  }

  async #ask(inputs: readonly Tensor[], outputs: readonly string[], call: Call | undefined, priority: number, id: string): Promise<Ran> {
    if (this.#scheduler === undefined) return { outputs: await this.model.predict(inputs, outputs, call === undefined ? undefined : { id, call }), queueMs: 0 };
    this.model.check?.(inputs, outputs);
    return this.#scheduler.run({ inputs, outputs, priority, tenant: call?.tenant ?? "", deadlineMs: call?.deadlineMs ?? Infinity });
  }

  /** @throws TENSOR_REFUSED, INFER_REFUSED, DEADLINE_PASSED, MODEL_QUEUE_FULL, SHARE_EXCEEDED, MODEL_RUN_FAILED */
  async infer(request: InferRequest, call: Call, { timerMs, clock }: FileModelClocks): Promise<InferReply> {
    const startMs = timerMs();
    this.#running++;
    try {
      refuseIfLate(call, startMs);
      const unknown = request.outputs?.find(({ name }) => !this.model.outputs.some((output) => output.name === name));
      if (unknown !== undefined) throw refusedInfer(`output ${shortly(unknown.name)} is not one of ${this.model.outputs.map(({ name }) => name).join(", ")}`);
      const wanted = (request.outputs ?? this.model.outputs).map(({ name }) => name);
      const { outputs: answered, queueMs } = await this.#ask(request.inputs, wanted, call, request.priority, request.id);
      const computedMs = timerMs();
      const outputs = answered.map((tensor): Tensor => {
        const n = request.outputs?.find(({ name }) => name === tensor.name)?.classification ?? 0;
        return n === 0 ? tensor : classify(tensor, n);
      });
      const doneMs = timerMs();
      const [first] = request.inputs;
      // A shape may claim rows without elements: they are not counted one by one.
      const rows = Math.min(first?.shape[0] ?? 1, first?.data.length ?? 1);
      const computeMs = computedMs - startMs - queueMs;
      const ownTimes = { parse: startMs - call.startedMs, compute: computeMs, serialise: doneMs - computedMs, total: doneMs - call.startedMs };
      const times = this.#scheduler === undefined ? ownTimes : { ...ownTimes, queue: queueMs };
      this.stats.answered(this.version, "champion", times, doneMs, rows, call.traceId);
      const counted = {
        totalMs: doneMs - call.startedMs,
        queueMs: startMs - call.startedMs + queueMs,
        inputMs: 0,
        computeMs,
        outputMs: doneMs - computedMs,
      };
      if (this.#scheduler === undefined) this.#statistics.succeeded(rows, clock.nowUs(), counted);
      else this.#statistics.answered(rows, clock.nowUs(), counted);
      return { model: this.name, version: String(this.version), id: request.id, outputs };
    } catch (error) {
      this.#statistics.failed(timerMs() - call.startedMs);
      this.stats.count(this.version, "champion", outcomeOf(error));
      throw error;
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    this.#running--;
    if (this.#running === 0) this.#idle?.();
  }

  async close(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    await this.model.close();
  }
}
