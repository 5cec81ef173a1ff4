import { page, planned } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "platform";

export const platform: readonly Topic[] = [
  {
    id: "internal-platform",
    title: "An internal platform for a whole company: pipelines, registry, feature store",
    area,
    treatment: ["built"],
    places: [page("/"), planned],
    depth: "Several teams ship on it without asking its builders.",
    after: ["owned-model"],
    rows: [85],
  },
  {
    id: "gpu-hours",
    title: "GPU-hours by model, team and experiment",
    area,
    treatment: ["built"],
    places: [planned],
    depth: "The parts add up to the bill exactly.",
    labs: [46],
    rows: [86],
  },
  {
    id: "build-buy-fork",
    title: "Build, buy or fork: Triton, vLLM, Ray Serve, Kubeflow",
    area,
    treatment: ["built"],
    places: [planned],
    depth: "The decision is written down with its criteria, its weights and the day it will be looked at again.",
    rows: [87],
  },
  {
    id: "vendor-evaluation",
    title: "SageMaker, Vertex AI or self-hosted on EKS or GKE",
    area,
    treatment: ["built"],
    places: [planned],
    depth: "The break-even follows from prices anyone may change.",
    rows: [88],
  },
  {
    id: "platform-as-product",
    title: "The platform as a product for people inside",
    area,
    treatment: ["built"],
    places: [planned],
    depth: "Adoption and time to a first deployment are measured.",
    after: ["internal-platform"],
    rows: [89],
  },
];
