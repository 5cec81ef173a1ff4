import type { RecordQuery, StageView } from "../records.ts";
import { invalidValue, refuse, refuseType, type Message } from "./message.ts";

const views: readonly StageView[] = ["ACTIVE_ONLY", "DELETED_ONLY", "ALL"];
const maxPage = 50_000;

/** The part that searches of runs and of experiments share. */
export function readQuery(message: Message, { view, defaultLimit }: { view: string; defaultLimit: number | undefined }): RecordQuery {
  const limit = message.integer("max_results") ?? defaultLimit ?? 0;
  if (limit < 1) refuse(`Invalid value ${limit} for parameter 'max_results' supplied. It must be a positive integer`);
  if (limit > maxPage) refuse(`Invalid value ${limit} for parameter 'max_results' supplied. It must be at most ${maxPage}`);
  return {
    filter: message.text("filter"),
    orderBy: message.texts("order_by"),
    view: viewOf(message, view),
    limit,
    token: message.text("page_token") || undefined,
  };
}

/** By name, or by the number the enumeration has in MLflow's protocol. */
export function viewOf(message: Message, name: string): StageView {
  const raw = message.raw(name) ?? "ACTIVE_ONLY";
  const numbered = typeof raw === "number" || (typeof raw === "string" && /^\d$/.test(raw)) ? views[Number(raw) - 1] : undefined;
  return numbered ?? views.find((view) => view === raw) ?? (typeof raw === "string" ? refuse(invalidValue(name, raw)) : refuseType(name, raw));
}
