import { sql } from "kysely";
import type { SqlDatabase } from "../../src/storage/sql/port.ts";

/**
 * Runs by the hundred thousand, written by SQLite itself in seconds. Run i (from 1) is called "run-i" and started i seconds in; its auc is
 * (i * 7919 mod 99991) / 99991, different for each up to 99,990 runs; one in 50 failed; lr and team take few values.
 */
export async function seedRuns(database: SqlDatabase, { experimentId, runs }: { readonly experimentId: string; readonly runs: number }): Promise<void> {
  const id = Number(experimentId);
  await database.transaction(async (trx) => {
    await sql`insert into tracking_runs (run_id, experiment_id, name, status, start_us, end_us)
      with recursive n(i) as (select 1 union all select i + 1 from n where i < ${runs})
      select printf('5eed%012x%016x', ${id}, i), ${id}, 'run-' || i, case when i % 50 = 0 then 'FAILED' else 'FINISHED' end,
        1700000000000000 + i * 1000000, 1700000000000000 + i * 1000000 + 5000000 from n`.execute(trx);
    await sql`insert into tracking_latest_metrics (run_id, key, step, timestamp_ms, value, is_nan, experiment_id)
      select r.run_id, k.column1, 10, 1700000000000, ((r.start_us - 1700000000000000) / 1000000 * k.column2 % 99991) / 99991.0, 0, r.experiment_id
      from tracking_runs as r cross join (values ('auc', 7919), ('loss', 10473), ('f1', 12997)) as k where r.experiment_id = ${id}`.execute(trx);
    await sql`insert into tracking_params (run_id, key, value)
      select r.run_id, k.column1, cast((r.start_us - 1700000000000000) / 1000000 % k.column2 as text)
      from tracking_runs as r cross join (values ('lr', 4), ('depth', 7)) as k where r.experiment_id = ${id}`.execute(trx);
    await sql`insert into tracking_tags (run_id, key, value)
      select r.run_id, 'team', case when r.start_us / 1000000 % 3 = 0 then 'red' else 'blue' end from tracking_runs as r where r.experiment_id = ${id}`.execute(
      trx,
    );
  });
}

export function seededAuc(i: number): number {
  return ((i * 7919) % 99991) / 99991;
}
