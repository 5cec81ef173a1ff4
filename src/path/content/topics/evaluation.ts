import { page, planned } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "evaluation";

export const evaluation: readonly Topic[] = [
  {
    id: "evaluation-framework",
    title: "A rigorous evaluation framework",
    area,
    treatment: ["built"],
    places: [page("/models")],
    depth: "Slices, intervals, a baseline and a check for leaks stand beside every headline figure.",
    labs: [12],
    rows: [45],
  },
  {
    id: "ab-testing",
    title: "A/B testing",
    area,
    treatment: ["built"],
    places: [page("/models"), page("/monitoring")],
    depth: "A running comparison may be looked at after every label without raising false alarms, and a broken split is noticed.",
    after: ["evaluation-framework"],
    rows: [46],
  },
  {
    id: "shadow-mode",
    title: "Shadow mode",
    area,
    treatment: ["built"],
    places: [page("/models"), page("/serving")],
    depth: "A version scores every live question, answers none and slows nobody.",
    after: ["evaluation-framework"],
    rows: [47],
  },
  {
    id: "metric-design",
    title: "Designing metrics with data scientists",
    area,
    treatment: ["built"],
    places: [planned],
    depth: "A metric has an owner, a definition and a version.",
    rows: [48],
  },
];
