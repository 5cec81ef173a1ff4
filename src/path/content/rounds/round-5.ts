import type { InterviewRound } from "../types.ts";

export const round5: InterviewRound = {
  id: "round-5-manager",
  ordinal: 5,
  title: "Hiring manager",
  asks: ["a model that failed in production", "when a model is ready"],
  steps: ["what happened, with times", "the cause", "what was done", "what changed since"],
  disqualifiers: ["no failure to tell of", "one proof of readiness in place of five"],
  topicIds: ["incident-response", "five-proofs", "owned-model"],
  rows: [105],
};
