import type { InterviewRound } from "../types.ts";

export const round2: InterviewRound = {
  id: "round-2-fundamentals",
  ordinal: 2,
  title: "Fundamentals",
  asks: [
    "backpropagation derived",
    "L1 against L2 and the priors they stand for",
    "training loss falls and validation loss rises after epoch 5: why, and what now",
  ],
  steps: ["derive it in writing", "check it with numbers"],
  disqualifiers: ["cross-entropy, least squares or one backpropagation step cannot be derived", "analogies in place of a derivation"],
  topicIds: ["backpropagation", "regularisation-as-prior", "reading-loss-curves", "derivations-on-demand"],
  rows: [102],
};
