/** One version of a model that is a file, as the protocol sees it. */
import { KarkhanaError } from "../../kernel/error.ts";
import { refuseIfLate, type Call } from "../call.ts";
import type { ServableModel, Tensor, TensorInfo } from "../formats/model.ts";
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

export class FileModel {
  readonly name: string;
  readonly version: number;
  readonly model: ServableModel;
  readonly #goldenRows: number;
  readonly #statistics = new VersionStatistics();
  /** For metrics; carried over to the version that takes its place. */
  readonly stats: ModelStats;
  /** Answers under way: closing waits for them. */
  #running = 0;
  #idle: (() => void) | undefined;

  constructor(name: string, version: number, model: ServableModel, goldenRows: number, stats: ModelStats = new ModelStats()) {
    this.stats = stats;
    this.name = name;
    this.version = version;
    this.model = model;
    this.#goldenRows = goldenRows;
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
      max_batch_size: isBatched ? maxRows : 0,
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
      instance_group: [{ name: this.name, kind: "KIND_CPU", count: 1, gpus: [], profile: [] }],
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
  async run(inputs: readonly Tensor[], outputs: readonly string[]): Promise<readonly Tensor[]> {
    this.#running++;
    try {
      return await this.model.predict(inputs, outputs);
    } finally {
      this.#leave();
    }
  }

  /** @throws TENSOR_REFUSED, INFER_REFUSED, DEADLINE_PASSED, MODEL_QUEUE_FULL, MODEL_RUN_FAILED */
  async infer(request: InferRequest, call: Call, { timerMs, clock }: FileModelClocks): Promise<InferReply> {
    const startMs = timerMs();
    this.#running++;
    try {
      refuseIfLate(call, startMs);
      const unknown = request.outputs?.find(({ name }) => !this.model.outputs.some((output) => output.name === name));
      if (unknown !== undefined) throw refusedInfer(`output ${shortly(unknown.name)} is not one of ${this.model.outputs.map(({ name }) => name).join(", ")}`);
      const answered = await this.model.predict(
        request.inputs,
        request.outputs?.map(({ name }) => name),
      );
      const computedMs = timerMs();
      const outputs = answered.map((tensor): Tensor => {
        const n = request.outputs?.find(({ name }) => name === tensor.name)?.classification ?? 0;
        return n === 0 ? tensor : classify(tensor, n);
      });
      const doneMs = timerMs();
      const [first] = request.inputs;
      // A shape may claim rows without elements: they are not counted one by one.
      const rows = Math.min(first?.shape[0] ?? 1, first?.data.length ?? 1);
      const times = { parse: startMs - call.startedMs, compute: computedMs - startMs, serialise: doneMs - computedMs, total: doneMs - call.startedMs };
      this.stats.answered(this.version, "champion", times, doneMs, rows, call.traceId);
      this.#statistics.succeeded(rows, clock.nowUs(), {
        totalMs: doneMs - call.startedMs,
        queueMs: startMs - call.startedMs,
        inputMs: 0,
        computeMs: computedMs - startMs,
        outputMs: doneMs - computedMs,
      });
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
