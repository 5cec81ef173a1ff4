import { sql } from "kysely";

import type { Micros } from "../kernel/clock.ts";
import { placeOfKey } from "./model-key.ts";
import type { RegistryQueries } from "./read.ts";

/** What hangs on a model's versions, in an order in which it can be removed. */
const parts = ["registry_aliases", "registry_version_tags", "registry_waivers", "registry_proofs"] as const;

const versionColumns = [
  "version",
  "request_id",
  "run_id",
  "artifact_path",
  "definition_hash",
  "service_hash",
  "dataset_hash",
  "state",
  "created_us",
  "source",
  "download_uri",
  "description",
  "run_link",
  "model_id",
  "user_id",
  "stage",
  "deleted_us",
];

/** All of a model's rows under a new name. The rows that others point at are copied first, since no key is ever without its target. */
export async function moveModel(db: RegistryQueries, name: string, newName: string, nowUs: Micros): Promise<void> {
  const columns = sql.join(versionColumns.map((column) => sql.ref(column)));
  const { workspace } = placeOfKey(newName);
  await sql`insert into registry_models (model, workspace, last_version, last_event, created_us, description, updated_us)
    select ${newName}, ${workspace}, last_version, last_event, created_us, description, ${sql.lit(nowUs)} from registry_models where model = ${name}`.execute(
    db,
  );
  await sql`insert into registry_versions (model, workspace, updated_us, ${columns})
    select ${newName}, ${workspace}, ${sql.lit(nowUs)}, ${columns} from registry_versions where model = ${name}`.execute(db);
  for (const table of [...parts, "registry_model_tags", "registry_events"] as const)
    await db.updateTable(table).set({ model: newName }).where("model", "=", name).execute();
  await db.deleteFrom("registry_versions").where("model", "=", name).execute();
  await db.deleteFrom("registry_models").where("model", "=", name).execute();
}

/** A model that comes again under this name starts at version 1, as in MLflow. */
export async function removeModel(db: RegistryQueries, name: string): Promise<void> {
  for (const table of [...parts, "registry_model_tags", "registry_events", "registry_versions", "registry_models"] as const)
    await db.deleteFrom(table).where("model", "=", name).execute();
}
