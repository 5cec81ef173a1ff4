import { isVersioned } from "../../data/versions.ts";
import type { Micros } from "../../kernel/clock.ts";
import { checkFormat, entryStride, EVENT, headerLength, KNOWN, LAST, MAX_KNOWN, rowStride, toFloats, UNTIL } from "../online/blocks.ts";
import type { ViewPlan } from "../view-plan.ts";

/** Whether a key's newest row cannot become another by time alone: none of its rows happens, is known, or is replaced later than t. */
export function isSettled(head: Uint8Array, plan: ViewPlan, timeUs: Micros): boolean {
  const floats = toFloats(head);
  checkFormat(floats);
  const m = plan.measures.length;
  const stride = rowStride(m);
  const entries = floats[2]!;
  const openAt = headerLength + entries * entryStride(m);
  for (let at = openAt; at < openAt + floats[3]! * stride; at += stride) {
    if (floats[at + EVENT]! > timeUs || floats[at + KNOWN]! > timeUs) return false;
    if (floats[at + UNTIL]! > timeUs && floats[at + UNTIL] !== Number.POSITIVE_INFINITY) return false;
  }
  for (let at = headerLength; at < openAt; at += entryStride(m)) if (floats[at + LAST]! > timeUs || floats[at + MAX_KNOWN]! > timeUs) return false;
  // Of a sealed block only the earliest replacement is known, not whether one lies ahead.
  return !(isVersioned(plan.view.source) && entries > 0);
}
