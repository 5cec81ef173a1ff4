import type { Background } from "../types.ts";

const jump = "Implied by the start at week 8 and the jump to week 27; not said in so many words.";

export const dataScientist: Background = {
  id: "data-scientist",
  name: "Data scientist",
  experience: "2 years and more",
  strengths: "models and statistics",
  gaps: "production engineering: delivery, containers, serving, standards of code; probably algorithms",
  timelineClaimIds: ["time-a-scientist-lateral", "time-a-scientist-and-ai-faq"],
  conflictIds: ["conflict-scientist-time", "conflict-scientist-order"],
  rules: [
    { blockId: "weeks-1-3", action: "skip", claimId: "plan-a-scientist-start", note: jump },
    { blockId: "weeks-4-7", action: "skip", claimId: "plan-a-scientist-start", note: jump },
    { blockId: "weeks-8-11", action: "focus", claimId: "plan-a-scientist-start" },
    {
      blockId: "weeks-12-16",
      action: "focus",
      claimId: "plan-a-scientist-faq",
      conflictId: "conflict-scientist-order",
      note: "Placed after week 11 as one passage has it; the other names no week.",
    },
    { blockId: "weeks-17-20", action: "skip", claimId: "plan-a-scientist-start", note: jump },
    { blockId: "weeks-21-26", action: "skip", claimId: "plan-a-scientist-start", note: jump },
    { blockId: "weeks-27-31", action: "focus", claimId: "plan-a-scientist-start" },
    { blockId: "weeks-32-36", action: "do" },
    { blockId: "weeks-37-41", action: "do" },
    { blockId: "weeks-42-47", action: "do" },
  ],
  rows: [117],
};
