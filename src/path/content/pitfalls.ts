import type { Pitfall } from "./types.ts";

const pitfall = (id: string, title: string, why: string, sign: string): Pitfall => ({ id, title, why, sign, rows: [106] });

export const pitfalls: readonly Pitfall[] = [
  pitfall(
    "notebook-grade-code",
    "Treating the role as much learning and little engineering",
    "The bar for code is that of a senior software engineer.",
    "Training runs that no pipeline started, so nobody can repeat them.",
  ),
  pitfall(
    "skipped-mathematics",
    "Skipping the mathematics",
    "Every deep round asks for a derivation, and it cannot be faked.",
    "Weeks 4 to 7 claimed as known, with no lab passed.",
  ),
  pitfall(
    "accuracy-as-success",
    "Taking accuracy for success in production",
    "A better model with skew loses to a weaker one that is watched.",
    "A champion whose served vectors were never compared with offline ones.",
  ),
  pitfall(
    "no-algorithms",
    "Leaving out algorithms",
    "The coding round comes first and is a software engineer's.",
    "No lab of weeks 12 to 16 passed while the plan is past them.",
  ),
  pitfall(
    "monitoring-afterwards",
    "Adding monitoring after the model is live",
    "The first drift then goes unseen for weeks.",
    "A version promoted before its monitors were recorded, or with that proof waived.",
  ),
  pitfall("no-scale", "Underestimating scale", "A laptop's latency says nothing of the tail under load.", "No load test stored for a version that is live."),
  pitfall(
    "no-feature-store",
    "Not knowing what a feature store solves",
    "Skew between training and serving fails silently.",
    "Features computed in two places, so that offline and served values differ.",
  ),
  pitfall(
    "breadth-or-depth-only",
    "Only depth, or only breadth",
    "The combination is what is hired.",
    "A track begun with stage 2 unproved, or stage 3 proved with no track begun.",
  ),
];
