/** The same runs and points into both servers' databases, made by the databases themselves: sent as requests, 8 million points would take hours. */
import { DatabaseSync } from "node:sqlite";
import pg from "pg";

export interface SeedSize {
  readonly runs: number;
  readonly points: number;
}

export const metricKeys: readonly string[] = ["auc", "loss", "f1", "recall", "precision", "rmse", "mae", "lift"];
export const longHistoryPoints = 10_000;

export function runIdOf(n: number): string {
  return n.toString(16).padStart(32, "0");
}

type Execute = (statement: string) => Promise<void>;

/** @param tables whose schema the database has */
export async function seed(address: string, tables: "karkhana" | "mlflow", size: SeedSize): Promise<void> {
  const isPostgres = address.startsWith("postgres");
  const steps = Math.max(1, Math.round(size.points / size.runs / metricKeys.length));
  const numbers = (name: string, from: number, to: number): string =>
    isPostgres
      ? `(select n from generate_series(${from}, ${to}) as n) as ${name}`
      : `(with recursive c(n) as (select ${from} union all select n + 1 from c where n < ${to}) select n from c) as ${name}`;
  const runId = (n: string): string => (isPostgres ? `lpad(to_hex(${n}), 32, '0')` : `printf('%032x', ${n})`);
  const key = `case k.n ${metricKeys.map((name, i) => `when ${i} then '${name}'`).join(" ")} end`;
  const value = (r: string, k: string, s: string): string => `((${r} * 7919 + ${k} * 104729 + ${s} * 31) % 10007) / 10007.0`;
  const ours = tables === "karkhana";
  const nan = isPostgres && !ours ? "false" : "0";
  const run = async (execute: Execute): Promise<void> => {
    if (ours) {
      await execute(`insert into tracking_runs (run_id, experiment_id, name, status, start_us, end_us, user_id)
        select ${runId("r.n")}, 0, 'run ' || r.n, 'FINISHED', (1700000000000 + r.n * 1000) * 1000, (1700000000500 + r.n * 1000) * 1000, 'bench' from ${numbers("r", 1, size.runs)}`);
    } else {
      await execute(`insert into runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)
        select ${runId("r.n")}, 'run ' || r.n, 'UNKNOWN', '', '', 'bench', 'FINISHED', 1700000000000 + r.n * 1000, 1700000000500 + r.n * 1000, '', 'active', 'mlflow-artifacts:/0/' || ${runId("r.n")} || '/artifacts', 0 from ${numbers("r", 1, size.runs)}`);
    }
    const [params, tags, metrics, latest, id, time] = ours
      ? ["tracking_params", "tracking_tags", "tracking_metrics", "tracking_latest_metrics", "run_id", "timestamp_ms"]
      : ["params", "tags", "metrics", "latest_metrics", "run_uuid", "timestamp"];
    await execute(
      `insert into ${params} (${id}, key, value) select ${runId("r.n")}, 'p' || k.n, cast(r.n % (k.n + 2) as text) from ${numbers("r", 1, size.runs)}, ${numbers("k", 0, 9)}`,
    );
    const name = ours ? "" : ` union all select ${runId("r.n")}, 'mlflow.runName', 'run ' || r.n from ${numbers("r", 1, size.runs)}`;
    await execute(`insert into ${tags} (${id}, key, value) select ${runId("r.n")}, 'team', 'team ' || (r.n % 7) from ${numbers("r", 1, size.runs)}${name}`);
    // In parts, so that no transaction holds millions of rows.
    for (let from = 1; from <= size.runs; from += 1000) {
      const part = numbers("r", from, Math.min(size.runs, from + 999));
      await execute(`insert into ${metrics} (${id}, key, ${time}, step, value, is_nan)
        select ${runId("r.n")}, ${key}, 1700000000000 + s.n, s.n, ${value("r.n", "k.n", "s.n")}, ${nan} from ${part}, ${numbers("k", 0, metricKeys.length - 1)}, ${numbers("s", 0, steps - 1)}`);
    }
    await execute(`insert into ${latest} (${id}, key, ${time}, step, value, is_nan${ours ? ", experiment_id" : ""})
      select ${runId("r.n")}, ${key}, 1700000000000 + ${steps - 1}, ${steps - 1}, ${value("r.n", "k.n", String(steps - 1))}, ${nan}${ours ? ", 0" : ""} from ${numbers("r", 1, size.runs)}, ${numbers("k", 0, metricKeys.length - 1)}`);
    await execute(`insert into ${metrics} (${id}, key, ${time}, step, value, is_nan)
      select ${runId("1")}, 'long', 1700000000000 + s.n, s.n, ${value("1", "9", "s.n")}, ${nan} from ${numbers("s", 0, longHistoryPoints - 1)}`);
    await execute(isPostgres ? "analyze" : "pragma optimize");
  };
  if (isPostgres) {
    const client = new pg.Client({ connectionString: address });
    await client.connect();
    try {
      await run(async (statement) => void (await client.query(statement)));
    } finally {
      await client.end();
    }
  } else {
    const database = new DatabaseSync(address, { timeout: 10_000 });
    try {
      database.exec("pragma journal_mode = wal; pragma synchronous = normal; pragma cache_size = -200000");
      await run(async (statement) => database.exec(statement));
      // The mode stays with the file, and MLflow leaves SQLite's own default as it is.
      if (!ours) database.exec("pragma journal_mode = delete");
    } finally {
      database.close();
    }
  }
}
