import type { Stage } from "../types.ts";

export const stage5: Stage = {
  id: "stage-5",
  ordinal: 5,
  title: "Senior, staff, principal",
  purpose: "To be measured by what others ship because of one's platform, teaching and decisions.",
  months: { from: 36 },
  calendar: "year 3 and after",
  blocks: [],
  topicIds: [
    "internal-platform",
    "platform-as-product",
    "gpu-cluster-strategy",
    "gpu-hours",
    "build-buy-fork",
    "vendor-evaluation",
    "data-protection",
    "model-risk",
    "engineering-leadership",
    "public-brand",
  ],
  exit: {
    id: "exit-stage-5",
    text: "A slice of a platform or product owned from end to end, and a name in the launches of systems one wrote no line of.",
    provable: "none",
    predicateIds: [],
    attestations: [
      { id: "attest-ownership", text: "They own a slice of a platform or product line." },
      { id: "attest-influence", text: "They are named in launches they did not code." },
    ],
  },
  portfolio: ["Platform launches across teams with their measured effect", "Talks at conferences", "Published writing on architecture"],
  skills: ["platform architecture", "leadership", "GPU strategy", "cost of machine learning", "a public name"],
  unlock: "staff and principal roles",
  unlockClaimIds: ["unlock-a-stage-5-staff", "unlock-a-stage-5-principal", "unlock-a-stage-5-top"],
  rows: [108, 113, 114, 115],
};
