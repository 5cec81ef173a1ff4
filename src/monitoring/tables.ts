import type { PredictionRole } from "../feedback/prediction.ts";
import type { Migration } from "../storage/sql/port.ts";
import type { AlertKind } from "./alert.ts";

export interface MonitoringTables {
  monitoring_windows: WindowTable;
  monitoring_slots: SlotTable;
  monitoring_alerts: AlertTable;
  monitoring_state: StateTable;
  monitoring_parity_checks: ParityCheckTable;
  monitoring_parity_differences: ParityDifferenceTable;
  monitoring_parity_state: ParityStateTable;
  monitoring_freshness: FreshnessTable;
}

interface WindowTable {
  model: string;
  kind: "drift" | "quality";
  version: number;
  role: PredictionRole;
  start_us: number;
  end_us: number;
  /** JSON of the window without its slots. */
  summary: string;
  /** Processing time. */
  closed_us: number;
}

interface SlotTable {
  model: string;
  version: number;
  role: PredictionRole;
  start_us: number;
  slot: string;
  /** In the order of the vector; the score comes last. */
  position: number;
  psi: number;
  floor: number;
  threshold: number;
  is_over: number;
  null_share: number;
  reference_null_share: number;
  null_threshold: number;
  is_null_over: number;
  /** JSON array of cell counts. */
  counts: string;
}

interface AlertTable {
  id: string;
  model: string;
  kind: AlertKind;
  version: number;
  status: "open" | "resolved";
  summary: string;
  /** JSON */
  findings: string;
  since_us: number;
  raised_us: number;
  resolved_us: number | null;
}

/** One row a model. `revision` tells a second consumer of the same model that it is not alone. */
interface StateTable {
  model: string;
  revision: number;
  /** JSON of MonitorState */
  state: string;
}

interface ParityCheckTable {
  model: string;
  /** Place in the prediction log where the check begins; checks of a model follow one another without a gap. */
  from_offset: number;
  to_offset: number;
  from_us: number | null;
  to_us: number | null;
  /** Processing time. */
  checked_us: number;
  served: number;
  foreign_service: number;
  vectors: number;
  recomputed: number;
  mismatches: number;
  /** JSON: slot -> mismatches, of slots that have any. */
  by_slot: string;
}

interface ParityDifferenceTable {
  model: string;
  from_offset: number;
  position: number;
  prediction_id: string;
  version: number;
  role: PredictionRole;
  asked_us: number;
  applied_offset: number | null;
  slot: string;
  view: string | null;
  /** JSON: key -> value */
  keys: string;
  served: number | null;
  offline: number | null;
  /** JSON rows behind the value; null if they were not looked up. */
  events: string | null;
}

/** One row a model: where the next check begins, and where the alert stands. */
interface ParityStateTable {
  model: string;
  next_offset: number;
  /** JSON of AlertState */
  alert: string;
}

/** One row a model whose views declare how fresh they must be. */
interface FreshnessTable {
  model: string;
  /** JSON of AlertState */
  alert: string;
}

