/** Records in MLflow's shapes. Fields without a value are left out; 64-bit numbers are JSON numbers; times are milliseconds. */
import type { RunDataset } from "../datasets.ts";
import type { Metric } from "../port.ts";
import type { ExperimentRecord, RunRecord } from "../records.ts";
import { runArtifactUri, experimentArtifactUri } from "./artifact-uri.ts";

type Json = Readonly<Record<string, unknown>>;

const milliseconds = (us: number): number => Math.floor(us / 1000);
const pairs = (record: Readonly<Record<string, string>>): { key: string; value: string }[] => Object.entries(record).map(([key, value]) => ({ key, value }));

export function experimentJson(record: ExperimentRecord): Json {
  const tags = pairs(record.tags);
  return {
    experiment_id: record.experimentId,
    name: record.name,
    artifact_location: experimentArtifactUri(record),
    lifecycle_stage: record.stage,
    last_update_time: milliseconds(record.updatedUs),
    creation_time: milliseconds(record.createdUs),
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
    artifact_uri: runArtifactUri(record),
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
    inputs: record.datasets.length === 0 ? {} : { dataset_inputs: record.datasets.map(datasetInputJson) },
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
