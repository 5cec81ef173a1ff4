import { lab } from "../place.ts";
import type { Topic } from "../types.ts";

export const tuning: readonly Topic[] = [
  {
    id: "hyperparameter-search",
    title: "Optuna, Bayesian optimisation, population-based training",
    area: "tuning",
    treatment: ["built"],
    places: [lab(41)],
    depth: "The search beats random search over many seeds at the same number of evaluations, and trials can be resumed.",
    after: ["experiment-tracking"],
    labs: [41],
    names: ["Optuna", "Bayesian optimisation", "PBT"],
    rows: [44],
  },
];
