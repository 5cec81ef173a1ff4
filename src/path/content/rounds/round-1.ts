import type { InterviewRound } from "../types.ts";

export const round1: InterviewRound = {
  id: "round-1-coding",
  ordinal: 1,
  title: "Coding",
  minutes: { from: 45, to: 60 },
  asks: [
    "medium to hard problems, as a software engineer gets them",
    "two pointers and windows, trees and graphs, dynamic programming, search on the answer, heaps",
  ],
  steps: ["solve it", "state its cost", "tie it to machine learning"],
  disqualifiers: ["no preparation because the role is not called software engineer"],
  topicIds: ["interview-algorithms", "problem-counts", "algorithms-in-machine-learning"],
  rows: [101],
};
