import type { Source } from "./types.ts";

export const sources: readonly Source[] = [
  {
    id: "source-a",
    name: "Source A (roadmap, May 2026)",
    asOf: "2026-05",
    note: "A roadmap for machine-learning engineers in India; its count of open roles is dated May 2026, the rest 2026.",
  },
  {
    id: "source-b",
    name: "Source B (career page, 2026)",
    asOf: "2026",
    note: "A career page on the machine-learning and AI engineer in India; dated by year only.",
  },
  { id: "karkhana", name: "Karkhana", asOf: "2026-11", note: "What this project adds, and what it had to decide where the sources leave something open." },
];
