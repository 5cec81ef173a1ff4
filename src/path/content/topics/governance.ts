import { planned } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "governance";

export const governance: readonly Topic[] = [
  {
    id: "data-protection",
    title: "India's data protection act (DPDPA)",
    area,
    treatment: ["built"],
    places: [planned],
    depth: "Purpose, consent and retention are on record, and an erasure reaches features and models.",
    rows: [90],
  },
  {
    id: "model-risk",
    title: "Model risk management in banking and health",
    area,
    treatment: ["built"],
    places: [planned],
    depth: "Every model is in an inventory with its tier, its validation and its approvals.",
    names: ["BFSI", "healthcare"],
    rows: [91],
  },
];
