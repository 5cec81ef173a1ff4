import type { Background } from "../types.ts";

const offer = { offerPlacement: true, note: "No source says to skip it. Mathematics and models are the strength here, so a placement is offered." } as const;

export const academic: Background = {
  id: "academic",
  name: "Academic",
  experience: "master's or doctorate in machine learning",
  strengths: "mathematics and algorithms of learning",
  gaps: "production engineering: from correct to reliable",
  timelineClaimIds: ["time-a-academic-lateral", "time-a-academic-engineering"],
  conflictIds: [],
  rules: [
    { blockId: "weeks-1-3", action: "focus", claimId: "plan-a-academic-focus" },
    { blockId: "weeks-8-11", action: "focus", claimId: "plan-a-academic-focus" },
    { blockId: "weeks-12-16", action: "focus", claimId: "plan-a-academic-focus" },
    {
      blockId: "weeks-27-31",
      action: "do",
      note: "Serving follows the engineering here, ahead of what is known; the source names no order after the first months.",
    },
    { blockId: "weeks-4-7", action: "do", ...offer },
    { blockId: "weeks-17-20", action: "do", ...offer },
    { blockId: "weeks-21-26", action: "do", ...offer },
    { blockId: "weeks-32-36", action: "do" },
    { blockId: "weeks-37-41", action: "do" },
    { blockId: "weeks-42-47", action: "do" },
  ],
  rows: [117],
};
