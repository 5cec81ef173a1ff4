import { planned } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "language";

export const language: readonly Topic[] = [
  {
    id: "fine-tuning",
    title: "Fine-tuning BERT, T5, BART; LoRA and QLoRA",
    area,
    treatment: ["driven", "simulated"],
    places: [planned],
    depth: "A merged adapter answers as the unmerged one does.",
    after: ["transformers"],
    labs: [46],
    rows: [79],
  },
  {
    id: "alignment",
    title: "DPO, reward models, RLHF",
    area,
    treatment: ["simulated"],
    places: [planned],
    depth: "The gradients of the losses are derived and checked.",
    after: ["fine-tuning"],
    rows: [80],
  },
  {
    id: "indic-language-models",
    title: "Indic models and tokenisers: IndicBERT, MuRIL, Sarvam-1",
    area,
    treatment: ["built", "simulated"],
    places: [planned],
    depth: "A tokeniser loses nothing on mixed scripts, and its tokens a word are known per language.",
    labs: [46],
    rows: [81],
  },
];
