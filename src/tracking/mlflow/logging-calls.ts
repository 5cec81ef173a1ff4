import type { Metric } from "../port.ts";
import type { MlflowCall } from "./call.ts";
import { checkBatchSizes, checkKey, cutParam, cutTag } from "./checks.ts";
import { invalidValue, pythonFloat, refuse, refuseMissing, type Message } from "./message.ts";
import { runNameTag } from "./run-calls.ts";

export const loggingCalls: readonly MlflowCall[] = [
  {
    method: "POST",
    path: "runs/log-metric",
    answer: async (message, tracking) => {
      const runId = message.runId();
      await tracking.logBatch(runId, { metrics: [metricOf(message, "")] });
      return {};
    },
  },
  {
    method: "POST",
    path: "runs/log-parameter",
    answer: async (message, tracking) => {
      const [runId, key] = [message.runId(), message.requiredText("key")];
      await tracking.logBatch(runId, { params: { [checkKey("key", key, "Param key")]: cutParam(message.text("value") ?? "") } });
      return {};
    },
  },
  {
    method: "POST",
    path: "runs/set-tag",
    answer: async (message, tracking) => {
      const [runId, key] = [message.runId(), message.requiredText("key")];
      const tags = { [checkKey("key", key, "key")]: cutTag(message.text("value") ?? "") };
      if (key === runNameTag) await tracking.runs.update(runId, { name: tags[key] });
      else await tracking.logBatch(runId, { tags });
      return {};
    },
  },
  {
    method: "POST",
    path: "runs/delete-tag",
    answer: async (message, tracking) => {
      const [runId, key] = [message.runId(), message.requiredText("key")];
      if (key === runNameTag) refuse("The tag mlflow.runName is the run's name; it can be changed, not deleted.");
      await tracking.runs.deleteTag(runId, key);
      return {};
    },
  },
  {
    method: "POST",
    path: "runs/log-batch",
    answer: async (message, tracking) => {
      const runId = message.text("run_id") || refuseMissing("run_id");
      const [metrics, params, tags] = [message.items("metrics"), message.items("params"), message.items("tags")];
      const keyOf = ({ path, message }: { path: string; message: Message }): string => message.text("key") || refuseMissing(`${path}.key`);
      const paramPairs = params.map((p) => [checkKey(`${p.path}.key`, keyOf(p), "Param key"), cutParam(p.message.text("value") ?? "")] as const);
      const tagPairs = tags.map((t) => [checkKey(`${t.path}.key`, keyOf(t), `${t.path}.key`), cutTag(t.message.text("value") ?? "")] as const);
      const parsed = metrics.map((m) => metricOf(m.message, m.path));
      checkBatchSizes(metrics.length, params.length, tags.length);
      refuseDuplicates(paramPairs.map(([key]) => key));
      const { [runNameTag]: name, ...otherTags } = Object.fromEntries(tagPairs);
      // First what can be refused: a batch is stored whole or not at all, the name of the run follows it.
      await tracking.logBatch(runId, { metrics: parsed, params: Object.fromEntries(paramPairs), tags: otherTags });
      if (name !== undefined && name !== "") await tracking.runs.update(runId, { name });
      return {};
    },
  },
];

/** @param path "metrics[3]" in a batch, empty for a metric sent alone */
function metricOf(message: Message, path: string): Metric {
  const at = (field: string): string => (path === "" ? field : `${path}.${field}`);
  const key = message.text("key") || refuseMissing(at("key"));
  const value = message.number("value") ?? refuseMissing(at("value"));
  const timestampMs = message.integer("timestamp") ?? refuseMissing(at("timestamp"));
  const step = message.integer("step") ?? 0;
  checkKey(at("name"), key, "Metric name");
  if (timestampMs < 0)
    refuse(invalidValue(at("timestamp"), timestampMs, `metric '${key}' (value=${pythonFloat(value)}). Timestamp must be a nonnegative long (64-bit integer) `));
  const [modelId, datasetName, datasetDigest] = [message.text("model_id"), message.text("dataset_name"), message.text("dataset_digest")];
  return {
    key,
    value,
    step,
    timestampMs,
    ...(modelId ? { modelId } : {}),
    ...(datasetName ? { datasetName } : {}),
    ...(datasetDigest ? { datasetDigest } : {}),
  };
}

function refuseDuplicates(keys: readonly string[]): void {
  const seen = new Set<string>();
  const twice = keys.filter((key) => seen.size === seen.add(key).size);
  if (twice.length > 0) {
    refuse(
      `Duplicate parameter keys have been submitted: [${twice.map((key) => `'${key}'`).join(", ")}]. Please ensure the request contains only one param value per param key.`,
    );
  }
}
