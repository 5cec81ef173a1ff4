import type { Track } from "../types.ts";

export const trackA: Track = {
  id: "track-a",
  letter: "A",
  title: "Recommendation at large scale",
  bestFor: "Who wants to build what shops, food delivery, fantasy sport and streaming run on.",
  employers: ["flipkart", "swiggy", "meesho", "dream11", "hotstar", "nykaa", "amazon"],
  goDeep: [
    "two-tower retrieval over a billion items",
    "trade-offs of approximate neighbours",
    "Wide & Deep, DIN, DIEN",
    "click, purchase and revenue at once",
    "contextual bandits, Thompson sampling",
    "features in real time with Kafka and Flink",
  ],
  topicIds: ["retrieval-and-ranking", "nearest-neighbours", "deep-ranking", "multi-task-ranking", "bandits", "search-ranking", "streaming-features"],
  bandClaimIds: ["pay-a-track-a"],
  rows: [116],
};
