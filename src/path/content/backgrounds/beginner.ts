import type { Background } from "../types.ts";
import { everyBlock } from "./every-block.ts";

export const beginner: Background = {
  id: "beginner",
  name: "Beginner",
  experience: "none asked",
  strengths: "none assumed",
  gaps: "everything here, from the first week",
  timelineClaimIds: ["time-a-zero"],
  conflictIds: ["conflict-weeks-and-months"],
  rules: everyBlock,
  rows: [117],
};
