import type { Track } from "../types.ts";

export const trackB: Track = {
  id: "track-b",
  letter: "B",
  title: "Language and language models",
  bestFor: "Who wants to work on language, Indian languages first.",
  employers: ["sarvam", "microsoft-research", "deepmind", "krutrim"],
  goDeep: [
    "fine-tuning BERT, T5, BART",
    "LoRA and QLoRA",
    "IndicBERT, MuRIL, Sarvam-1",
    "tokenisers for Indian languages",
    "flash attention, checkpointing, large batches",
    "RLHF and DPO",
  ],
  topicIds: ["fine-tuning", "alignment", "indic-language-models", "flash-attention", "accumulation-and-checkpointing"],
  bandClaimIds: ["pay-a-track-b"],
  rows: [116],
};
