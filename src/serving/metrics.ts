import { collectDefaultMetrics, type OpenMetricsContentType, type PrometheusContentType, Registry } from "prom-client";
import { metricLines, type MetricFamily } from "../features/online/watch-metrics.ts";
import type { InFlight } from "./in-flight.ts";
import type { Backend } from "./openai/backend.ts";
import { backendLines } from "./openai/metrics.ts";
import { histogramLines, sample } from "./prometheus-lines.ts";
import { outcomes, stageEdgesUs, stages, type ModelStats, type Stage, type VersionCounts } from "./stats.ts";

/**
 * Prometheus text of what `stats.ts` counted. The counts live there, as array increments: prom-client's own counters build a key from
 * their labels at every call. It still renders the process's metrics.
 */
export class ServingMetrics {
  readonly #registry: Registry<PrometheusContentType | OpenMetricsContentType> = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** @param accept what the scraper says it reads: OpenMetrics carries trace ids beside the buckets, the older text does not */
  contentTypeFor(accept: string | undefined): string {
    return accept?.includes("application/openmetrics-text") === true ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE;
  }

  /** @param contentType one that `contentTypeFor` gave */
  async render(
    models: ReadonlyMap<string, ModelStats>,
    inFlight: Pick<InFlight<unknown>, "size" | "waiting" | "limit" | "overloaded" | "overShare" | "timedOut">,
    contentType: string,
    features: readonly MetricFamily[] = [],
    backends: Iterable<Backend> = [],
  ): Promise<string> {
    const isOpen = contentType === Registry.OPENMETRICS_CONTENT_TYPE;
    // OpenMetrics names a counter's family without the ending of its samples.
    const family = (counter: string): string => (isOpen ? counter.replace(/_total$/, "") : counter);
    const lines = [
      "# HELP karkhana_serving_in_flight Requests under way.",
      "# TYPE karkhana_serving_in_flight gauge",
      `karkhana_serving_in_flight ${inFlight.size}`,
      "# HELP karkhana_serving_waiting Connections that wait for their turn to be read, while there is more to do than the processor can.",
      "# TYPE karkhana_serving_waiting gauge",
      `karkhana_serving_waiting ${inFlight.waiting}`,
      "# HELP karkhana_serving_concurrency_limit Requests that may be under way at once now; it follows the time they take.",
      "# TYPE karkhana_serving_concurrency_limit gauge",
      `karkhana_serving_concurrency_limit ${inFlight.limit}`,
      `# HELP ${family("karkhana_serving_refused_total")} Requests not answered because too many were under way, because their model or tenant had its share, or because time was up.`,
      `# TYPE ${family("karkhana_serving_refused_total")} counter`,
      `karkhana_serving_refused_total{reason="overload"} ${inFlight.overloaded}`,
      `karkhana_serving_refused_total{reason="share"} ${inFlight.overShare}`,
      `karkhana_serving_refused_total{reason="timeout"} ${inFlight.timedOut}`,
    ];
    lines.push(
      `# HELP ${family("karkhana_predict_requests_total")} Predictions by the version that made them and how they ended.`,
      `# TYPE ${family("karkhana_predict_requests_total")} counter`,
    );
    for (const [model, stats] of models) {
      for (const { version, role, outcomes: counts } of stats.versions.values()) {
        for (const outcome of outcomes)
          if (counts[outcome] > 0) lines.push(sample("karkhana_predict_requests_total", { model, version: String(version), role, outcome }, counts[outcome]));
      }
      for (const outcome of outcomes)
        if (stats.refused[outcome] > 0)
          lines.push(sample("karkhana_predict_requests_total", { model, version: "", role: "", outcome }, stats.refused[outcome]));
    }
    lines.push("# HELP karkhana_predict_duration_seconds Time a predict request spent in each stage.", "# TYPE karkhana_predict_duration_seconds histogram");
    for (const [model, stats] of models)
      for (const counts of stats.versions.values()) for (const stage of stages) lines.push(...histogram(model, counts, stage, isOpen));
    lines.push(...runLines(models, family), ...backendLines(backends, family));
    lines.push(...metricLines(features, isOpen));
    // It looks at its content type before it first waits, so two scrapers of two kinds do not disturb each other.
    this.#registry.setContentType(isOpen ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE);
    return `${lines.join("\n")}\n${await this.#registry.metrics()}`;
  }
}

function histogram(model: string, { version, role, stages: own }: VersionCounts, stage: Stage, withExemplars: boolean): string[] {
  const { counts, sumUs, exemplars } = own[stage];
  const exemplar = (bucket: number): string => {
    const found = exemplars[bucket];
    return withExemplars && found !== undefined ? ` # {trace_id="${found.traceId}"} ${found.us / 1e6}` : "";
  };
  const labels = { model, version: String(version), role, stage };
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (total === 0) return [];
  const lines: string[] = [];
  let below = 0;
  for (const [b, edge] of stageEdgesUs.entries()) {
    below += counts[b]!;
    lines.push(sample("karkhana_predict_duration_seconds_bucket", { ...labels, le: String(edge / 1e6) }, below) + exemplar(b));
  }
  lines.push(
    sample("karkhana_predict_duration_seconds_bucket", { ...labels, le: "+Inf" }, total) + exemplar(stageEdgesUs.length),
    sample("karkhana_predict_duration_seconds_sum", labels, sumUs / 1e6),
    sample("karkhana_predict_duration_seconds_count", labels, total),
  );
  return lines;
}

/** Of models whose requests may be put together; how long they wait is the stage `queue`. */
function runLines(models: ReadonlyMap<string, ModelStats>, family: (counter: string) => string): string[] {
  const lines = ["# HELP karkhana_batch_rows Rows of each run of a model in worker threads or with batching declared.", "# TYPE karkhana_batch_rows histogram"];
  const requests = [
    `# HELP ${family("karkhana_batch_requests_total")} Requests that such runs answered.`,
    `# TYPE ${family("karkhana_batch_requests_total")} counter`,
  ];
  for (const [model, { versions }] of models)
    for (const { version, runs } of versions.values()) {
      if (runs.requests === 0) continue;
      const labels = { model, version: String(version) };
      lines.push(...histogramLines("karkhana_batch_rows", labels, runs.rows));
      requests.push(sample("karkhana_batch_requests_total", labels, runs.requests));
    }
  return [...lines, ...requests];
}
