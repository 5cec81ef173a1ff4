import { KarkhanaError } from "../../kernel/error.ts";
import type { Field, FieldKind, SearchScope } from "./filter.ts";

const kinds: Readonly<Record<string, FieldKind>> = {
  metric: "metric",
  metrics: "metric",
  parameter: "param",
  parameters: "param",
  param: "param",
  params: "param",
  tag: "tag",
  tags: "tag",
  attribute: "attribute",
  attributes: "attribute",
  attr: "attribute",
  run: "attribute",
  dataset: "dataset",
  datasets: "dataset",
};

/** @param position of the character that is wrong, from 0, where one is */
const datasetKeys: readonly string[] = ["name", "digest", "context"];

export function refuseFilter(problem: string, position?: number): never {
  throw new KarkhanaError("SEARCH_INVALID", { problem, ...(position === undefined ? {} : { position }) });
}

/** The field a name stands for: `metrics.auc` is the metric "auc", a name without a dot is an attribute. @throws SEARCH_INVALID */
export function fieldNamed(scope: SearchScope, prefix: string | undefined, key: string): Field {
  const kind = prefix === undefined ? "attribute" : Object.hasOwn(kinds, prefix) ? kinds[prefix] : undefined;
  if (kind === undefined || !scope.kinds.includes(kind))
    refuseFilter(`Invalid entity type '${prefix}'. Valid values are ${listOf(scope.kinds.map((name) => (name === "param" ? "parameter" : name)))}`);
  const alias = Object.hasOwn(scope.aliases, `${kind}.${key}`) ? scope.aliases[`${kind}.${key}`] : undefined;
  if (alias !== undefined) return alias;
  if (kind === "dataset" && !datasetKeys.includes(key)) refuseFilter(`Invalid dataset key '${key}' specified. Valid keys are '${listOf(datasetKeys)}'`);
  if (kind === "attribute" && !Object.hasOwn(scope.attributes, key))
    refuseFilter(`Invalid attribute key '${key}' specified. Valid keys are '${listOf(Object.keys(scope.attributes))}'`);
  return { kind, key };
}

/** How the field's values compare. */
export function typeOfField(scope: SearchScope, field: Field): "number" | "text" {
  if (field.kind === "metric") return "number";
  return field.kind === "attribute" ? (scope.attributes[field.key] ?? "text") : "text";
}

function listOf(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(", ")}]`;
}

export const runScope: SearchScope = {
  kinds: ["metric", "param", "tag", "attribute", "dataset"],
  attributes: { run_id: "text", run_name: "text", status: "text", user_id: "text", artifact_uri: "text", start_time: "number", end_time: "number" },
  listed: ["run_id"],
  aliases: {
    "attribute.created": { kind: "attribute", key: "start_time" },
    "attribute.Created": { kind: "attribute", key: "start_time" },
    "attribute.run name": { kind: "attribute", key: "run_name" },
    "attribute.Run name": { kind: "attribute", key: "run_name" },
    "attribute.Run Name": { kind: "attribute", key: "run_name" },
    // The tag is the run's name on the wire; it is kept once, in the run.
    "tag.mlflow.runName": { kind: "attribute", key: "run_name" },
  },
};

export const experimentScope: SearchScope = {
  kinds: ["tag", "attribute"],
  attributes: { name: "text", experiment_id: "text", creation_time: "number", last_update_time: "number" },
  listed: ["experiment_id", "name"],
  aliases: {},
};

export const loggedModelScope: SearchScope = {
  kinds: ["metric", "param", "tag", "attribute"],
  attributes: {
    name: "text",
    model_id: "text",
    model_type: "text",
    status: "text",
    source_run_id: "text",
    experiment_id: "text",
    creation_timestamp: "number",
    last_updated_timestamp: "number",
  },
  listed: "all",
  aliases: {
    "attribute.creation_time": { kind: "attribute", key: "creation_timestamp" },
    "attribute.creation_timestamp_ms": { kind: "attribute", key: "creation_timestamp" },
    "attribute.last_updated_timestamp_ms": { kind: "attribute", key: "last_updated_timestamp" },
  },
};
