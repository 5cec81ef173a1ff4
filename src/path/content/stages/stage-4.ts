import type { Stage } from "../types.ts";

export const stage4: Stage = {
  id: "stage-4",
  ordinal: 4,
  title: "Specialisation",
  purpose: "One track, deep enough to be asked first.",
  months: { from: 12, to: 36 },
  calendar: "years 2 to 3",
  blocks: [],
  topicIds: ["paper-implementation", "open-source"],
  exit: {
    id: "exit-stage-4",
    text: "The one who is called when a system of the specialisation burns; two papers of the track implemented; an opinion on where the field stands.",
    provable: "partial",
    predicateIds: [],
    attestations: [
      {
        id: "attest-papers",
        text: "Two papers are implemented, each with its claims reproduced or the gaps explained: interview round 4 keeps them, as a word.",
      },
      { id: "attest-called", text: "The team calls this person when a system of the specialisation fails." },
      { id: "attest-opinion", text: "They hold an opinion on the field that peers find worth hearing." },
    ],
  },
  portfolio: ["Two papers implemented with public write-ups", "A project of six months in the track"],
  skills: ["depth in one track", "the habit of implementing papers", "technical writing", "interviews at the highest level"],
  unlock: "senior roles in the specialisation",
  unlockClaimIds: ["unlock-a-stage-4"],
  rows: [108, 112, 114, 115],
};
