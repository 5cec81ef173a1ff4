import { planned } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "mathematics";

export const mathematics: readonly Topic[] = [
  {
    id: "linear-algebra",
    title: "Singular values, eigenvalues, norms, covariance",
    area,
    treatment: ["simulated"],
    places: [planned],
    depth: "A solver of one's own holds on repeated values, lost rank and bad condition.",
    labs: [4, 5],
    rows: [95],
  },
  {
    id: "calculus",
    title: "Gradients, chain rule, Jacobians, Hessians",
    area,
    treatment: ["simulated"],
    places: [planned],
    depth: "A gradient derived by hand agrees with finite differences.",
    labs: [7, 30],
    rows: [96],
  },
  {
    id: "probability",
    title: "Likelihood, Bayes, and the distributions behind losses",
    area,
    treatment: ["simulated"],
    places: [planned],
    depth: "Estimates are derived for each distribution, edge cases included.",
    labs: [8],
    rows: [97],
  },
  {
    id: "information-theory",
    title: "Entropy, divergence, mutual information",
    area,
    treatment: ["simulated"],
    places: [planned],
    depth: "Values hold where a probability is zero, and units are said.",
    labs: [9],
    rows: [98],
  },
  {
    id: "pca-from-scratch",
    title: "PCA from scratch, with the mathematics written out",
    area,
    treatment: ["simulated"],
    places: [planned],
    depth: "The projection equals the reference whatever the signs, and the write-up says why.",
    after: ["linear-algebra"],
    labs: [6],
    rows: [99],
  },
  {
    id: "derivations-on-demand",
    title: "Cross-entropy, least squares and a backpropagation step within 20 minutes",
    area,
    treatment: ["simulated"],
    places: [planned],
    depth: "Derived with fresh numbers against the clock, every time.",
    after: ["linear-models", "backpropagation", "logistic-regression"],
    labs: [23, 25, 30],
    rows: [100],
  },
];
