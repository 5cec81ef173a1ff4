import { command, page, planned } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "retraining";

export const retraining: readonly Topic[] = [
  {
    id: "retraining-strategies",
    title: "Retraining: scheduled, triggered, continuous, champion and challenger",
    area,
    treatment: ["built"],
    places: [command("karkhana run"), page("/pipelines"), planned],
    depth: "Each policy has guard rails, and its cost was worked out on a year of drift.",
    after: ["champion-challenger"],
    labs: [45],
    rows: [68],
  },
  {
    id: "owned-model",
    title: "A model of one's own with monitoring and retraining",
    area,
    treatment: ["built"],
    places: [page("/"), page("/models")],
    depth: "The records say who deployed it, who was called, who retrained it and who rolled it back.",
    after: ["retraining-strategies", "rollback-runbook"],
    rows: [69],
  },
];
