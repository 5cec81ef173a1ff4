import type { Track } from "../types.ts";

export const trackD: Track = {
  id: "track-d",
  letter: "D",
  title: "MLOps and platforms",
  bestFor: "Who wants to own what models run on.",
  employers: ["microsoft", "adobe", "walmart", "razorpay", "phonepe"],
  goDeep: [
    "feature store, registry and pipelines for a company",
    "GPU clusters: Kubeflow, MIG, MCAD",
    "DeepSpeed, Megatron-LM, ZeRO",
    "compression as a system",
    "GPU-hours attributed",
    "the platform as a product",
  ],
  topicIds: [
    "internal-platform",
    "kubernetes-for-gpus",
    "gpu-cluster-strategy",
    "distributed-training",
    "distillation-and-pruning",
    "gpu-hours",
    "platform-as-product",
  ],
  bandClaimIds: ["pay-a-track-d"],
  rows: [116],
};
