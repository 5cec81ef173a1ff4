import type { Clock, Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { PredictionRole } from "../feedback/prediction.ts";
import type { SqlDatabase, SqlTransaction } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import type { Alert, Finding } from "./alert.ts";
import { writeAlert } from "./alert-row.ts";
import type { DriftWindow, SlotDrift } from "./drift.ts";
import type { MonitorEvent, MonitorState } from "./monitor.ts";
import type { QualityWindow } from "./quality.ts";
import type { MonitoringTables } from "./tables.ts";

/** A closed window as kept: the slots of a drift window are read apart. */
export type DriftWindowRecord = Omit<DriftWindow, "slots" | "score">;

export interface WindowFilter {
  readonly version?: number;
  readonly role?: PredictionRole;
  /** Windows that start in [fromUs, toUs). */
  readonly fromUs?: Micros;
  readonly toUs?: Micros;
  /** The latest so many; default 1,000. */
  readonly limit?: number;
}

export interface SlotPoint extends SlotDrift {
  readonly version: number;
  readonly role: PredictionRole;
  readonly startUs: Micros;
}

export interface SavedState {
  readonly revision: number;
  readonly state: MonitorState;
}

/**
 * Windows, alerts and the place in the logs. Promises: a commit is one transaction, so that windows, alerts and the offsets from which the open
 * windows are rebuilt never disagree; whoever commits on an outdated revision is refused with MONITORING_CONFLICT and has changed nothing.
 */
export interface MonitoringStore {
  loadState(model: string): Promise<SavedState | undefined>;
  /** @param revision that of the state this one follows, 0 for the first @returns the new revision @throws MONITORING_CONFLICT */
  commit(model: string, revision: number, events: readonly MonitorEvent[], state: MonitorState): Promise<number>;
  /** Oldest first. */
  listDriftWindows(model: string, filter?: WindowFilter): Promise<DriftWindowRecord[]>;
  listQualityWindows(model: string, filter?: WindowFilter): Promise<QualityWindow[]>;
  /** Slots of one window in the order of the vector, the score last. */
  listSlots(model: string, window: { readonly version: number; readonly role: PredictionRole; readonly startUs: Micros }): Promise<SlotPoint[]>;
  /** One slot ("score" for the score) through event time, oldest first. */
  slotSeries(model: string, slot: string, filter?: WindowFilter): Promise<SlotPoint[]>;
  /** Newest first. */
  listAlerts(filter?: { readonly model?: string; readonly status?: Alert["status"]; readonly limit?: number }): Promise<Alert[]>;
}

export function createMonitoring(parts: { readonly database: SqlDatabase; readonly clock: Clock }): MonitoringStore {
  return new SqlMonitoring(parts.database, parts.clock);
}

const defaultLimit = 1000;

class SqlMonitoring implements MonitoringStore {
  readonly #database: SqlDatabase;
  readonly #clock: Clock;
  readonly #db: ReturnType<typeof queries>;

  constructor(database: SqlDatabase, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#db = queries(database);
  }

  async loadState(model: string): Promise<SavedState | undefined> {
    const row = await this.#db.selectFrom("monitoring_state").selectAll().where("model", "=", model).executeTakeFirst();
    return row === undefined ? undefined : { revision: row.revision, state: JSON.parse(row.state) as MonitorState };
  }

  commit(model: string, revision: number, events: readonly MonitorEvent[], state: MonitorState): Promise<number> {
    return this.#database.transaction(async (trx) => {
      await replaceState(trx, model, revision, state);
      const nowUs = this.#clock.nowUs();
      for (const event of events) {
        if (event.kind === "window") await writeWindow(trx, model, event.window, nowUs);
        else await writeAlert(trx, event.alert);
      }
      return revision + 1;
    });
  }

  async listDriftWindows(model: string, filter: WindowFilter = {}): Promise<DriftWindowRecord[]> {
    return (await this.#windows(model, "drift", filter)).map((summary) => JSON.parse(summary) as DriftWindowRecord);
  }

  async listQualityWindows(model: string, filter: WindowFilter = {}): Promise<QualityWindow[]> {
    return (await this.#windows(model, "quality", filter)).map((summary) => JSON.parse(summary) as QualityWindow);
  }

  async listSlots(model: string, window: { readonly version: number; readonly role: PredictionRole; readonly startUs: Micros }): Promise<SlotPoint[]> {
    const rows = await this.#db
      .selectFrom("monitoring_slots")
      .selectAll()
      .where("model", "=", model)
      .where("start_us", "=", window.startUs)
      .where("version", "=", window.version)
      .where("role", "=", window.role)
      .orderBy("position")
      .execute();
    return rows.map(slotPoint);
  }

  async slotSeries(model: string, slot: string, filter: WindowFilter = {}): Promise<SlotPoint[]> {
    let query = this.#db.selectFrom("monitoring_slots").selectAll().where("model", "=", model).where("slot", "=", slot);
    if (filter.version !== undefined) query = query.where("version", "=", filter.version);
    if (filter.role !== undefined) query = query.where("role", "=", filter.role);
    if (filter.fromUs !== undefined) query = query.where("start_us", ">=", filter.fromUs);
    if (filter.toUs !== undefined) query = query.where("start_us", "<", filter.toUs);
    const rows = await query
      .orderBy("start_us", "desc")
      .orderBy("version", "desc")
      .orderBy("role", "desc")
      .limit(filter.limit ?? defaultLimit)
      .execute();
    return rows.map(slotPoint).reverse();
  }

  async listAlerts(filter: { readonly model?: string; readonly status?: Alert["status"]; readonly limit?: number } = {}): Promise<Alert[]> {
    let query = this.#db.selectFrom("monitoring_alerts").selectAll();
    if (filter.model !== undefined) query = query.where("model", "=", filter.model);
    if (filter.status !== undefined) query = query.where("status", "=", filter.status);
    const rows = await query
      .orderBy("raised_us", "desc")
      .orderBy("id")
      .limit(filter.limit ?? defaultLimit)
      .execute();
    return rows.map((row) => ({
      id: row.id,
      model: row.model,
      kind: row.kind,
      version: row.version,
      status: row.status,
      summary: row.summary,
      findings: JSON.parse(row.findings) as Finding[],
      sinceUs: row.since_us,
      raisedUs: row.raised_us,
      ...(row.resolved_us === null ? {} : { resolvedUs: row.resolved_us }),
    }));
  }

  async #windows(model: string, kind: "drift" | "quality", filter: WindowFilter): Promise<string[]> {
    let query = this.#db.selectFrom("monitoring_windows").select("summary").where("model", "=", model).where("kind", "=", kind);
    if (filter.version !== undefined) query = query.where("version", "=", filter.version);
    if (filter.role !== undefined) query = query.where("role", "=", filter.role);
    if (filter.fromUs !== undefined) query = query.where("start_us", ">=", filter.fromUs);
    if (filter.toUs !== undefined) query = query.where("start_us", "<", filter.toUs);
    const rows = await query
      .orderBy("start_us", "desc")
      .orderBy("version", "desc")
      .orderBy("role", "desc")
      .limit(filter.limit ?? defaultLimit)
      .execute();
    return rows.map((row) => row.summary).reverse();
  }
}

