/** MLflow's limits in MLflow's words, before the store's own check sees the values. */
import path from "node:path";
import { invalidValue, refuse } from "./message.ts";

const maxMetricsPerBatch = 1000;
const maxParamsOrTagsPerBatch = 100;
const maxItemsPerBatch = 1000;
const maxKeyLength = 250;
const maxParamLength = 6000;
const maxTagLength = 8000;
const maxExperimentTagLength = 20_000;
const maxExperimentNameLength = 500;
const maxLocationLength = 2048;

function tooLong(what: string, limit: number): never {
  return refuse(`'${what}' exceeds the maximum length of ${limit} characters`);
}

/** @param what how the length refusal calls the key */
export function checkKey(path: string, key: string, what: string): string {
  if (!/^[/\p{L}\p{N}_.\- :]*$/u.test(key)) {
    refuse(invalidValue(path, key, "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."));
  }
  // Most keys are plain names; a batch has a thousand.
  const resolved = key.includes("/") || key.startsWith(".") ? normalized(key) : key;
  if (resolved !== key || resolved === "." || resolved.startsWith("..") || resolved.startsWith("/")) {
    refuse(
      invalidValue(
        path,
        key,
        `Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to '${resolved}'`,
      ),
    );
  }
  return key.length > maxKeyLength ? tooLong(what, maxKeyLength) : key;
}

/** Of a tag that a run is made with: MLflow asks nothing of its characters, and teams have such tags (`git(branch)`, `owner@team`). */
export function checkFirstTagKey(key: string): string {
  return key.length > maxKeyLength ? tooLong("key", maxKeyLength) : key;
}

/** As Python's posixpath.normpath. */
function normalized(path: string): string {
  const isAbsolute = path.startsWith("/");
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && !isAbsolute && (kept.length === 0 || kept.at(-1) === "..")) kept.push(part);
    else if (part === "..") kept.pop();
    else kept.push(part);
  }
  return (isAbsolute ? "/" : "") + kept.join("/") || ".";
}

/** MLflow cuts long params and tags by default rather than lose a run over them. */
export function cutParam(value: string): string {
  return cut(value, maxParamLength);
}

export function cutTag(value: string): string {
  return cut(value, maxTagLength);
}

/** A character of two code units is kept whole or left out. */
function cut(value: string, length: number): string {
  return value.length <= length ? value : value.slice(0, length).replace(/[\ud800-\udbff]$/, "");
}

export function checkExperimentTag(key: string, value: string): void {
  checkKey("key", key, "key");
  if (value.length > maxExperimentTagLength) tooLong("value", maxExperimentTagLength);
}

export function checkExperimentName(name: string): string {
  if (name === "") refuse("Invalid experiment name: ''");
  return name.length > maxExperimentNameLength ? tooLong("name", maxExperimentNameLength) : name;
}

export function checkBatchSizes(metrics: number, params: number, tags: number): void {
  const check = (what: string, count: number, limit: number): void => {
    if (count > limit) {
      refuse(
        `A batch logging request can contain at most ${limit} ${what}. Got ${count} ${what}. Please split up ${what} across multiple requests and try again.`,
      );
    }
  };
  check("metrics", metrics, maxMetricsPerBatch);
  check("params", params, maxParamsOrTagsPerBatch);
  check("tags", tags, maxParamsOrTagsPerBatch);
  check("metrics, params, and tags", metrics + params + tags, maxItemsPerBatch);
}

/**
 * Where an experiment's artifacts go if not by ids: another place below the proxy, which names the same files, or one that clients reach
 * themselves and this program never reads. A folder of a machine means something only to clients on this one.
 */
export function checkArtifactLocation(given: string, artifactRoot: string): string {
  if (given.length > maxLocationLength) tooLong("artifact_location", maxLocationLength);
  if (/[#;]/.test(given)) refuse("'artifact_location' URL can't include fragments or params.");
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(given) || given.split(/[/\\?]/).includes("..") || /%2e|%2f|%5c|%00/i.test(given))
    refuse("'artifact_location' must not climb out of its own folder.");
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(given)?.[1]?.toLowerCase();
  if (scheme === undefined || scheme === "file") {
    if (artifactRoot.startsWith("file:")) return scheme === "file" ? given : path.resolve(given);
    refuse(
      "'artifact_location' cannot be a folder of a machine while artifacts go through this server; leave it out, or name a place such as mlflow-artifacts:/mine.",
    );
  }
  if (scheme === "mlflow-artifacts") return checkProxied(given);
  if (scheme === "runs") refuse(`Artifact location cannot be a runs:/ URI. Given: '${given}'`);
  if (scheme === "http" || scheme === "https")
    refuse(
      `'artifact_location' cannot use the '${scheme}' scheme: clients would send their login for this server to the host it names; leave it out to keep artifacts on this server.`,
    );
  if (scheme === "models") refuse(`'artifact_location' cannot be a models: location; leave it out to keep artifacts on this server.`);
  return given;
}

/** The numbers of experiments are taken, and so is where other workspaces lie: `mlflow-artifacts:/7` is where experiment 7 lies. */
function checkProxied(given: string): string {
  const place = /^mlflow-artifacts:\/((?!(?:\d+|workspaces)(?:\/|$))[^/\\%?]+(?:\/[^/\\%?]+)*)\/*$/i.exec(given)?.[1];
  if (place === undefined || place.split("/").includes("."))
    refuse(
      "'artifact_location' below this server is mlflow-artifacts:/ and plain names between single slashes, the first of them no number and not \"workspaces\".",
    );
  return `mlflow-artifacts:/${place}`;
}
