import type { PlanRule } from "../types.ts";

/** The roadmap as it stands, from the first week to the last. */
export const everyBlock: readonly PlanRule[] = [
  "weeks-1-3",
  "weeks-4-7",
  "weeks-8-11",
  "weeks-12-16",
  "weeks-17-20",
  "weeks-21-26",
  "weeks-27-31",
  "weeks-32-36",
  "weeks-37-41",
  "weeks-42-47",
].map((blockId) => ({ blockId, action: "do" }));
