import { KarkhanaError } from "../kernel/error.ts";
import { isOneOf } from "../storage/sql/one-of.ts";
import type { TrackingQueries } from "./read.ts";
import type { ModelOutput } from "./records.ts";

interface RunModels {
  readonly inputs: readonly string[];
  readonly outputs: readonly ModelOutput[];
}

/** @throws LOGGED_MODEL_NOT_FOUND */
export async function writeRunModels(
  trx: TrackingQueries,
  { workspace, runId }: { readonly workspace: string; readonly runId: string },
  { inputs = [], outputs = [] }: Partial<RunModels>,
): Promise<void> {
  const rows = [
    ...inputs.map((modelId) => ({ run_id: runId, model_id: modelId, direction: "input" as const, step: 0 })),
    ...outputs.map(({ modelId, step }) => ({ run_id: runId, model_id: modelId, direction: "output" as const, step })),
  ];
  if (rows.length === 0) return;
  await requireLoggedModels(
    trx,
    workspace,
    rows.map((row) => row.model_id),
  );
  await trx
    .insertInto("tracking_run_models")
    .values(rows)
    .onConflict((c) => c.columns(["run_id", "direction", "model_id", "step"]).doNothing())
    .execute();
}

/** @throws LOGGED_MODEL_NOT_FOUND naming the first that is not there */
export async function requireLoggedModels(db: TrackingQueries, workspace: string, modelIds: readonly string[]): Promise<void> {
  const ids = [...new Set(modelIds)];
  const rows = await db.selectFrom("tracking_logged_models").select("model_id").where("model_id", "in", ids).where("workspace", "=", workspace).execute();
  const found = new Set(rows.map((row) => row.model_id));
  const missing = ids.find((id) => !found.has(id));
  if (missing !== undefined) throw new KarkhanaError("LOGGED_MODEL_NOT_FOUND", { modelId: missing });
}

export async function readRunModels(db: TrackingQueries, runIds: readonly string[]): Promise<Map<string, RunModels>> {
  const found = new Map<string, RunModels>();
  for (let from = 0; from < runIds.length; from += 1000) {
    const ids = runIds.slice(from, from + 1000);
    const rows = await db
      .selectFrom("tracking_run_models")
      .selectAll()
      .where(isOneOf(db, "run_id", ids))
      .orderBy("step")
      .orderBy("model_id")
      .execute();
    for (const [runId, own] of Map.groupBy(rows, (row) => row.run_id)) {
      found.set(runId, {
        inputs: own.filter((row) => row.direction === "input").map((row) => row.model_id),
        outputs: own.filter((row) => row.direction === "output").map((row) => ({ modelId: row.model_id, step: row.step })),
      });
    }
  }
  return found;
}
