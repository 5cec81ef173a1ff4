import { planned } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "distributed";

export const distributed: readonly Topic[] = [
  {
    id: "distributed-training",
    title: "DDP, ZeRO, DeepSpeed, Megatron-LM, tensor and pipeline parallelism; many GPUs, many nodes",
    area,
    treatment: ["simulated", "driven"],
    places: [planned],
    depth: "Given a model and GPUs, one can say what fits, what travels and how much.",
    after: ["deep-frameworks"],
    labs: [42],
    rows: [40],
  },
  {
    id: "accumulation-and-checkpointing",
    title: "Gradient accumulation and checkpointing",
    area,
    treatment: ["built", "simulated"],
    places: [planned],
    depth: "The accumulated gradient equals that of the large batch.",
    after: ["autograd"],
    labs: [42],
    rows: [41],
  },
  {
    id: "kubernetes-for-gpus",
    title: "Kubernetes for GPUs: selectors, MIG, MCAD",
    area,
    treatment: ["simulated", "driven"],
    places: [planned],
    depth: "Jobs that need several devices at once get all or none, and nobody starves.",
    labs: [46],
    rows: [42],
  },
  {
    id: "gpu-cluster-strategy",
    title: "GPU clusters: strategy, tenancy, fair scheduling",
    area,
    treatment: ["built"],
    places: [planned],
    depth: "Quotas, dominant-resource fairness and preemption are stated, and their effect is reported.",
    after: ["kubernetes-for-gpus"],
    labs: [46],
    rows: [43],
  },
];
