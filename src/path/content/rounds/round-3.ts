import type { InterviewRound } from "../types.ts";

export const round3: InterviewRound = {
  id: "round-3-design",
  ordinal: 3,
  title: "System design",
  asks: ["recommendation", "fraud", "search ranking", "content moderation", "demand forecasting"],
  steps: ["requirements", "problem formulation", "data pipeline", "features", "model", "training pipeline", "serving", "evaluation and monitoring"],
  disqualifiers: ["no idea of production scale", "no answer to what a feature store is for", "monitoring left for later"],
  topicIds: ["system-design", "capacity-planning", "feature-stores"],
  rows: [103],
};
