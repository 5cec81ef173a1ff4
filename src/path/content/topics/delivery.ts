import { command, page, planned } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "delivery";

export const delivery: readonly Topic[] = [
  {
    id: "experiment-tracking",
    title: "Experiment tracking: MLflow, Weights & Biases",
    area,
    treatment: ["built"],
    places: [page("/runs"), planned],
    depth: "Any figure that was reported leads to a run with its parameters, metrics and artifacts.",
    names: ["MLflow", "W&B"],
    rows: [14],
  },
  {
    id: "delivery-for-models",
    title: "CI/CD for models: tests, schema checks, evaluation gates, promotion",
    area,
    treatment: ["built"],
    places: [page("/models"), command("karkhana train")],
    depth: "A candidate is measured against the champion on the same rows, and the decision and its reason are kept.",
    after: ["experiment-tracking", "data-assertions"],
    labs: [12],
    rows: [15],
  },
  {
    id: "five-proofs",
    title: "Readiness as five proofs: offline evaluation, shadow, A/B, monitors, rollback",
    area,
    treatment: ["built"],
    places: [page("/models"), command("karkhana promote")],
    depth: "A promotion is refused while one of the five is missing, and says which.",
    after: ["delivery-for-models", "monitors-before-deployment"],
    rows: [16],
  },
  {
    id: "champion-challenger",
    title: "Champion and challenger",
    area,
    treatment: ["built"],
    places: [page("/models"), page("/monitoring")],
    depth: "Two versions answer live questions, late labels decide between them, and the loser leaves by itself.",
    after: ["five-proofs"],
    rows: [17],
  },
  {
    id: "mlops-repository",
    title: "A whole MLOps pipeline as a repository",
    area,
    treatment: ["built"],
    places: [command("karkhana init"), planned],
    depth: "Someone else clones it and gets the same system with one command.",
    after: ["reproducible-pipeline"],
    rows: [18],
  },
];
