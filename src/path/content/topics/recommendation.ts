import { lab, page, planned } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "recommendation";

export const recommendation: readonly Topic[] = [
  {
    id: "retrieval-and-ranking",
    title: "Two-tower retrieval, a ranker, business rules; catalogues of a billion",
    area,
    treatment: ["built", "simulated"],
    places: [page("/path/drills")],
    depth: "Each of the three stages has its own latency and recall.",
    after: ["nearest-neighbours"],
    labs: [39],
    rows: [70],
  },
  {
    id: "nearest-neighbours",
    title: "Approximate neighbours: FAISS, ScaNN, HNSW, LSH",
    area,
    treatment: ["built"],
    places: [lab(20)],
    depth: "Recall is bought with distances counted, not with time on one machine.",
    labs: [20, 21],
    rows: [71],
  },
  {
    id: "deep-ranking",
    title: "Wide & Deep, DIN, DIEN",
    area,
    treatment: ["simulated"],
    places: [planned],
    depth: "Small reference models on made-up logs show what each architecture adds.",
    after: ["retrieval-and-ranking"],
    rows: [72],
  },
  {
    id: "multi-task-ranking",
    title: "Many tasks at once: click, purchase, revenue",
    area,
    treatment: ["built", "simulated"],
    places: [planned],
    depth: "Each task keeps its own figure, and the trade between them is stated.",
    after: ["deep-ranking"],
    rows: [73],
  },
  {
    id: "bandits",
    title: "Contextual bandits and Thompson sampling",
    area,
    treatment: ["built"],
    places: [planned],
    depth: "Regret over many seeds stays near the reference, and a policy can be judged from logs.",
    after: ["probability"],
    labs: [46],
    rows: [74],
  },
];
