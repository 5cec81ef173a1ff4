import type { Clock, Micros } from "../kernel/clock.ts";
import type { NewId } from "../kernel/ids.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { tables } from "../storage/sql/tables.ts";
import type { Roadmap } from "./content/types.ts";
import type { EvidenceEntry } from "./evidence/entry.ts";
import { createPlan, type Plan, type PlanEvidence, type PlanRequest } from "./plan.ts";
import type { PathTables } from "./tables.ts";

export type SavedRequest = Omit<PlanRequest, "evidence">;

export interface SavedPlan {
  readonly id: string;
  readonly createdUs: Micros;
  readonly request: SavedRequest;
  readonly plan: Plan;
}

/** Plans are kept, the newest is in force. What was shown before is in every one of them, since it is read from the chain. */
export interface PlanStore {
  save(request: SavedRequest, evidence: readonly EvidenceEntry[]): Promise<SavedPlan>;
  /** The plan in force with the evidence there is now; undefined if none was made. */
  current(evidence: readonly EvidenceEntry[]): Promise<SavedPlan | undefined>;
  list(): Promise<readonly Pick<SavedPlan, "id" | "createdUs" | "request">[]>;
}

export function createPlanStore(parts: { readonly database: SqlDatabase; readonly clock: Clock; readonly newId: NewId; readonly roadmap: Roadmap }): PlanStore {
  const { database, clock, newId, roadmap } = parts;
  const db = tables<PathTables>(database.db);
  const newest = async (): Promise<SavedPlan | undefined> => {
    const row = await db.selectFrom("path_plans").selectAll().orderBy("created_us", "desc").orderBy("id", "desc").limit(1).executeTakeFirst();
    return row === undefined
      ? undefined
      : { id: row.id, createdUs: row.created_us, request: JSON.parse(row.request) as SavedRequest, plan: JSON.parse(row.plan) as Plan };
  };
  return {
    save: async (request, evidence) => {
      const previous = await newest();
      const plan = createPlan(roadmap, { ...request, evidence: planEvidence(evidence) }, previous?.plan);
      const saved = { id: newId(), createdUs: clock.nowUs(), request, plan };
      await database.transaction(
        async (trx) =>
          void (await tables<PathTables>(trx)
            .insertInto("path_plans")
            .values({ id: saved.id, created_us: saved.createdUs, request: JSON.stringify(request), plan: JSON.stringify(plan) })
            .execute()),
      );
      return saved;
    },
    current: async (evidence) => {
      const saved = await newest();
      return saved === undefined ? undefined : { ...saved, plan: createPlan(roadmap, { ...saved.request, evidence: planEvidence(evidence) }, saved.plan) };
    },
    list: async () =>
      (await db.selectFrom("path_plans").select(["id", "created_us", "request"]).orderBy("created_us", "desc").limit(50).execute()).map((row) => ({
        id: row.id,
        createdUs: row.created_us,
        request: JSON.parse(row.request) as SavedRequest,
      })),
  };
}

/** What of the chain a plan counts: labs passed, blocks done, waivers. Words of people count in no plan. */
function planEvidence(entries: readonly EvidenceEntry[]): PlanEvidence[] {
  const kinds: Readonly<Record<string, PlanEvidence["kind"]>> = { lab: "lab", block: "block-done", waiver: "placement" };
  return entries.flatMap(({ body, hash }) => {
    const kind = kinds[body.kind];
    return kind === undefined || body.producedBy === "person" ? [] : [{ id: hash, kind, subject: body.subject, atUs: body.atUs }];
  });
}
