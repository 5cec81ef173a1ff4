import type { MetricValue } from "../../../src/server/api-runs.ts";
import { figure } from "../format.ts";

/** Losses and areas with the same number of digits, so that a column can be read down. */
export function metricText(value: MetricValue | undefined): string {
  if (value === undefined) return "–";
  if (typeof value === "string") return value === "NaN" ? "NaN" : value === "Infinity" ? "∞" : "−∞";
  return Math.abs(value) < 10 && Math.abs(value) >= 1e-3 && !Number.isInteger(value) ? value.toFixed(4) : figure(value);
}

const preferred = ["auc", "accuracy", "f1", "logloss", "log_loss", "loss", "rmse", "brier", "ece"];

/** The columns a table starts with: the best known metrics, at most five, and the three commonest params. */
export function usualColumns(keys: { readonly metrics: readonly string[]; readonly params: readonly string[] }): string[] {
  const rank = (m: string): number => {
    const i = preferred.findIndex((p) => m.toLowerCase().endsWith(p));
    return i === -1 ? preferred.length : i;
  };
  const metrics = keys.metrics.slice(0, 50).toSorted((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  return [...metrics.slice(0, 5).map((m) => `m.${m}`), ...keys.params.slice(0, 3).map((p) => `p.${p}`)];
}
