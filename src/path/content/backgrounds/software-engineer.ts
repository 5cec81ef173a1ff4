import type { Background } from "../types.ts";

export const softwareEngineer: Background = {
  id: "software-engineer",
  name: "Software engineer",
  experience: "2 to 3 years of Python, Java or Go",
  strengths: "production engineering",
  gaps: "the mathematics and the field of machine learning",
  timelineClaimIds: ["time-a-engineer-lateral", "time-a-engineer-header"],
  conflictIds: ["conflict-engineer-time", "conflict-engineer-skips"],
  rules: [
    { blockId: "weeks-1-3", action: "skip", claimId: "plan-a-engineer-lateral-skip" },
    { blockId: "weeks-4-7", action: "focus", claimId: "plan-a-engineer-focus" },
    { blockId: "weeks-8-11", action: "skip", claimId: "plan-a-engineer-lateral-skip" },
    {
      blockId: "weeks-12-16",
      action: "partial",
      claimId: "plan-a-engineer-lateral-skip",
      conflictId: "conflict-engineer-skips",
      note: "Which part is not said: labs 13 to 22 decide, and what they do not show stays in the plan.",
    },
    { blockId: "weeks-17-20", action: "focus", claimId: "plan-a-engineer-focus" },
    { blockId: "weeks-21-26", action: "focus", claimId: "plan-a-engineer-focus" },
    { blockId: "weeks-27-31", action: "focus", claimId: "plan-a-engineer-focus" },
    { blockId: "weeks-32-36", action: "focus", claimId: "plan-a-engineer-focus" },
    { blockId: "weeks-37-41", action: "do" },
    { blockId: "weeks-42-47", action: "do" },
  ],
  rows: [117],
};
