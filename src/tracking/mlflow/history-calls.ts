import type { MlflowCall } from "./call.ts";
import { metricJson, runMetricJson } from "./entities.ts";
import { refuse, refuseMissing, type Message } from "./message.ts";

const maxRuns = 100;
const maxBulkResults = 25_000;
const maxSampled = 2500;

export const historyCalls: readonly MlflowCall[] = [
  {
    method: "GET",
    path: "metrics/get-history",
    answer: async (message, tracking) => {
      const [runId, key] = [message.runId(), message.requiredText("metric_key")];
      const limit = message.integer("max_results");
      if (limit !== undefined && limit <= 0) refuse(`Invalid value ${limit} for parameter 'max_results' supplied. It must be a positive integer.`);
      const { items, nextToken } = await tracking.runs.metricHistory(runId, key, { limit, token: message.text("page_token") || undefined });
      return { ...(items.length === 0 ? {} : { metrics: items.map(metricJson) }), ...(nextToken === undefined ? {} : { next_page_token: nextToken }) };
    },
  },
  {
    method: "GET",
    path: "metrics/get-history-bulk",
    answer: async (message, { runs }) => {
      const runIds = message.texts("run_id");
      if (runIds.length === 0) refuse("GetMetricHistoryBulk request must specify at least one run_id.");
      if (runIds.length > maxRuns) refuse(`GetMetricHistoryBulk request cannot specify more than ${maxRuns} run_ids. Received ${runIds.length} run_ids.`);
      const key = message.text("metric_key") ?? refuse("GetMetricHistoryBulk request must specify a metric_key.");
      const limit = Math.max(0, Math.min(message.integer("max_results") ?? maxBulkResults, maxBulkResults));
      return { metrics: (await runs.bulkHistory(runIds, key, limit)).map(runMetricJson) };
    },
  },
  {
    method: "GET",
    path: "metrics/get-history-bulk-interval",
    answer: async (message, { runs }) => {
      const runIds = message.texts("run_ids");
      if (runIds.length === 0) refuseMissing("run_ids");
      if (runIds.length > maxRuns) refuse(`GetMetricHistoryBulkInterval request must specify at most ${maxRuns} run_ids. Received ${runIds.length} run_ids.`);
      const key = message.requiredText("metric_key");
      const limit = message.integer("max_results") ?? maxSampled;
      if (limit < 1 || limit > maxSampled)
        refuse(`max_results must be between 1 and ${maxSampled}. See the API docs for more information about request parameters.`);
      const points = await runs.sampledHistory(runIds, key, { limit, steps: stepsOf(message) });
      return points.length === 0 ? {} : { metrics: points.map(runMetricJson) };
    },
  },
];

function stepsOf(message: Message): { from: number; to: number } | undefined {
  const [from, to] = [message.integer("start_step"), message.integer("end_step")];
  if (from === undefined && to === undefined) return undefined;
  if (from === undefined || to === undefined) return refuse("If either start step or end step are specified, both must be specified.");
  if (from > to) refuse(`end_step must be greater than start_step. Found start_step=${from} and end_step=${to}.`);
  return { from, to };
}
