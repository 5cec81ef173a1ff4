import type { RunDataset } from "../datasets.ts";
import type { MlflowCall } from "./call.ts";
import { experimentIdOf, refuse, refuseMissing, type Message } from "./message.ts";

const limits = { name: 500, digest: 36, source: 65_535, schema: 1_048_575, profile: 16_777_215, tagKey: 255, tagValue: 500 } as const;
const maxDatasets = 1000;
const maxModels = 1000;
const maxExperiments = 20;
const maxSummaries = 1000;

export const inputCalls: readonly MlflowCall[] = [
  {
    method: "POST",
    path: "runs/log-inputs",
    answer: async (message, { runs }) => {
      const runId = message.runId();
      const datasets = message.items("datasets");
      if (datasets.length > maxDatasets) refuse(`A request can name at most ${maxDatasets} datasets. Got ${datasets.length}.`);
      const read = datasets.map(({ path, message: item }) => datasetOf(path, item));
      const inputs = message.items("models").map(({ path, message: model }) => model.text("model_id") || refuseMissing(`${path}.model_id`));
      if (inputs.length > maxModels) refuse(`A request can name at most ${maxModels} models. Got ${inputs.length}.`);
      // First what can be refused.
      await runs.logModels(runId, { inputs });
      await runs.logDatasets(runId, read);
      return {};
    },
  },
  {
    method: "POST",
    path: "runs/outputs",
    answer: async (message, { runs }) => {
      const models = message.items("models");
      const runId = message.runId();
      if (models.length === 0) refuseMissing("models");
      if (models.length > maxModels) refuse(`A request can name at most ${maxModels} models. Got ${models.length}.`);
      const outputs = models.map(({ path, message: model }) => ({
        modelId: model.text("model_id") || refuseMissing(`${path}.model_id`),
        step: model.integer("step") ?? 0,
      }));
      await runs.logModels(runId, { outputs });
      return {};
    },
  },
  {
    method: "POST",
    path: "experiments/search-datasets",
    answer: async (message, { runs }) => {
      const ids = message.texts("experiment_ids");
      if (ids.length === 0) refuse("SearchDatasets request must specify at least one experiment_id.");
      if (ids.length > maxExperiments)
        refuse(`SearchDatasets request cannot specify more than ${maxExperiments} experiment_ids. Received ${ids.length} experiment_ids.`);
      const found = await runs.datasetSummaries(ids.map(experimentIdOf), maxSummaries);
      if (found.length === 0) return {};
      return {
        dataset_summaries: found.map(({ experimentId, name, digest, context }) => ({
          experiment_id: experimentId,
          name,
          digest,
          ...(context === undefined ? {} : { context }),
        })),
      };
    },
  },
];

function datasetOf(path: string, input: Message): RunDataset {
  const dataset = input.item("dataset") ?? refuseMissing(`${path}.dataset`);
  const text = (field: keyof typeof limits): string | undefined => checkLength(field, dataset.text(field), limits[field]);
  const required = (field: "name" | "digest" | "source"): string => text(field) || refuseMissing(`${path}.dataset.${field}`);
  const [schema, profile] = [text("schema"), text("profile")];
  const tags = input
    .items("tags")
    .map(({ path: at, message: tag }): [string, string] => [
      checkLength(`${path}.${at}.key`, tag.text("key"), limits.tagKey) || refuseMissing(`${path}.${at}.key`),
      checkLength(`${path}.${at}.value`, tag.text("value"), limits.tagValue) ?? "",
    ]);
  return {
    name: required("name"),
    digest: required("digest"),
    sourceType: dataset.text("source_type") || refuseMissing(`${path}.dataset.source_type`),
    source: required("source"),
    ...(schema === undefined ? {} : { schema }),
    ...(profile === undefined ? {} : { profile }),
    tags: Object.fromEntries(tags),
  };
}

function checkLength(field: string, value: string | undefined, limit: number): string | undefined {
  if (value !== undefined && value.length > limit) refuse(`'${field}' exceeds the maximum length of ${limit} characters`);
  if (value?.includes("\0")) refuse(`'${field}' holds a NUL character`);
  return value;
}
