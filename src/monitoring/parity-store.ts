import { KarkhanaError } from "../kernel/error.ts";
import type { Micros } from "../kernel/clock.ts";
import type { EventBehind } from "../features/offline/events-behind.ts";
import type { PredictionRole } from "../feedback/prediction.ts";
import type { SqlDatabase, SqlTransaction } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import { advanceAlert, quietState, type Alert, type AlertState, type Finding } from "./alert.ts";
import { writeAlert } from "./alert-row.ts";
import type { MonitoringTables } from "./tables.ts";

/** One stretch of the prediction log, of which a sample of vectors was recomputed by the offline SQL. */
export interface ParityCheck {
  readonly model: string;
  /** [fromOffset, toOffset) of the prediction log. */
  readonly fromOffset: number;
  readonly toOffset: number;
  /** First and last question of the stretch, in event time; null if nobody asked. */
  readonly fromUs: Micros | null;
  readonly toUs: Micros | null;
  /** Processing time. */
  readonly checkedUs: Micros;
  /** Predictions of the model in the stretch. */
  readonly served: number;
  /** Of these, answered by a feature service the project no longer has: they cannot be recomputed. */
  readonly foreignService: number;
  /** Vectors recomputed, and their values. */
  readonly vectors: number;
  readonly values: number;
  readonly mismatches: number;
  /** Mismatches of each slot that has any. */
  readonly bySlot: Readonly<Record<string, number>>;
}

/** One served value that is not what the offline SQL gives. Null is NaN. */
export interface ParityDifference {
  readonly predictionId: string;
  readonly version: number;
  readonly role: PredictionRole;
  readonly askedUs: Micros;
  /** Of the log of the view's source, if it is a pushed one: the first record that was not applied when the vector was read. Null where it is not known. */
  readonly appliedOffset: number | null;
  readonly slot: string;
  /** The view of the slot and the entity's keys; null and {} for a slot made from the request alone. */
  readonly view: string | null;
  readonly keys: Readonly<Record<string, string | number | boolean | null>>;
  readonly served: number | null;
  readonly offline: number | null;
  /** The rows offline SQL saw, newest first; null if they were not looked up. */
  readonly events: readonly EventBehind[] | null;
}

export interface SlotParity {
  readonly slot: string;
  readonly mismatches: number;
}

export interface ParityTotals {
  readonly checks: number;
  readonly served: number;
  readonly vectors: number;
  readonly values: number;
  readonly mismatches: number;
  readonly lastCheckedUs: Micros | null;
}

/**
 * What the continuous check of served vectors found. Promises: checks of a model cover its log from the start without gap or overlap; a
 * check, its differences, the place of the next one and the alert are one transaction; of two checkers one is refused.
 */
export interface ParityStore {
  /** Where the next check begins; 0 before the first. */
  nextOffset(model: string): Promise<number>;
  /** @returns the alert raised or resolved by it @throws MONITORING_CONFLICT if another check began there already */
  commit(check: ParityCheck, differences: readonly ParityDifference[]): Promise<Alert | undefined>;
  /** Newest first. */
  listChecks(model: string, limit?: number): Promise<ParityCheck[]>;
  totals(model: string): Promise<ParityTotals>;
  /** Mismatches by slot over all checks, most first; slots without any are left out. */
  slots(model: string): Promise<SlotParity[]>;
  /** Newest check first. */
  listDifferences(model: string, filter?: { readonly slot?: string; readonly limit?: number }): Promise<ParityDifference[]>;
}

/** A mismatch is never noise: one check raises the alert. So many clean ones in a row resolve it. */
const rule = { kind: "parity", raiseAfter: 1, resolveAfter: 3 } as const;
const defaultLimit = 200;
/** 14 columns a row; both databases take at least 32,766 parameters a statement. */
const rowsAtOnce = 1000;

