import { featureMigrations } from "../features/definition-history.ts";
import { dataMigrations } from "../data/store.ts";
import { trackingMigrations } from "../tracking/tables.ts";
import { registryMigrations } from "../registry/tables.ts";
import { pipelineMigrations } from "../pipelines/tables.ts";
import { monitoringMigrations } from "../monitoring/tables.ts";
import { savedViewMigrations } from "../tracking/saved-views.ts";
import { importMigrations } from "../workflows/import-mlflow/journal.ts";
import { pathMigrations } from "../path/tables.ts";
import { accessMigrations } from "../access/tables.ts";
import type { Migration } from "../storage/sql/port.ts";

/** In the order of their first release; a room's own list only grows. */
export const migrations: readonly Migration[] = [
  ...dataMigrations,
  ...trackingMigrations,
  ...registryMigrations,
  ...pipelineMigrations,
  ...monitoringMigrations,
  ...savedViewMigrations,
  ...importMigrations,
  ...pathMigrations,
  ...accessMigrations,
  ...featureMigrations,
];
