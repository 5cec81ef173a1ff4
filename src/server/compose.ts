import { createDatasets, dataMigrations, type Datasets } from "../data/store.ts";
import { createMonitoring, type MonitoringStore } from "../monitoring/store.ts";
import { monitoringMigrations } from "../monitoring/tables.ts";
import { createPipelines } from "../pipelines/pipelines.ts";
import { pipelineMigrations } from "../pipelines/tables.ts";
import type { Pipelines } from "../pipelines/port.ts";
import type { Registry } from "../registry/port.ts";
import { createRegistry } from "../registry/store.ts";
import { registryMigrations } from "../registry/tables.ts";
import { openFileBlobs } from "../storage/blobs/files.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import { openDataFolder, type DataFolder } from "../storage/data-folder.ts";
import { migrate } from "../storage/sql/migrate.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { openPostgres } from "../storage/sql/postgres.ts";
import { openSqlite } from "../storage/sql/sqlite.ts";
import type { RunArtifacts } from "../tracking/artifacts.ts";
import type { Tracking } from "../tracking/port.ts";
import { createTracking } from "../tracking/store.ts";
import { trackingMigrations } from "../tracking/tables.ts";
import type { OnlineStoreLocation } from "../workflows/jobs/online-store.ts";
import { EventClock } from "../workflows/platform.ts";
import type { Configuration } from "./configuration.ts";
import { systemClock, systemId } from "./system.ts";

/** Every store of one data folder, opened and migrated: what each process and command starts from. */
export interface Stores {
  readonly folder: DataFolder;
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly datasets: Datasets;
  readonly tracking: Tracking & RunArtifacts;
  readonly registry: Registry;
  readonly pipelines: Pipelines;
  readonly monitoring: MonitoringStore;
  /** What registry and monitors date their records with: the machine's clock, or the replay's. */
  readonly eventClock: EventClock;
  readonly onlineStore: OnlineStoreLocation;
  readonly close: () => Promise<void>;
}

/** In the order of their first release; a room's own list only grows. */
const migrations = [...dataMigrations, ...trackingMigrations, ...registryMigrations, ...pipelineMigrations, ...monitoringMigrations];

export async function openStores(dataFolder: string, configuration: Configuration): Promise<Stores> {
  const folder = await openDataFolder(dataFolder);
  const database = configuration.databaseUrl === undefined ? await openSqlite(folder.metaFile) : await openPostgres(configuration.databaseUrl);
  try {
    await migrate(database, migrations);
    const blobs = await openFileBlobs(folder.blobsFolder);
    const eventClock = new EventClock(systemClock);
    return {
      folder,
      database,
      blobs,
      datasets: createDatasets({ database, blobs }),
      tracking: createTracking({ database, blobs, clock: systemClock, newId: systemId }),
      registry: createRegistry({ database, clock: eventClock }),
      pipelines: createPipelines({ database, blobs, clock: systemClock }),
      monitoring: createMonitoring({ database, clock: eventClock }),
      eventClock,
      onlineStore: configuration.redisUrl === undefined ? { kind: "lmdb", folder: folder.onlineFolder } : { kind: "redis", url: configuration.redisUrl, prefix: "karkhana:" },
      close: () => database.close(),
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}
