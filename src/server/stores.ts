import type { Directory } from "../access/directory.ts";
import type { Gate } from "../access/gate.ts";
import type { Datasets } from "../data/store.ts";
import type { DefinitionHistory } from "../features/definition-history.ts";
import type { ParityStore } from "../monitoring/parity-store.ts";
import type { MonitoringStore } from "../monitoring/store.ts";
import type { Pipelines } from "../pipelines/port.ts";
import type { ModelCatalog } from "../registry/catalog.ts";
import type { WebhookParts } from "../registry/mlflow/webhook-calls.ts";
import type { Registry } from "../registry/port.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { DataFolder } from "../storage/data-folder.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import type { TrackingStore } from "../tracking/store.ts";
import type { Workspaces } from "../tracking/workspaces.ts";
import type { OnlineStoreLocation } from "../workflows/jobs/online-store.ts";
import type { EventClock } from "../workflows/platform.ts";

/** Every store of one data folder, opened and migrated: what each process and command starts from. */
export interface Stores {
  readonly folder: DataFolder;
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly datasets: Datasets;
  readonly tracking: TrackingStore;
  readonly workspaces: Workspaces;
  readonly registry: Registry;
  readonly catalog: ModelCatalog;
  readonly directory: Directory;
  readonly gate: Gate;
  /** What the platform's own processes show each other. */
  readonly internalToken: string;
  readonly webhooks: WebhookParts;
  readonly pipelines: Pipelines;
  readonly monitoring: MonitoringStore;
  readonly parity: ParityStore;
  readonly definitions: DefinitionHistory;
  /** What registry and monitors date their records with: the machine's clock, or the replay's. */
  readonly eventClock: EventClock;
  readonly onlineStore: OnlineStoreLocation;
  readonly close: () => Promise<void>;
}
