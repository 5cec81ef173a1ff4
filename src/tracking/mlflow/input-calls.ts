import type { RunDataset } from "../datasets.ts";
import type { MlflowCall } from "./call.ts";
import { refuse, refuseMissing, type Message } from "./message.ts";

const limits = { name: 500, digest: 36, source: 65_535, schema: 1_048_575, profile: 16_777_215, tagKey: 255, tagValue: 500 } as const;
const maxDatasets = 1000;

export const inputCalls: readonly MlflowCall[] = [
  {
    method: "POST",
    path: "runs/log-inputs",
    answer: async (message, { runs }) => {
      const runId = message.runId();
      const datasets = message.items("datasets");
      if (datasets.length > maxDatasets) refuse(`A request can name at most ${maxDatasets} datasets. Got ${datasets.length}.`);
      const read = datasets.map(({ path, message: item }) => datasetOf(path, item));
      const model = message.items("models")[0]?.message.text("model_id");
      if (model !== undefined) refuse(`Logged model with ID '${model}' not found.`);
      await runs.logDatasets(runId, read);
      return {};
    },
  },
];

function datasetOf(path: string, input: Message): RunDataset {
  const dataset = input.item("dataset") ?? refuseMissing(`${path}.dataset`);
  const text = (field: keyof typeof limits): string | undefined => checkLength(`${path}.dataset.${field}`, dataset.text(field), limits[field]);
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
