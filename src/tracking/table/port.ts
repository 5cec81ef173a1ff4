import { countByExperiment, type ExperimentCount } from "./experiment-counts.ts";
import { groupRuns, type RunGroups } from "./groups.ts";
import { readRunKeys, type RunKeys } from "./keys.ts";
import { readMetrics, type LatestMetric } from "./metrics.ts";
import { countRuns, orderRuns, type RunOrder } from "./order.ts";
import type { RunSelection, RunTableParts } from "./query.ts";
import { readRunRows, type RunColumns, type RunRow } from "./rows.ts";
import { readSeries, type Series, type SeriesQuery } from "./series.ts";

/**
 * Runs as a person looks through them, by the hundred thousand. Everything is ordered, counted, grouped and thinned in the database and
 * away from the thread that answers requests; what comes back is bounded whatever the number of runs, keys and points.
 */
export interface RunTable {
  count(selection: RunSelection): Promise<number>;
  /** @throws SEARCH_INVALID */
  order(selection: RunSelection, orderBy: readonly string[]): Promise<RunOrder>;
  rows(ids: readonly string[], columns: RunColumns): Promise<RunRow[]>;
  keys(selection: RunSelection, text?: string): Promise<RunKeys>;
  /** @throws SEARCH_INVALID, INVALID_ARGUMENT */
  groups(selection: RunSelection, by: string, metricKeys: readonly string[]): Promise<RunGroups>;
  experiments(): Promise<ExperimentCount[]>;
  metrics(runId: string): Promise<LatestMetric[]>;
  series(query: SeriesQuery): Promise<Series>;
}

export function createRunTable(parts: RunTableParts): RunTable {
  return {
    count: (selection) => countRuns(parts, selection),
    order: (selection, orderBy) => orderRuns(parts, selection, orderBy),
    rows: (ids, columns) => readRunRows(parts, ids, columns),
    keys: (selection, text) => readRunKeys(parts, selection, text),
    groups: (selection, by, metricKeys) => groupRuns(parts, selection, by, metricKeys),
    experiments: () => countByExperiment(parts),
    metrics: (runId) => readMetrics(parts, runId),
    series: (query) => readSeries(parts, query),
  };
}
