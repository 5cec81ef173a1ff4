import type { Role } from "./types.ts";

export const roles: readonly Role[] = [
  {
    id: "role-ml-engineer",
    title: "Machine-learning engineer",
    asks: "How is this model trained, deployed and run, reliably and at scale?",
    delivers: "production systems with promises of service",
    difference: "owns the whole life of a model, with depth in software and in learning",
    rows: [118],
  },
  {
    id: "role-data-scientist",
    title: "Data scientist",
    asks: "Why does this happen, and what will happen next?",
    delivers: "analyses, experiments, models as evidence",
    difference: "answers questions of the business; the code lives in analyses",
    rows: [118],
  },
  {
    id: "role-ai-engineer",
    title: "AI engineer",
    asks: "What product can be built on a foundation model?",
    delivers: "features on top of models others trained",
    difference: "quicker to enter and with more open roles, less mathematics, a lower ceiling",
    rows: [118],
  },
  {
    id: "role-mlops-engineer",
    title: "MLOps engineer",
    asks: "What do models run on?",
    delivers: "feature stores, pipelines, serving, monitoring",
    difference: "the platform part of the machine-learning engineer's work; track D",
    rows: [118],
  },
];
