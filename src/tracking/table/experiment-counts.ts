import { sql } from "kysely";
import type { RunTableParts } from "./query.ts";

export interface ExperimentCount {
  readonly experimentId: string;
  /** Runs that are not deleted. */
  readonly runs: number;
  readonly running: number;
  readonly failed: number;
  readonly latestUs: number;
}

/** Runs of every experiment that has any, counted without reading them. */
export async function countByExperiment({ database, workspace }: RunTableParts): Promise<ExperimentCount[]> {
  const rows = await database.readApart(sql<{ id: number; runs: number; running: number; failed: number; latest: number }>`
    select r.experiment_id as id, count(*) as runs,
      sum(case when r.status in ('RUNNING', 'SCHEDULED') then 1 else 0 end) as running,
      sum(case when r.status in ('FAILED', 'KILLED') then 1 else 0 end) as failed, max(r.start_us) as latest
    from tracking_runs as r where r.workspace = ${workspace} and r.stage = 'active' group by r.experiment_id`);
  return rows.map(({ id, runs, running, failed, latest }) => ({ experimentId: String(id), runs, running, failed, latestUs: latest }));
}
