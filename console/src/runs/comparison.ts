import type { RunDetail } from "../../../src/server/api-runs.ts";
import { duration, moment } from "../format.ts";
import { metricText } from "./cells.tsx";
import type { Axis } from "./parallel.tsx";

/** One line of a comparison: what each run says under one name. */
export interface Difference {
  readonly id: string;
  readonly section: "Run" | "Params" | "Metrics" | "Tags" | "Datasets";
  readonly name: string;
  readonly values: readonly (string | null)[];
  readonly differs: boolean;
}

export function differences(runs: readonly RunDetail[]): Difference[] {
  const line = (section: Difference["section"], id: string, name: string, values: readonly (string | null)[]): Difference => ({
    id,
    section,
    name,
    values,
    differs: values.some((v) => v !== values[0]),
  });
  const keysOf = (of: (run: RunDetail) => readonly string[]): string[] =>
    [...new Set(runs.flatMap(of))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return [
    line(
      "Run",
      "status",
      "state",
      runs.map((r) => r.status.toLowerCase()),
    ),
    line(
      "Run",
      "start",
      "started (UTC)",
      runs.map((r) => moment(r.startUs)),
    ),
    line(
      "Run",
      "took",
      "took",
      runs.map((r) => (r.endUs === null ? null : duration((r.endUs - r.startUs) / 1e6))),
    ),
    line(
      "Run",
      "user",
      "user",
      runs.map((r) => r.userId),
    ),
    ...keysOf((r) => Object.keys(r.params)).map((k) =>
      line(
        "Params",
        `p.${k}`,
        k,
        runs.map((r) => r.params[k] ?? null),
      ),
    ),
    ...keysOf((r) => r.metrics.map((m) => m.key)).map((k) =>
      line(
        "Metrics",
        `m.${k}`,
        k,
        runs.map((r) => textOf(r, k)),
      ),
    ),
    ...keysOf((r) => r.datasets.map((d) => d.name)).map((n) =>
      line(
        "Datasets",
        `d.${n}`,
        n,
        runs.map(
          (r) =>
            r.datasets
              .filter((d) => d.name === n)
              .map((d) => d.digest)
              .join(", ") || null,
        ),
      ),
    ),
    ...keysOf((r) => Object.keys(r.tags).filter((k) => k !== "mlflow.runName")).map((k) =>
      line(
        "Tags",
        `t.${k}`,
        k,
        runs.map((r) => r.tags[k] ?? null),
      ),
    ),
  ];
}

function textOf(run: RunDetail, key: string): string | null {
  const metric = run.metrics.find((m) => m.key === key);
  return metric === undefined ? null : metricText(metric.value);
}

/** What a picture can have an axis for: params (numbers where all are), then metrics. */
export function axesOf(runs: readonly RunDetail[]): Axis[] {
  const params = [...new Set(runs.flatMap((r) => Object.keys(r.params)))].map((k): Axis => {
    const texts = runs.map((r) => r.params[k] ?? null);
    const isNumber = texts.every((t) => t === null || (t.trim() !== "" && Number.isFinite(Number(t))));
    return { id: `p.${k}`, name: k, values: texts.map((t) => (t === null ? null : isNumber ? Number(t) : t)) };
  });
  const metrics = [...new Set(runs.flatMap((r) => r.metrics.map((m) => m.key)))].map((k): Axis => {
    const values = runs.map((r) => r.metrics.find((m) => m.key === k)?.value ?? null);
    return { id: `m.${k}`, name: k, values: values.map((v) => (typeof v === "number" ? v : null)) };
  });
  return [...params, ...metrics];
}

/** Axes on which the runs differ, params before metrics, at most eight: what a comparison starts with. */
export function usualAxes(axes: readonly Axis[]): Axis[] {
  const varied = axes.filter((a) => new Set(a.values).size > 1);
  const params = varied.filter((a) => a.id.startsWith("p."));
  const metrics = varied.filter((a) => a.id.startsWith("m."));
  return [...params.slice(0, 5), ...metrics.slice(0, 8 - Math.min(5, params.length))];
}
