import type { Background } from "../types.ts";
import { everyBlock } from "./every-block.ts";

export const nonTech: Background = {
  id: "non-tech",
  name: "From outside technology",
  experience: "business, commerce or science, with quantitative aptitude",
  strengths: "a field of their own and numbers",
  gaps: "everything here; the way leads through two other roles",
  before: { title: "Data analyst, then data scientist", claimId: "time-a-non-tech-step" },
  timelineClaimIds: ["time-a-non-tech-lateral", "time-a-zero"],
  conflictIds: ["conflict-non-tech-time", "conflict-non-tech-steps"],
  rules: everyBlock.map((rule) => ({ ...rule, claimId: "plan-a-non-tech-order" })),
  rows: [117],
};
