import { page, planned, reading } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "practice";

export const practice: readonly Topic[] = [
  {
    id: "tested-order",
    title: "Fifty topics that matter out of three hundred, in order, with tested depth",
    area,
    treatment: ["built"],
    places: [{ kind: "command", command: "karkhana path" }],
    depth: "Every topic has its prerequisites and a check that shows the depth.",
    rows: [10],
  },
  {
    id: "system-design",
    title: "Designing a system from requirements to monitoring",
    area,
    treatment: ["simulated"],
    places: [page("/path/drills")],
    depth: "The eight steps are walked in order and the arithmetic carries through.",
    labs: [39],
    rows: [103],
  },
  {
    id: "paper-implementation",
    title: "Implementing papers and discussing them",
    area,
    treatment: ["built"],
    places: [page("/path/drills")],
    depth: "Each claim of the paper is reproduced or its gap explained.",
    rows: [104],
  },
  {
    id: "open-source",
    title: "Contributing: Transformers, PyTorch examples, LightGBM, Feast, Ray, Triton",
    area,
    treatment: ["explained", "built"],
    places: [page("/path/portfolio")],
    depth: "A log of contributions with links, marked as not checked while offline.",
    names: ["PRs"],
    rows: [119],
  },
  {
    id: "engineering-leadership",
    title: "Proposals, code review, mentoring, hiring panels",
    area,
    treatment: ["built", "explained"],
    places: [planned],
    depth: "Proposals and reviews are on record; the rest is other people's word.",
    names: ["RFC", "code review", "bar-raiser panels"],
    rows: [120],
  },
  {
    id: "public-brand",
    title: "One talk a year, one article a quarter, a profile built on shipped work",
    area,
    treatment: ["explained"],
    places: [reading],
    depth: "A habit that a person reports and nobody can check here.",
    names: ["Bangalore ML meetup", "Fifth Elephant", "NeurIPS", "LinkedIn"],
    rows: [121],
  },
];
