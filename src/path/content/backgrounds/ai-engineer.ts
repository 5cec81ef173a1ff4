import type { Background } from "../types.ts";

const offer = { offerPlacement: true, note: "No source says to skip it. Production engineering is the strength here, so a placement is offered." } as const;

export const aiEngineer: Background = {
  id: "ai-engineer",
  name: "AI engineer",
  experience: "1 to 2 years on foundation models",
  strengths: "production engineering",
  gaps: "mathematics, and training models of one's own",
  timelineClaimIds: ["time-a-ai-engineer-lateral", "time-a-scientist-and-ai-faq"],
  conflictIds: ["conflict-ai-engineer-time"],
  rules: [
    { blockId: "weeks-1-3", action: "do", ...offer },
    { blockId: "weeks-4-7", action: "focus", claimId: "plan-a-ai-engineer-focus" },
    { blockId: "weeks-8-11", action: "do", ...offer },
    { blockId: "weeks-12-16", action: "do" },
    { blockId: "weeks-17-20", action: "do" },
    { blockId: "weeks-21-26", action: "focus", claimId: "plan-a-ai-engineer-focus" },
    { blockId: "weeks-27-31", action: "do", ...offer },
    { blockId: "weeks-32-36", action: "do" },
    {
      blockId: "weeks-37-41",
      action: "focus",
      claimId: "plan-a-ai-engineer-focus",
      note: "The source says training pipelines and gives no week; the block of that name is this one.",
    },
    { blockId: "weeks-42-47", action: "do" },
  ],
  rows: [117],
};
