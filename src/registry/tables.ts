import { sql, type Generated } from "kysely";

import { defaultWorkspace } from "../kernel/workspace.ts";
import { numBuckets } from "../math/buckets.ts";
import type { Migration } from "../storage/sql/port.ts";
import type { ProofKind, RegistryEvent, VersionState } from "./port.ts";
import type { WebhookEvent, WebhookStatus } from "./webhooks/event.ts";

export interface RegistryTables {
  registry_models: ModelTable;
  registry_versions: VersionTable;
  registry_proofs: ProofTable;
  registry_waivers: WaiverTable;
  registry_deployments: DeploymentTable;
  registry_places: PlaceTable;
  registry_events: EventTable;
  registry_model_tags: ModelTagTable;
  registry_version_tags: VersionTagTable;
  registry_aliases: AliasTable;
  registry_webhooks: WebhookTable;
  registry_webhook_events: { webhook_id: string; event: WebhookEvent; position: Generated<number> };
  registry_deliveries: DeliveryTable;
}

/** Counters of a model. Every decision writes an event, so every decision writes this row: two that missed each other cannot both commit. */
interface ModelTable {
  /** Its name, with its workspace before it unless that is `default`: see `model-key.ts`. */
  model: string;
  workspace: Generated<string>;
  last_version: number;
  last_event: number;
  created_us: number;
  description: Generated<string | null>;
  /** null: never changed since it was made. */
  updated_us: Generated<number | null>;
}

interface ModelTagTable {
  model: string;
  key: string;
  value: string;
}

interface VersionTagTable extends ModelTagTable {
  version: number;
}

/** Names a person gave to versions. What the deployment says (champion, challenger, shadow) is not among them. */
interface AliasTable {
  model: string;
  alias: string;
  version: number;
}

interface VersionTable {
  model: string;
  workspace: Generated<string>;
  version: number;
  request_id: string;
  run_id: string;
  artifact_path: string;
  definition_hash: string;
  service_hash: string;
  dataset_hash: string;
  state: VersionState;
  created_us: number;
  /** What a client registered it from; null: trained by the project. */
  source: Generated<string | null>;
  /** Where a client downloads it from; null: `source`, or the run's own files. */
  download_uri: Generated<string | null>;
  description: Generated<string | null>;
  run_link: Generated<string | null>;
  model_id: Generated<string | null>;
  user_id: Generated<string | null>;
  /** MLflow's stage: a label without authority here. */
  stage: Generated<string>;
  /** null: never changed since it was made. */
  updated_us: Generated<number | null>;
  /** null: not deleted. The row stays, so that the number is not given twice. */
  deleted_us: Generated<number | null>;
}

interface WebhookTable {
  webhook_id: string;
  workspace: Generated<string>;
  name: string;
  url: string;
  description: string | null;
  /** Sealed: see `webhooks/sealed.ts`. Plain text in a database of before, until it is next opened. */
  secret: string | null;
  status: WebhookStatus;
  created_us: number;
  updated_us: number;
}

/** A message owed to a webhook; gone once it is delivered. */
interface DeliveryTable {
  delivery_id: string;
  webhook_id: string;
  body: string;
  created_us: number;
  attempts: number;
  /** When it is sent next; while it is being sent, when that is taken for dead. */
  due_us: number;
  problem: string | null;
  gave_up: number;
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
  salt: string;
  previous: number | null;
  reason: string;
  changed_us: number;
}

