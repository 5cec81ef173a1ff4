import type { EmployerSignal } from "./types.ts";

const titles = [
  ["owned-in-production", "A model owned in production from end to end, with monitoring and retraining"],
  ["strong-algorithms", "Strong algorithms: the coding rounds are a software engineer's"],
  ["design-at-scale", "Fluency in system design at the largest scale"],
  ["mathematical-depth", "Mathematical depth: deriving, not calling"],
  ["two-papers", "Two papers of the specialisation implemented"],
  ["open-source-contributions", "Contributions to the field's open source"],
  ["certificates", "Certificates, least of all"],
] as const;

/** In the order of Source A, the first weighing most. */
export const signals: readonly EmployerSignal[] = titles.map(([id, title], i) => ({ id: `signal-${id}`, rank: i + 1, title, rows: [107] }));
