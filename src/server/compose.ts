import { pathToFileURL } from "node:url";
import { createDirectory } from "../access/directory.ts";
import { createDatasets } from "../data/store.ts";
import { createDefinitionHistory } from "../features/definition-history.ts";
import { createParityStore } from "../monitoring/parity-store.ts";
import { createMonitoring } from "../monitoring/store.ts";
import { createPipelines } from "../pipelines/pipelines.ts";
import { versionUsing } from "../registry/catalog-read.ts";
import { createModelCatalog } from "../registry/catalog-store.ts";
import { announceToWebhooks } from "../registry/webhooks/outbox.ts";
import type { Clock } from "../kernel/clock.ts";
import { sealSecrets } from "../registry/webhooks/webhooks.ts";
import { createRegistry } from "../registry/store.ts";
import { openFileBlobs } from "../storage/blobs/files.ts";
import { openDataFolder } from "../storage/data-folder.ts";
import { migrate } from "../storage/sql/migrate.ts";
import { openPostgres } from "../storage/sql/postgres.ts";
import { openSqlite } from "../storage/sql/sqlite.ts";
import { createTracking } from "../tracking/store.ts";
import { EventClock } from "../workflows/platform.ts";
import type { Configuration } from "./configuration.ts";
import { internalToken } from "./internal-token.ts";
import { migrations } from "./migrations.ts";
import type { Stores } from "./stores.ts";
import { systemClock, systemId } from "./system.ts";
import { openVault } from "./secret-keys.ts";
import { webhookParts } from "./webhook-parts.ts";
import { guarded, workspacesOf } from "./workspace-contents.ts";

/** @param clock what decisions are dated with while no history is replayed */
export async function openStores(dataFolder: string, configuration: Configuration, clock: Clock = systemClock): Promise<Stores> {
  const folder = await openDataFolder(dataFolder);
  const database = configuration.databaseUrl === undefined ? await openSqlite(folder.metaFile) : await openPostgres(configuration.databaseUrl);
  try {
    await migrate(database, migrations);
    const blobs = await openFileBlobs(folder.blobsFolder);
    const eventClock = new EventClock(clock);
    const directory = createDirectory({ database, clock: systemClock });
    const token = internalToken(dataFolder);
    const artifactRoot = configuration.artifactAccess === "direct" ? { artifactRoot: pathToFileURL(folder.blobsFolder).href } : {};
    const announce = announceToWebhooks({ clock: systemClock, newId: systemId });
    const registry = createRegistry({ database, clock: eventClock, announce });
    const tracking = createTracking({
      database,
      blobs,
      clock: systemClock,
      newId: systemId,
      artifactUser: versionUsing,
      ...artifactRoot,
    });
    await tracking.purging.finish();
    const vault = openVault(dataFolder, configuration.secretKeys);
    await sealSecrets(database, vault);
    const workspaces = workspacesOf({ database, blobs, clock: systemClock, directory });
    return {
      folder,
      database,
      blobs,
      datasets: createDatasets({ database, blobs }),
      tracking,
      registry,
      catalog: createModelCatalog({ database, clock: systemClock, newId: systemId, registry, announce, ...artifactRoot }),
      directory,
      ...guarded({ directory, clock: systemClock, workspaces, internalToken: token }),
      internalToken: token,
      webhooks: webhookParts(database, vault, configuration.webhookTargets),
      pipelines: createPipelines({ database, blobs, clock: systemClock }),
      monitoring: createMonitoring({ database, clock: eventClock }),
      parity: createParityStore(database),
      definitions: createDefinitionHistory(database),
      eventClock,
      onlineStore:
        configuration.redisUrl === undefined
          ? { kind: "lmdb", folder: folder.onlineFolder }
          : { kind: "redis", url: configuration.redisUrl, prefix: "karkhana:" },
      close: () => database.close(),
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}
