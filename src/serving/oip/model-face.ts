/** How a served version looks to clients of the protocol: its tensors, its configuration, its state. */
import type { TensorInfo } from "../formats/model.ts";
import type { LoadedVersion, ServedModel } from "../served-model.ts";
import { configType } from "./datatypes.ts";

export const scoreOutput = "predict";
export const rawScoreOutput = "raw_score";

const prediction: TensorInfo = { name: scoreOutput, datatype: "FP64", shape: [-1, 1] };
const withRawScore: readonly TensorInfo[] = [prediction, { name: rawScoreOutput, datatype: "FP64", shape: [-1, 1] }];

/** The calibrated prediction, and where the model has one the raw score (log-odds), of each row. */
export function outputsOf({ predictor }: LoadedVersion): readonly TensorInfo[] {
  return predictor.scoreRows === undefined ? [prediction] : withRawScore;
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

export function metadataOf(model: ServedModel, version: LoadedVersion): ModelMetadata {
  return {
    name: model.definition.name,
    versions: model.loadedVersions().map((loaded) => String(loaded.version.version)),
    platform: platformOf(version),
    inputs: version.rows.inputs,
    outputs: outputsOf(version),
  };
}

function platformOf({ kind }: LoadedVersion): string {
  return `karkhana_${kind}`;
}

/** The extension `model_configuration`. With a max_batch_size the first dimension is the batch's and left out of dims. */
export function configOf(model: ServedModel, version: LoadedVersion, maxRows: number): Readonly<Record<string, unknown>> {
  const dims = ({ shape }: TensorInfo): readonly string[] => shape.slice(1).map(String);
  return {
    name: model.definition.name,
    platform: platformOf(version),
    backend: "karkhana",
    runtime: "",
    version_policy: { specific: { versions: model.loadedVersions().map((loaded) => loaded.version.version) } },
    max_batch_size: maxRows,
    input: version.rows.inputs.map((info) => ({
      name: info.name,
      data_type: configType(info.datatype),
      format: "FORMAT_NONE",
      dims: dims(info),
      is_shape_tensor: false,
      allow_ragged_batch: false,
      optional: false,
    })),
    output: outputsOf(version).map((info) => ({
      name: info.name,
      data_type: configType(info.datatype),
      dims: dims(info),
      label_filename: "",
      is_shape_tensor: false,
    })),
    instance_group: [{ name: model.definition.name, kind: "KIND_CPU", count: 1, gpus: [], profile: [] }],
    default_model_filename: "",
    cc_model_filenames: {},
    metric_tags: {},
    parameters: {
      // What may be sent in place of the inputs above.
      matrix_input: { string_value: JSON.stringify(version.rows.matrix) },
      field_inputs: { string_value: JSON.stringify(version.rows.fields) },
    },
    model_transaction_policy: { decoupled: false },
    response_cache: { enable: false },
  };
}

export interface RepositoryEntry {
  readonly name: string;
  readonly version: string;
  readonly state: "READY" | "UNAVAILABLE";
  readonly reason: string;
}

export function repositoryEntries(model: ServedModel): RepositoryEntry[] {
  const { name } = model.definition;
  if (model.isUnloaded) return [{ name, version: "", state: "UNAVAILABLE", reason: "unloaded" }];
  const ready = model.loadedVersions().map(({ version, role }): RepositoryEntry => ({ name, version: String(version.version), state: "READY", reason: role }));
  const refused = [...(model.refused === undefined ? [] : [model.refused.problem]), ...(model.inForce?.problems ?? [])];
  const failed = refused.map(({ version, error }): RepositoryEntry => ({
    name,
    version: String(version),
    state: "UNAVAILABLE",
    reason: `${error.code}: ${error.message}`,
  }));
  return ready.length + failed.length === 0 ? [{ name, version: "", state: "UNAVAILABLE", reason: "nothing is deployed" }] : [...ready, ...failed];
}
