/** Lines of Prometheus' text. @see https://prometheus.io/docs/instrumenting/exposition_formats/ */
import type { Histogram } from "./histogram.ts";

export type Labels = Readonly<Record<string, string>>;

export function sample(name: string, labels: Labels, value: number): string {
  const text = Object.entries(labels).map(([label, v]) => `${label}="${v.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`);
  return `${name}{${text.join(",")}} ${value}`;
}

export function histogramLines(name: string, labels: Labels, { edges, counts, sum, count }: Histogram): string[] {
  let below = 0;
  const buckets = edges.map((edge, b) => sample(`${name}_bucket`, { ...labels, le: String(edge) }, (below += counts[b]!)));
  return [...buckets, sample(`${name}_bucket`, { ...labels, le: "+Inf" }, count), sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, count)];
}
