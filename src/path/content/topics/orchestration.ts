import { command, lab, page } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "orchestration";

export const orchestration: readonly Topic[] = [
  {
    id: "dag-pipelines",
    title: "Pipelines as graphs: Airflow, Metaflow, Kubeflow, Vertex AI Pipelines",
    area,
    treatment: ["built", "driven"],
    places: [page("/pipelines"), lab(11)],
    depth: "A pipeline killed at any step goes on from the last finished one and repeats no effect.",
    after: ["reproducible-pipeline"],
    labs: [11],
    rows: [11],
  },
  {
    id: "orchestration-in-production",
    title: "Orchestrators in production: concurrency, catch-up, sensors, deadlines",
    area,
    treatment: ["built", "driven"],
    places: [lab(11)],
    depth: "Limits, deadlines and catch-up are declared, and each task has its own log and resources.",
    after: ["dag-pipelines"],
    labs: [11],
    rows: [12],
  },
  {
    id: "daily-training-pipelines",
    title: "Training pipelines as the daily job",
    area,
    treatment: ["built"],
    places: [page("/runs"), command("karkhana train")],
    depth: "One page leads from the data of a run to its features, its training, its evaluation and its registered version.",
    after: ["dag-pipelines"],
    rows: [13],
  },
];
