import { lab, page } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "cases";

export const cases: readonly Topic[] = [
  {
    id: "search-ranking",
    title: "Search ranking: position bias and clicks",
    area,
    treatment: ["built", "simulated"],
    places: [page("/path/drills"), lab(38)],
    depth: "Propensities are estimated from logs, and the ranking is judged with them.",
    labs: [38, 39],
    rows: [75],
  },
  {
    id: "fraud-detection",
    title: "Fraud in under 50 ms, with rare and late labels",
    area,
    treatment: ["built"],
    places: [page("/path/drills")],
    depth: "The deadline is split from the network to the rules, and quality is judged when labels arrive.",
    after: ["thresholds", "tail-latency"],
    labs: [39],
    rows: [76],
  },
  {
    id: "content-moderation",
    title: "Content moderation: text and image, code-switched Indic text",
    area,
    treatment: ["built", "simulated"],
    places: [page("/path/drills")],
    depth: "Scores of both kinds are joined, people review a queue, and each language is a slice.",
    labs: [39],
    names: ["multimodal", "code-switched text"],
    rows: [77],
  },
  {
    id: "demand-forecasting",
    title: "Demand forecasting",
    area,
    treatment: ["built", "simulated"],
    places: [page("/path/drills")],
    depth: "Backtests move their origin, and intervals hold what they promise.",
    labs: [39],
    rows: [78],
  },
];
