/** MLflow's limits on what the registry keeps, in MLflow's words. */
import { checkKey } from "../../tracking/mlflow/checks.ts";
import { tagsOf } from "../../tracking/mlflow/experiment-calls.ts";
import { invalidValue, refuse, type Message } from "../../tracking/mlflow/message.ts";
import { stages, type CatalogQuery, type Stage } from "../catalog.ts";

const maxNameLength = 256;
const maxTagValueLength = 100_000;
const maxAliasLength = 255;
const maxDescriptionLength = 5000;

function tooLong(what: string, limit: number): never {
  return refuse(`'${what}' exceeds the maximum length of ${limit} characters`);
}

/** @param field what the request calls the name */
export function checkModelName(name: string, field = "name"): string {
  if (name.trim() === "") refuse(`Missing value for required parameter '${field}'.`);
  if (/[/:]/.test(name)) refuse(`Invalid model name '${name.slice(0, 300)}'. Names cannot contain '/' or ':'.`);
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (name === "." || name === ".." || /[\u0000-\u001f\u007f\\]/.test(name)) {
    refuse(
      invalidValue(
        field,
        name,
        `Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to '${name === ".." ? ".." : "."}'`,
      ),
    );
  }
  return name.length > maxNameLength ? tooLong(field, maxNameLength) : name;
}

export function modelNameOf(message: Message): string {
  return checkModelName(message.requiredText("name"));
}

export function versionOf(message: Message): number {
  const text = message.requiredText("version");
  const version = /^\s*[+-]?\d{1,15}\s*$/.test(text) ? Number(text) : Number.NaN;
  return Number.isNaN(version) ? refuse(`Parameter 'version' must be an integer, got '${text.slice(0, 100)}'.`) : version;
}

export function checkTag(key: string, value: string): void {
  checkKey("key", key, "key");
  if (value.length > maxTagValueLength) tooLong("value", maxTagValueLength);
}

export function checkedTags(message: Message): Record<string, string> {
  const tags = tagsOf(message);
  if (Object.keys(tags).length > 1000) refuse("A request can set at most 1000 tags.");
  for (const [key, value] of Object.entries(tags)) checkTag(key, value);
  return tags;
}

export function descriptionOf(message: Message): string | undefined {
  const text = message.text("description");
  return text !== undefined && text.length > maxDescriptionLength ? tooLong("description", maxDescriptionLength) : text;
}

export function checkAlias(alias: string): string {
  if (!/^[\p{L}\p{N}_-]*$/u.test(alias))
    refuse(`Invalid alias name: '${alias.slice(0, 300)}'. Names may only contain alphanumerics, underscores (_), and dashes (-).`);
  return alias.length > maxAliasLength ? tooLong("Registered model alias name", maxAliasLength) : alias;
}

/** Names that MLflow's URIs already give a meaning. */
export function checkNewAlias(alias: string): string {
  checkAlias(alias);
  if (alias.toLowerCase() === "latest") refuse("'latest' alias name (case insensitive) is reserved.");
  if (/^[vV]\d+$/.test(alias)) refuse(`Version alias name '${alias}' is reserved.`);
  return alias;
}

export function stageNamed(text: string): Stage {
  const stage = stages.find((known) => known.toLowerCase() === text.toLowerCase());
  return stage ?? refuse(`Invalid Model Version stage: ${text.slice(0, 100)}. Value must be one of ${stages.join(", ")}.`);
}

export function catalogQuery(message: Message, { defaultLimit, maxLimit }: { defaultLimit: number; maxLimit: number }): CatalogQuery {
  const limit = message.integer("max_results") ?? defaultLimit;
  if (limit > maxLimit) refuse(`Invalid value ${limit} for parameter 'max_results' supplied. It must be at most ${maxLimit}`);
  if (limit < 1) refuse(`Invalid value for max_results. It must be a positive integer, but got ${limit}`);
  return { filter: message.text("filter"), orderBy: message.texts("order_by"), limit, token: message.text("page_token") || undefined };
}
