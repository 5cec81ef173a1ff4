import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { advanceAlert, quietState, type Alert, type AlertState, type Finding } from "./alert.ts";
import { writeAlert } from "./alert-row.ts";
import type { MonitoringTables } from "./tables.ts";

/** How old the newest event of a view is, for a view that declares how old it may be. */
export interface ViewFreshness {
  readonly view: string;
  readonly ageUs: Micros;
  readonly limitUs: Micros;
}

/** A source that stands still is seen at once; one event ends it. */
const rule = { kind: "freshness", raiseAfter: 1, resolveAfter: 1 } as const;

/** Views of a model beyond their limit, the furthest beyond first. */
function freshnessFindings(views: readonly ViewFreshness[]): Finding[] {
  return views
    .filter(({ ageUs, limitUs }) => ageUs > limitUs)
    .sort((a, b) => b.ageUs / b.limitUs - a.ageUs / a.limitUs || (a.view < b.view ? -1 : 1))
    .map(({ view, ageUs, limitUs }) => ({ subject: view, measure: "event-age", value: ageUs / 60e6, threshold: limitUs / 60e6 }));
}

/**
 * Judges the views of a model and keeps where its alert stands; both in one transaction.
 * @returns the alert raised or resolved by it @throws MONITORING_CONFLICT if another judge was there in between
 */
export async function judgeFreshness(database: SqlDatabase, model: string, views: readonly ViewFreshness[], atUs: Micros): Promise<Alert | undefined> {
  return database.transaction(async (trx) => {
    const db = tables<MonitoringTables>(trx);
    const stored = await db.selectFrom("monitoring_freshness").selectAll().where("model", "=", model).executeTakeFirst();
    const before = stored === undefined ? quietState : (JSON.parse(stored.alert) as AlertState);
    const { state, changed } = advanceAlert(before, { version: 0, startUs: atUs, atUs, findings: freshnessFindings(views) }, { model, ...rule });
    if (changed === undefined && stored !== undefined) return undefined;
    const alert = JSON.stringify(state);
    if (stored === undefined) await db.insertInto("monitoring_freshness").values({ model, alert }).execute();
    else {
      const { numUpdatedRows } = await db
        .updateTable("monitoring_freshness")
        .set({ alert })
        .where("model", "=", model)
        .where("alert", "=", stored.alert)
        .executeTakeFirst();
      if (numUpdatedRows !== 1n) throw new KarkhanaError("MONITORING_CONFLICT", { model, revision: 0 });
    }
    if (changed !== undefined) await writeAlert(trx, changed);
    return changed;
  });
}