/** Versions beside the champion. */
interface PlaceTable {
  model: string;
  version: number;
  place: "challenger" | "shadow";
  position: number;
  /** JSON, `[[first, count], …]`. */
  buckets: string;
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
  {
    id: "registry-0002-names-tags-aliases",
    up: async ({ schema }) => {
      // SQLite adds one column a statement.
      await schema.alterTable("registry_models").addColumn("description", "text").execute();
      await schema.alterTable("registry_models").addColumn("updated_us", "bigint").execute();
      for (const column of ["source", "download_uri", "description", "run_link", "model_id", "user_id"])
        await schema.alterTable("registry_versions").addColumn(column, "text").execute();
      for (const column of ["updated_us", "deleted_us"]) await schema.alterTable("registry_versions").addColumn(column, "bigint").execute();
      await schema
        .alterTable("registry_versions")
        .addColumn("stage", "text", (c) => c.notNull().defaultTo("None"))
        .execute();
      await schema
        .createTable("registry_model_tags")
        .addColumn("model", "text", (c) => c.notNull().references("registry_models.model"))
        .addColumn("key", "text", (c) => c.notNull())
        .addColumn("value", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("registry_model_tags_key", ["model", "key"])
        .execute();
      await schema
        .createTable("registry_version_tags")
        .addColumn("model", "text", (c) => c.notNull())
        .addColumn("version", "bigint", (c) => c.notNull())
        .addColumn("key", "text", (c) => c.notNull())
        .addColumn("value", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("registry_version_tags_key", ["model", "version", "key"])
        .addForeignKeyConstraint("registry_version_tags_version", ["model", "version"], "registry_versions", ["model", "version"])
        .execute();
      await schema
        .createTable("registry_aliases")
        .addColumn("model", "text", (c) => c.notNull())
        .addColumn("alias", "text", (c) => c.notNull())
        .addColumn("version", "bigint", (c) => c.notNull())
        .addPrimaryKeyConstraint("registry_aliases_key", ["model", "alias"])
        .addForeignKeyConstraint("registry_aliases_version", ["model", "version"], "registry_versions", ["model", "version"])
        .execute();
      // Searches of versions by run.
      await schema.createIndex("registry_versions_run").on("registry_versions").columns(["run_id"]).execute();
    },
  },
  {
    id: "registry-0003-webhooks",
    up: async ({ schema }) => {
      await schema
        .createTable("registry_webhooks")
        .addColumn("webhook_id", "text", (c) => c.primaryKey())
        .addColumn("name", "text", (c) => c.notNull())
        .addColumn("url", "text", (c) => c.notNull())
        .addColumn("description", "text")
        .addColumn("secret", "text")
        .addColumn("status", "text", (c) => c.notNull())
        .addColumn("created_us", "bigint", (c) => c.notNull())
        .addColumn("updated_us", "bigint", (c) => c.notNull())
        .execute();
      await schema
        .createTable("registry_webhook_events")
        .addColumn("webhook_id", "text", (c) => c.notNull().references("registry_webhooks.webhook_id"))
        .addColumn("event", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("registry_webhook_events_key", ["event", "webhook_id"])
        .execute();
      await schema
        .createTable("registry_deliveries")
        .addColumn("delivery_id", "text", (c) => c.primaryKey())
        // No foreign key: a webhook deleted meanwhile must not undo what is told of.
        .addColumn("webhook_id", "text", (c) => c.notNull())
        .addColumn("body", "text", (c) => c.notNull())
        .addColumn("created_us", "bigint", (c) => c.notNull())
        .addColumn("attempts", "bigint", (c) => c.notNull())
        .addColumn("due_us", "bigint", (c) => c.notNull())
        .addColumn("problem", "text")
        .addColumn("gave_up", "bigint", (c) => c.notNull())
        .execute();
      await schema.createIndex("registry_deliveries_due").on("registry_deliveries").columns(["gave_up", "due_us"]).execute();
    },
  },
  {
    id: "registry-0004-order-of-webhook-events",
    up: async ({ schema }) => {
      await schema
        .alterTable("registry_webhook_events")
        .addColumn("position", "bigint", (c) => c.notNull().defaultTo(0))
        .execute();
    },
  },
  {
    id: "registry-0005-workspaces",
    up: async ({ schema }) => {
      for (const table of ["registry_models", "registry_versions", "registry_webhooks"])
        await schema
          .alterTable(table)
          .addColumn("workspace", "text", (c) => c.notNull().defaultTo(defaultWorkspace))
          .execute();
      for (const table of ["registry_models", "registry_versions"])
        await schema.createIndex(`${table}_workspace`).on(table).columns(["workspace", "model"]).execute();
    },
  },
  {
    id: "registry-0006-several-challengers",
    up: async (trx) => {
      const { schema } = trx;
      await schema
        .createTable("registry_places")
        .addColumn("model", "text", (c) => c.notNull().references("registry_models.model"))
        .addColumn("version", "bigint", (c) => c.notNull())
        .addColumn("place", "text", (c) => c.notNull())
        .addColumn("position", "bigint", (c) => c.notNull())
        .addColumn("buckets", "text", (c) => c.notNull())
        .addPrimaryKeyConstraint("registry_places_key", ["model", "version", "place"])
        .execute();
      await schema
        .alterTable("registry_deployments")
        .addColumn("salt", "text", (c) => c.notNull().defaultTo(""))
        .execute();
      // A test under way goes on with the same keys: its salt was of the challenger, and the challenger had the lowest hashes.
      await sql`update registry_deployments set salt = model || '/' || cast(coalesce(challenger, champion) as text)`.execute(trx);
      await sql`insert into registry_places (model, version, place, position, buckets)
        select model, challenger, 'challenger', 0, '[[0,' || cast(cast(round(ab_share * ${numBuckets}) as bigint) as text) || ']]'
        from registry_deployments where challenger is not null`.execute(trx);
      await sql`insert into registry_places (model, version, place, position, buckets)
        select model, shadow, 'shadow', 0, '[]' from registry_deployments where shadow is not null`.execute(trx);
      for (const column of ["challenger", "ab_share", "shadow"]) await schema.alterTable("registry_deployments").dropColumn(column).execute();
    },
  },
];
