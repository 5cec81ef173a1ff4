import { collectDefaultMetrics, Registry } from "prom-client";
import type { InFlight } from "./in-flight.ts";
import { outcomes, stageEdgesUs, stages, type ModelStats } from "./stats.ts";

/**
 * Prometheus text of what `stats.ts` counted. The counts live there, as array increments: prom-client's own counters build a key from
 * their labels at every call. It still renders the process's metrics.
 */
export class ServingMetrics {
  readonly #registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async render(models: ReadonlyMap<string, ModelStats>, inFlight: Pick<InFlight<unknown>, "size" | "overloaded" | "timedOut">): Promise<string> {
    const lines = [
      "# HELP karkhana_serving_in_flight Requests under way.",
      "# TYPE karkhana_serving_in_flight gauge",
      `karkhana_serving_in_flight ${inFlight.size}`,
      "# HELP karkhana_serving_refused_total Requests answered 503 because too many were under way, or because time was up.",
      "# TYPE karkhana_serving_refused_total counter",
      `karkhana_serving_refused_total{reason="overload"} ${inFlight.overloaded}`,
      `karkhana_serving_refused_total{reason="timeout"} ${inFlight.timedOut}`,
    ];
    lines.push(
      "# HELP karkhana_predict_requests_total Predictions by the version that made them and how they ended.",
      "# TYPE karkhana_predict_requests_total counter",
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
    for (const [model, stats] of models) for (const stage of stages) lines.push(...histogram(model, stage, stats));
    return `${lines.join("\n")}\n${await this.#registry.metrics()}`;
  }
}

function histogram(model: string, stage: (typeof stages)[number], stats: ModelStats): string[] {
  const { counts, sumUs } = stats.stages[stage];
  const lines: string[] = [];
  let below = 0;
  for (const [b, edge] of stageEdgesUs.entries()) {
    below += counts[b]!;
    lines.push(sample("karkhana_predict_duration_seconds_bucket", { model, stage, le: String(edge / 1e6) }, below));
  }
  const total = below + counts[stageEdgesUs.length]!;
  lines.push(sample("karkhana_predict_duration_seconds_bucket", { model, stage, le: "+Inf" }, total));
  lines.push(
    sample("karkhana_predict_duration_seconds_sum", { model, stage }, sumUs / 1e6),
    sample("karkhana_predict_duration_seconds_count", { model, stage }, total),
  );
  return lines;
}

/** @see https://prometheus.io/docs/instrumenting/exposition_formats/ (escaping of label values) */
function sample(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const text = Object.entries(labels).map(([label, v]) => `${label}="${v.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`);
  return `${name}{${text.join(",")}} ${value}`;
}