export const monitoringMigrations: readonly Migration[] = [
  {
    id: "monitoring-0001-windows-alerts-state",
    up: async (trx) => {
      await trx.schema
        .createTable("monitoring_windows")
        .addColumn("model", "text", (c) => c.notNull())
        .addColumn("kind", "text", (c) => c.notNull())
        .addColumn("version", "bigint", (c) => c.notNull())
        .addColumn("role", "text", (c) => c.notNull())
        .addColumn("start_us", "bigint", (c) => c.notNull())
        .addColumn("end_us", "bigint", (c) => c.notNull())
        .addColumn("summary", "text", (c) => c.notNull())
        .addColumn("closed_us", "bigint", (c) => c.notNull())
        .addPrimaryKeyConstraint("monitoring_windows_key", ["model", "kind", "start_us", "version", "role"])
        .execute();
      await trx.schema
        .createTable("monitoring_slots")
        .addColumn("model", "text", (c) => c.notNull())
        .addColumn("version", "bigint", (c) => c.notNull())
        .addColumn("role", "text", (c) => c.notNull())
        .addColumn("start_us", "bigint", (c) => c.notNull())
        .addColumn("slot", "text", (c) => c.notNull())
        .addColumn("position", "bigint", (c) => c.notNull())
        .addColumn("psi", "double precision", (c) => c.notNull())
        .addColumn("floor", "double precision", (c) => c.notNull())
        .addColumn("threshold", "double precision", (c) => c.notNull())
        .addColumn("is_over", "bigint", (c) => c.notNull())
        .addColumn("null_share", "double precision", (c) => c.notNull())
        .addColumn("reference_null_share", "double precision", (c) => c.notNull())
        .addColumn("null_threshold", "double precision", (c) => c.notNull())
        .addColumn("is_null_over", "bigint", (c) => c.notNull())
        .addColumn("counts", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("monitoring_slots_key", ["model", "start_us", "version", "role", "position"])
        .execute();
      await trx.schema.createIndex("monitoring_slots_by_name").on("monitoring_slots").columns(["model", "slot", "start_us"]).execute();
      await trx.schema
        .createTable("monitoring_alerts")
        .addColumn("id", "text", (c) => c.primaryKey())
        .addColumn("model", "text", (c) => c.notNull())
        .addColumn("kind", "text", (c) => c.notNull())
        .addColumn("version", "bigint", (c) => c.notNull())
        .addColumn("status", "text", (c) => c.notNull())
        .addColumn("summary", "text", (c) => c.notNull())
        .addColumn("findings", "text", (c) => c.notNull())
        .addColumn("since_us", "bigint", (c) => c.notNull())
        .addColumn("raised_us", "bigint", (c) => c.notNull())
        .addColumn("resolved_us", "bigint")
        .execute();
      await trx.schema.createIndex("monitoring_alerts_by_model").on("monitoring_alerts").columns(["model", "raised_us"]).execute();
      await trx.schema
        .createTable("monitoring_state")
        .addColumn("model", "text", (c) => c.primaryKey())
        .addColumn("revision", "bigint", (c) => c.notNull())
        .addColumn("state", "text", (c) => c.notNull())
        .execute();
    },
  },
  {
    id: "monitoring-0002-parity",
    up: async (trx) => {
      await trx.schema
        .createTable("monitoring_parity_checks")
        .addColumn("model", "text", (c) => c.notNull())
        .addColumn("from_offset", "bigint", (c) => c.notNull())
        .addColumn("to_offset", "bigint", (c) => c.notNull())
        .addColumn("from_us", "bigint")
        .addColumn("to_us", "bigint")
        .addColumn("checked_us", "bigint", (c) => c.notNull())
        .addColumn("served", "bigint", (c) => c.notNull())
        .addColumn("foreign_service", "bigint", (c) => c.notNull())
        .addColumn("vectors", "bigint", (c) => c.notNull())
        .addColumn("recomputed", "bigint", (c) => c.notNull())
        .addColumn("mismatches", "bigint", (c) => c.notNull())
        .addColumn("by_slot", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("monitoring_parity_checks_key", ["model", "from_offset"])
        .execute();
      await trx.schema
        .createTable("monitoring_parity_differences")
        .addColumn("model", "text", (c) => c.notNull())
        .addColumn("from_offset", "bigint", (c) => c.notNull())
        .addColumn("position", "bigint", (c) => c.notNull())
        .addColumn("prediction_id", "text", (c) => c.notNull())
        .addColumn("version", "bigint", (c) => c.notNull())
        .addColumn("role", "text", (c) => c.notNull())
        .addColumn("asked_us", "bigint", (c) => c.notNull())
        .addColumn("slot", "text", (c) => c.notNull())
        .addColumn("view", "text")
        .addColumn("keys", "text", (c) => c.notNull())
        .addColumn("served", "double precision")
        .addColumn("offline", "double precision")
        .addColumn("events", "text")
        .addPrimaryKeyConstraint("monitoring_parity_differences_key", ["model", "from_offset", "position"])
        .execute();
      await trx.schema
        .createTable("monitoring_parity_state")
        .addColumn("model", "text", (c) => c.primaryKey())
        .addColumn("next_offset", "bigint", (c) => c.notNull())
        .addColumn("alert", "text", (c) => c.notNull())
        .execute();
    },
  },
  {
    id: "monitoring-0003-freshness",
    up: async (trx) => {
      await trx.schema
        .createTable("monitoring_freshness")
        .addColumn("model", "text", (c) => c.primaryKey())
        .addColumn("alert", "text", (c) => c.notNull())
        .execute();
    },
  },
  {
    id: "monitoring-0004-parity-sequence",
    up: async (trx) => {
      await trx.schema.alterTable("monitoring_parity_differences").addColumn("applied_offset", "bigint").execute();
    },
  },
];
