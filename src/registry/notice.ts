import type { SqlTransaction } from "../storage/sql/port.ts";

/**
 * Something that happened in the registry, in MLflow's words for webhooks. Those who subscribe are told of it durably, because it is written
 * in the transaction that made it happen.
 */
export type RegistryNotice =
  | { readonly event: "registered_model.created"; readonly data: { name: string; tags: Tags; description: string | null } }
  | {
      readonly event: "model_version.created";
      readonly data: { name: string; version: string; source: string; run_id: string | null; tags: Tags; description: string | null };
    }
  | { readonly event: "registered_model_tag.set"; readonly data: { name: string; key: string; value: string } }
  | { readonly event: "registered_model_tag.deleted"; readonly data: { name: string; key: string } }
  | { readonly event: "model_version_tag.set"; readonly data: { name: string; version: string; key: string; value: string } }
  | { readonly event: "model_version_tag.deleted"; readonly data: { name: string; version: string; key: string } }
  | { readonly event: "model_version_alias.created"; readonly data: { name: string; alias: string; version: string } }
  | { readonly event: "model_version_alias.deleted"; readonly data: { name: string; alias: string } };

type Tags = Readonly<Record<string, string>>;

export type Announce = (trx: SqlTransaction, notice: RegistryNotice) => Promise<void>;

export const announceNothing: Announce = async () => {};