export function createParityStore(database: SqlDatabase): ParityStore {
  const db = tables<MonitoringTables>(database.db);
  return {
    nextOffset: async (model) => {
      const row = await db.selectFrom("monitoring_parity_state").select("next_offset").where("model", "=", model).executeTakeFirst();
      return row?.next_offset ?? 0;
    },
    commit: (check, differences) => database.transaction((trx) => commit(trx, check, differences)),
    listChecks: async (model, limit = defaultLimit) => {
      const rows = await db.selectFrom("monitoring_parity_checks").selectAll().where("model", "=", model).orderBy("from_offset", "desc").limit(limit).execute();
      return rows.map((row) => ({
        model,
        fromOffset: row.from_offset,
        toOffset: row.to_offset,
        fromUs: row.from_us,
        toUs: row.to_us,
        checkedUs: row.checked_us,
        served: row.served,
        foreignService: row.foreign_service,
        vectors: row.vectors,
        values: row.recomputed,
        mismatches: row.mismatches,
        bySlot: JSON.parse(row.by_slot) as Record<string, number>,
      }));
    },
    totals: async (model) => {
      const row = await db
        .selectFrom("monitoring_parity_checks")
        .select(({ fn }) => [
          fn.countAll().as("checks"),
          fn.sum("served").as("served"),
          fn.sum("vectors").as("vectors"),
          fn.sum("recomputed").as("recomputed"),
          fn.sum("mismatches").as("mismatches"),
          fn.max("checked_us").as("last"),
        ])
        .where("model", "=", model)
        .executeTakeFirstOrThrow();
      return {
        checks: Number(row.checks),
        served: Number(row.served ?? 0),
        vectors: Number(row.vectors ?? 0),
        values: Number(row.recomputed ?? 0),
        mismatches: Number(row.mismatches ?? 0),
        lastCheckedUs: row.last,
      };
    },
    slots: async (model) => {
      const rows = await db.selectFrom("monitoring_parity_checks").select("by_slot").where("model", "=", model).where("mismatches", ">", 0).execute();
      const sums = new Map<string, number>();
      for (const { by_slot } of rows)
        for (const [slot, n] of Object.entries(JSON.parse(by_slot) as Record<string, number>)) sums.set(slot, (sums.get(slot) ?? 0) + n);
      return [...sums].map(([slot, mismatches]) => ({ slot, mismatches })).sort((a, b) => b.mismatches - a.mismatches || (a.slot < b.slot ? -1 : 1));
    },
    listDifferences: async (model, { slot, limit = defaultLimit } = {}) => {
      let query = db.selectFrom("monitoring_parity_differences").selectAll().where("model", "=", model);
      if (slot !== undefined) query = query.where("slot", "=", slot);
      const rows = await query.orderBy("from_offset", "desc").orderBy("position").limit(limit).execute();
      return rows.map((row) => ({
        predictionId: row.prediction_id,
        version: row.version,
        role: row.role,
        askedUs: row.asked_us,
        appliedOffset: row.applied_offset,
        slot: row.slot,
        view: row.view,
        keys: JSON.parse(row.keys) as ParityDifference["keys"],
        served: row.served,
        offline: row.offline,
        events: row.events === null ? null : (JSON.parse(row.events) as EventBehind[]),
      }));
    },
  };
}

async function commit(trx: SqlTransaction, check: ParityCheck, differences: readonly ParityDifference[]): Promise<Alert | undefined> {
  const db = tables<MonitoringTables>(trx);
  const { model } = check;
  const state = await db.selectFrom("monitoring_parity_state").selectAll().where("model", "=", model).executeTakeFirst();
  const { state: next, changed } = advanceAlert(
    state === undefined ? quietState : (JSON.parse(state.alert) as AlertState),
    // All versions read the same views: what differs is the engines' fault, not a version's.
    { version: 0, startUs: check.fromUs ?? check.checkedUs, atUs: check.toUs ?? check.checkedUs, findings: findingsOf(check) },
    { model, ...rule },
  );
  // The row is the lock that puts two checkers in order.
  const moved =
    state === undefined
      ? await db
          .insertInto("monitoring_parity_state")
          .values({ model, next_offset: check.toOffset, alert: JSON.stringify(next) })
          .onConflict((c) => c.column("model").doNothing())
          .executeTakeFirst()
          .then((result) => result.numInsertedOrUpdatedRows)
      : await db
          .updateTable("monitoring_parity_state")
          .set({ next_offset: check.toOffset, alert: JSON.stringify(next) })
          .where("model", "=", model)
          .where("next_offset", "=", check.fromOffset)
          .executeTakeFirst()
          .then((result) => result.numUpdatedRows);
  if (moved !== 1n || (state === undefined && check.fromOffset !== 0)) throw new KarkhanaError("MONITORING_CONFLICT", { model, revision: check.fromOffset });
  await db
    .insertInto("monitoring_parity_checks")
    .values({
      model,
      from_offset: check.fromOffset,
      to_offset: check.toOffset,
      from_us: check.fromUs,
      to_us: check.toUs,
      checked_us: check.checkedUs,
      served: check.served,
      foreign_service: check.foreignService,
      vectors: check.vectors,
      recomputed: check.values,
      mismatches: check.mismatches,
      by_slot: JSON.stringify(check.bySlot),
    })
    .execute();
  const rows = differences.map((d, position) => ({
    model,
    from_offset: check.fromOffset,
    position,
    prediction_id: d.predictionId,
    version: d.version,
    role: d.role,
    asked_us: d.askedUs,
    applied_offset: d.appliedOffset,
    slot: d.slot,
    view: d.view,
    keys: JSON.stringify(d.keys),
    served: d.served,
    offline: d.offline,
    events: d.events === null ? null : JSON.stringify(d.events),
  }));
  for (let i = 0; i < rows.length; i += rowsAtOnce)
    await db
      .insertInto("monitoring_parity_differences")
      .values(rows.slice(i, i + rowsAtOnce))
      .execute();
  if (changed !== undefined) await writeAlert(trx, changed);
  return changed;
}

/** Worst slots first. */
function findingsOf({ bySlot, vectors }: ParityCheck): Finding[] {
  return Object.entries(bySlot)
    .map(([subject, n]): Finding => ({ subject, measure: "mismatch-share", value: n / vectors, threshold: 0 }))
    .sort((a, b) => b.value - a.value || (a.subject < b.subject ? -1 : 1));
}
