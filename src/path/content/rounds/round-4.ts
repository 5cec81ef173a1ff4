import type { InterviewRound } from "../types.ts";

export const round4: InterviewRound = {
  id: "round-4-research",
  ordinal: 4,
  title: "Depth and research",
  asks: ["two papers of the specialisation that were implemented"],
  steps: ["the problem", "the insight", "how it was validated", "its limits", "what to try next"],
  disqualifiers: ["the paper was read and not implemented"],
  topicIds: ["paper-implementation"],
  rows: [104],
};
