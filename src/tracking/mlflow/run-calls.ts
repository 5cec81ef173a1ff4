import type { RunStatus } from "../port.ts";
import type { RunRecord } from "../records.ts";
import type { MlflowCall } from "./call.ts";
import { checkKey, cutTag } from "./checks.ts";
import { runInfoJson, runJson } from "./entities.ts";
import { tagsOf } from "./experiment-calls.ts";
import { experimentIdOf, invalidValue, refuse, type Message } from "./message.ts";
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
        tags: Object.fromEntries(Object.entries(tags).map(([key, value]) => [checkKey("key", key, "key"), cutTag(value)])),
      });
      return { run: runJson(run) };
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
