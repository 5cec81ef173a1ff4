import type { RunStatus } from "../port.ts";
import type { RunRecord } from "../records.ts";
import type { MlflowCall } from "./call.ts";
import { checkFirstTagKey, cutTag } from "./checks.ts";
import { runInfoJson, runJson } from "./entities.ts";
import { tagsOf } from "./experiment-calls.ts";
import { experimentIdOf, invalidValue, pythonDumps, refuse, refuseMissing, type Message } from "./message.ts";
import { readQuery, viewOf } from "./search-request.ts";

/** By the number each has in MLflow's protocol, from 1. */
const statuses: readonly RunStatus[] = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];
/** MLflow's tag for a run's name; kept once, as the name. */
export const runNameTag = "mlflow.runName";

export const runCalls: readonly MlflowCall[] = [
  {
    method: "POST",
    path: "runs/create",
    answer: async (message, { runs }) => {
      const { [runNameTag]: tagged, ...tags } = tagsOf(message);
      const named = message.text("run_name") || undefined;
      if (named !== undefined && tagged !== undefined && named !== tagged) {
        refuse(`Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='${named}', mlflow.runName='${tagged}').`);
      }
      const run = await runs.create({
        // Without one the reference fails on the empty text.
        experimentId: experimentIdOf(message.text("experiment_id") ?? ""),
        name: named ?? (tagged || undefined),
        userId: message.text("user_id") ?? "",
        startUs: microseconds("start_time", message.integer("start_time") ?? 0),
        tags: Object.fromEntries(Object.entries(tags).map(([key, value]) => [checkFirstTagKey(key), cutTag(value)])),
      });
      const { info, data, inputs } = runJson(run);
      return { run: { info, data, inputs } };
    },
  },
  { method: "GET", path: "runs/get", answer: async (message, { runs }) => ({ run: runJson(await runs.get(message.runId())) }) },
  {
    method: "POST",
    path: "runs/update",
    answer: async (message, { runs }) => {
      const end = message.integer("end_time");
      const change = {
        status: statusOf(message),
        endUs: end === undefined ? undefined : microseconds("end_time", end),
        name: message.text("run_name") || undefined,
      };
      return { run_info: runInfoJson(await runs.update(message.runId(), change)) };
    },
  },
  {
    method: "POST",
    path: "runs/delete",
    answer: async (message, { runs }) => {
      await runs.setStage(message.runId(), "deleted");
      return {};
    },
  },
  {
    method: "POST",
    path: "runs/restore",
    answer: async (message, { runs }) => {
      await runs.setStage(message.runId(), "active");
      return {};
    },
  },
  {
    method: "POST",
    path: "runs/search",
    answer: async (message, { runs }) => {
      const query = readQuery(message, { view: "run_view_type", defaultLimit: 1000 });
      // Ours: `info_only` leaves everything but the runs' own rows unread.
      const infoOnly = message.raw("info_only") === true;
      const { items, nextToken } = await runs.search({ ...query, infoOnly, experimentIds: message.texts("experiment_ids").map(experimentIdOf) });
      const json = infoOnly ? (run: RunRecord) => ({ info: runInfoJson(run) }) : runJson;
      return { ...(items.length === 0 ? {} : { runs: items.map(json) }), ...(nextToken === undefined ? {} : { next_page_token: nextToken }) };
    },
  },
  {
    method: "POST",
    path: "runs/log-model",
    answer: async (message, tracking) => {
      const runId = message.runId();
      const model = legacyModel(message.text("model_json") || refuseMissing("model_json"));
      const { run } = await tracking.runs.get(runId);
      const history: unknown = JSON.parse(run.tags[modelHistoryTag] ?? "[]");
      // As it was written by Python, which is how older clients compare it.
      await tracking.logBatch(runId, { tags: { [modelHistoryTag]: pythonDumps([...(Array.isArray(history) ? history : []), model]) } });
      return {};
    },
  },
  // Two of ours, which MLflow has not.
  {
    method: "POST",
    path: "runs/count",
    answer: async (message, { runs }) => ({
      count: await runs.count({
        filter: message.text("filter"),
        view: viewOf(message, "run_view_type"),
        experimentIds: message.texts("experiment_ids").map(experimentIdOf),
      }),
    }),
  },
  {
    method: "POST",
    path: "runs/purge",
    answer: async (message, { purging }) => {
      await purging.purgeRun(message.runId());
      return {};
    },
  },
];

/** What clients before 3.0 keep of a model: on the run that made it. */
const modelHistoryTag = "mlflow.log-model.history";

function legacyModel(json: string): object {
  let model: unknown;
  try {
    model = JSON.parse(json);
  } catch {
    refuse(`Malformed model info. \n ${json.slice(0, 1000)} \n is not a valid JSON.`);
  }
  const fields = typeof model === "object" && model !== null ? new Map(Object.entries(model)) : new Map<string, unknown>();
  const missing = ["run_id", "flavors", "utc_time_created", "artifact_path"].filter((name) => !fields.has(name));
  if (missing.length > 0) refuse(`Model json is missing mandatory fields: {${missing.map((name) => `'${name}'`).join(", ")}}`);
  const kept = ["run_id", "artifact_path", "utc_time_created"].map((name) => [name, fields.get(name)]);
  return Object.fromEntries([...kept, ["model_uuid", fields.get("model_uuid") ?? null], ["flavors", fields.get("flavors")]]);
}

function statusOf(message: Message): RunStatus | undefined {
  const raw = message.raw("status");
  if (raw === undefined) return undefined;
  const status = typeof raw === "number" ? statuses[raw - 1] : statuses.find((name) => name === raw);
  return status ?? refuse(invalidValue("status", raw));
}

/** Milliseconds on the wire; far enough from the limits of exact numbers to be kept in microseconds. */
function microseconds(name: string, milliseconds: number): number {
  const us = milliseconds * 1000;
  return milliseconds >= 0 && Number.isSafeInteger(us) ? us : refuse(invalidValue(name, milliseconds, "It must be milliseconds since 1970."));
}