function queries(database: SqlDatabase) {
  return tables<MonitoringTables>(database.db);
}

/** First in the transaction: the row is the lock that puts two consumers of one model in order. */
async function replaceState(trx: SqlTransaction, model: string, revision: number, state: MonitorState): Promise<void> {
  const db = tables<MonitoringTables>(trx);
  const text = JSON.stringify(state);
  const changed =
    revision === 0
      ? await db
          .insertInto("monitoring_state")
          .values({ model, revision: 1, state: text })
          .onConflict((c) => c.column("model").doNothing())
          .executeTakeFirst()
          .then((result) => result.numInsertedOrUpdatedRows)
      : await db
          .updateTable("monitoring_state")
          .set({ revision: revision + 1, state: text })
          .where("model", "=", model)
          .where("revision", "=", revision)
          .executeTakeFirst()
          .then((result) => result.numUpdatedRows);
  if (changed !== 1n) throw new KarkhanaError("MONITORING_CONFLICT", { model, revision });
}

async function writeWindow(trx: SqlTransaction, model: string, window: DriftWindow | QualityWindow, closedUs: Micros): Promise<void> {
  const db = tables<MonitoringTables>(trx);
  const { kind, version, role, startUs, endUs } = window;
  // Slots have rows of their own.
  const summary = JSON.stringify(window, (key, value: unknown) => (kind === "drift" && (key === "slots" || key === "score") ? undefined : value));
  await db.insertInto("monitoring_windows").values({ model, kind, version, role, start_us: startUs, end_us: endUs, summary, closed_us: closedUs }).execute();
  if (window.kind === "quality" || window.score === undefined) return;
  const rows = [...window.slots, window.score].map((slot, position) => ({
    model,
    version,
    role,
    start_us: startUs,
    slot: slot.slot,
    position,
    psi: slot.psi,
    floor: slot.floor,
    threshold: slot.threshold,
    is_over: slot.isOver ? 1 : 0,
    null_share: slot.nullShare,
    reference_null_share: slot.referenceNullShare,
    null_threshold: slot.nullThreshold,
    is_null_over: slot.isNullOver ? 1 : 0,
    counts: JSON.stringify(slot.counts),
  }));
  // 15 columns a row; both databases take at least 32,766 parameters a statement.
  for (let i = 0; i < rows.length; i += 1000)
    await db
      .insertInto("monitoring_slots")
      .values(rows.slice(i, i + 1000))
      .execute();
}

function slotPoint(row: SlotRow): SlotPoint {
  return {
    version: row.version,
    role: row.role,
    startUs: row.start_us,
    slot: row.slot,
    psi: row.psi,
    floor: row.floor,
    threshold: row.threshold,
    isOver: row.is_over === 1,
    nullShare: row.null_share,
    referenceNullShare: row.reference_null_share,
    nullThreshold: row.null_threshold,
    isNullOver: row.is_null_over === 1,
    counts: JSON.parse(row.counts) as number[],
  };
}

type SlotRow = MonitoringTables["monitoring_slots"];
