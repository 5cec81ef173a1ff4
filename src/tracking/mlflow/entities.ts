/** Records in MLflow's shapes. Fields without a value are left out; 64-bit numbers are JSON numbers; times are milliseconds. */
import type { RunDataset } from "../datasets.ts";
import type { RunMetric } from "../history-bulk.ts";
import type { LoggedModel, LoggedModelStatus, ModelMetric } from "../logged-model.ts";
import type { Metric } from "../port.ts";
import type { ExperimentRecord, RunRecord } from "../records.ts";

type Json = Readonly<Record<string, unknown>>;

const milliseconds = (us: number): number => Math.floor(us / 1000);
const pairs = (record: Readonly<Record<string, string>>): { key: string; value: string }[] => Object.entries(record).map(([key, value]) => ({ key, value }));

export function experimentJson(record: ExperimentRecord): Json {
  const tags = pairs(record.tags);
  return {
    experiment_id: record.experimentId,
    name: record.name,
    artifact_location: record.artifactLocation,
    lifecycle_stage: record.stage,
    last_update_time: milliseconds(record.updatedUs),
    creation_time: milliseconds(record.createdUs),
    workspace: record.workspace,
    ...(tags.length === 0 ? {} : { tags }),
  };
}

export function runInfoJson(record: RunRecord): Json {
  const { run } = record;
  return {
    run_uuid: run.runId,
    run_id: run.runId,
    run_name: run.name,
    experiment_id: run.experimentId,
    user_id: record.userId,
    status: run.status,
    start_time: milliseconds(run.startUs),
    ...(run.endUs === undefined ? {} : { end_time: milliseconds(run.endUs) }),
    artifact_uri: record.artifactUri,
    lifecycle_stage: record.stage,
  };
}

export function runJson(record: RunRecord): Json {
  const { run } = record;
  const metrics = Object.values(run.metrics).map((metric) => metricJson(metric));
  const params = pairs(run.params);
  // The tag is the run's name, kept once.
  const tags = pairs({ ...run.tags, "mlflow.runName": run.name });
  return {
    info: runInfoJson(record),
    data: { ...(metrics.length === 0 ? {} : { metrics }), ...(params.length === 0 ? {} : { params }), tags },
    inputs: {
      ...(record.datasets.length === 0 ? {} : { dataset_inputs: record.datasets.map(datasetInputJson) }),
      ...(record.modelInputs.length === 0 ? {} : { model_inputs: record.modelInputs.map((id) => ({ model_id: id })) }),
    },
    outputs: record.modelOutputs.length === 0 ? {} : { model_outputs: record.modelOutputs.map(({ modelId, step }) => ({ model_id: modelId, step })) },
  };
}

function datasetInputJson({ sourceType, tags, ...dataset }: RunDataset): Json {
  return { tags: pairs(tags), dataset: { ...dataset, source_type: sourceType } };
}

/** JSON has no NaN; MLflow's SQL store clamps the infinities, and clients read them so. */
export function metricJson(metric: Metric): Json {
  const { key, value, timestampMs, step } = metric;
  const shown = Number.isNaN(value) ? "NaN" : Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
  return { key, value: shown, timestamp: timestampMs, step };
}

export function runMetricJson(metric: RunMetric): Json {
  return { ...metricJson(metric), run_id: metric.runId };
}

const modelStatuses: Readonly<Record<LoggedModelStatus, string>> = {
  UNSPECIFIED: "LOGGED_MODEL_STATUS_UNSPECIFIED",
  PENDING: "LOGGED_MODEL_PENDING",
  READY: "LOGGED_MODEL_READY",
  FAILED: "LOGGED_MODEL_UPLOAD_FAILED",
};

export function loggedModelJson(model: LoggedModel): Json {
  const [tags, params] = [pairs(model.tags), pairs(model.params)];
  return {
    info: {
      model_id: model.modelId,
      experiment_id: model.experimentId,
      name: model.name,
      creation_timestamp_ms: milliseconds(model.createdUs),
      last_updated_timestamp_ms: milliseconds(model.updatedUs),
      artifact_uri: model.artifactUri,
      status: modelStatuses[model.status],
      ...(model.modelType === undefined ? {} : { model_type: model.modelType }),
      ...(model.sourceRunId === undefined ? {} : { source_run_id: model.sourceRunId }),
      ...(tags.length === 0 ? {} : { tags }),
    },
    data: {
      ...(params.length === 0 ? {} : { params }),
      ...(model.metrics.length === 0 ? {} : { metrics: model.metrics.map(modelMetricJson) }),
    },
  };
}

function modelMetricJson(metric: ModelMetric): Json {
  return {
    ...metricJson(metric),
    ...(metric.datasetName === undefined ? {} : { dataset_name: metric.datasetName }),
    ...(metric.datasetDigest === undefined ? {} : { dataset_digest: metric.datasetDigest }),
    model_id: metric.modelId,
    run_id: metric.runId,
  };
}
