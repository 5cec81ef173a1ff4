import type { Migration } from "../storage/sql/port.ts";
import type { ProofKind, RegistryEvent, VersionState } from "./port.ts";

export interface RegistryTables {
  registry_models: ModelTable;
  registry_versions: VersionTable;
  registry_proofs: ProofTable;
  registry_waivers: WaiverTable;
  registry_deployments: DeploymentTable;
  registry_events: EventTable;
}

/** Counters of a model. Every decision writes an event, so every decision writes this row: two that missed each other cannot both commit. */
interface ModelTable {
  model: string;
  last_version: number;
  last_event: number;
  created_us: number;
}

interface VersionTable {
  model: string;
  version: number;
  request_id: string;
  run_id: string;
  artifact_path: string;
  definition_hash: string;
  service_hash: string;
  dataset_hash: string;
  state: VersionState;
  created_us: number;
}

interface ProofTable {
  model: string;
  /** That of the event it came with, so proofs stand in the order they were recorded. */
  sequence: number;
  version: number;
  kind: ProofKind;
  passed: number;
  summary: string;
  /** Canonical JSON. */
  details: string;
  recorded_us: number;
  hash: string;
}

interface WaiverTable {
  model: string;
  version: number;
  kind: ProofKind;
  reason: string;
}

interface DeploymentTable {
  model: string;
  revision: number;
  champion: number;
  challenger: number | null;
  ab_share: number;
  shadow: number | null;
  previous: number | null;
  reason: string;
  changed_us: number;
}

interface EventTable {
  model: string;
  sequence: number;
  version: number | null;
  kind: RegistryEvent["kind"];
  reason: string;
  at_us: number;
}

export const registryMigrations: readonly Migration[] = [
  {
    id: "registry-0001-versions-proofs-deployments",
    up: async (trx) => {
      const { schema } = trx;
      await schema
        .createTable("registry_models")
        .addColumn("model", "text", (c) => c.primaryKey())
        .addColumn("last_version", "bigint", (c) => c.notNull())
        .addColumn("last_event", "bigint", (c) => c.notNull())
        .addColumn("created_us", "bigint", (c) => c.notNull())
        .execute();
      await schema
        .createTable("registry_versions")
        .addColumn("model", "text", (c) => c.notNull().references("registry_models.model"))
        .addColumn("version", "bigint", (c) => c.notNull())
        .addColumn("request_id", "text", (c) => c.notNull())
        .addColumn("run_id", "text", (c) => c.notNull())
        .addColumn("artifact_path", "text", (c) => c.notNull())
        .addColumn("definition_hash", "text", (c) => c.notNull())
        .addColumn("service_hash", "text", (c) => c.notNull())
        .addColumn("dataset_hash", "text", (c) => c.notNull())
        .addColumn("state", "text", (c) => c.notNull())
        .addColumn("created_us", "bigint", (c) => c.notNull())
        .addPrimaryKeyConstraint("registry_versions_key", ["model", "version"])
        .addUniqueConstraint("registry_versions_request", ["model", "request_id"])
        .execute();
      await schema
        .createTable("registry_proofs")
        .addColumn("model", "text", (c) => c.notNull())
        .addColumn("sequence", "bigint", (c) => c.notNull())
        .addColumn("version", "bigint", (c) => c.notNull())
        .addColumn("kind", "text", (c) => c.notNull())
        .addColumn("passed", "bigint", (c) => c.notNull())
        .addColumn("summary", "text", (c) => c.notNull())
        .addColumn("details", "text", (c) => c.notNull())
        .addColumn("recorded_us", "bigint", (c) => c.notNull())
        .addColumn("hash", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("registry_proofs_key", ["model", "sequence"])
        .addForeignKeyConstraint("registry_proofs_version", ["model", "version"], "registry_versions", ["model", "version"])
        .execute();
      await schema
        .createTable("registry_waivers")
        .addColumn("model", "text", (c) => c.notNull())
        .addColumn("version", "bigint", (c) => c.notNull())
        .addColumn("kind", "text", (c) => c.notNull())
        .addColumn("reason", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("registry_waivers_key", ["model", "version", "kind"])
        .addForeignKeyConstraint("registry_waivers_version", ["model", "version"], "registry_versions", ["model", "version"])
        .execute();
      await schema
        .createTable("registry_deployments")
        .addColumn("model", "text", (c) => c.primaryKey().references("registry_models.model"))
        .addColumn("revision", "bigint", (c) => c.notNull())
        .addColumn("champion", "bigint", (c) => c.notNull())
        .addColumn("challenger", "bigint")
        .addColumn("ab_share", "double precision", (c) => c.notNull())
        .addColumn("shadow", "bigint")
        .addColumn("previous", "bigint")
        .addColumn("reason", "text", (c) => c.notNull())
        .addColumn("changed_us", "bigint", (c) => c.notNull())
        .execute();
      await schema
        .createTable("registry_events")
        .addColumn("model", "text", (c) => c.notNull())
        .addColumn("sequence", "bigint", (c) => c.notNull())
        .addColumn("version", "bigint")
        .addColumn("kind", "text", (c) => c.notNull())
        .addColumn("reason", "text", (c) => c.notNull())
        .addColumn("at_us", "bigint", (c) => c.notNull())
        .addPrimaryKeyConstraint("registry_events_key", ["model", "sequence"])
        .execute();
    },
  },
];
