import type { PredictionRole } from "../feedback/prediction.ts";
import type { Migration } from "../storage/sql/port.ts";
import type { AlertKind } from "./alert.ts";

export interface MonitoringTables {
  monitoring_windows: WindowTable;
  monitoring_slots: SlotTable;
  monitoring_alerts: AlertTable;
  monitoring_state: StateTable;
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
];
