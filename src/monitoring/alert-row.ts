import type { SqlTransaction } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import type { Alert } from "./alert.ts";
import type { MonitoringTables } from "./tables.ts";

/** Raised, or its resolution; told twice it is the same row. */
export async function writeAlert(trx: SqlTransaction, alert: Alert): Promise<void> {
  const { id, model, kind, version, status, summary, findings, sinceUs, raisedUs, resolvedUs } = alert;
  const resolved = { status, resolved_us: resolvedUs ?? null };
  await tables<MonitoringTables>(trx)
    .insertInto("monitoring_alerts")
    .values({ id, model, kind, version, summary, findings: JSON.stringify(findings), since_us: sinceUs, raised_us: raisedUs, ...resolved })
    .onConflict((c) => c.column("id").doUpdateSet(resolved))
    .execute();
}
