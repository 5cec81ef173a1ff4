import { sql, type RawBuilder } from "kysely";
import type { StageView } from "../records.ts";

/** Conditions on the record's row `r`. */
export function inStage(view: StageView): RawBuilder<boolean>[] {
  return view === "ALL" ? [] : [sql`r.stage = ${view === "ACTIVE_ONLY" ? "active" : "deleted"}`];
}
