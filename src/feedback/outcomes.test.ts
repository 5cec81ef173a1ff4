import { describe, expect, it } from "vitest";

import type { MaturedPrediction } from "./join.ts";
import { ComparedOutcomes } from "./outcomes.ts";

function matured(id: string, version: number, score: number, label: 0 | 1, askedUs = 100): MaturedPrediction {
  const prediction = {
    id,
    model: "m",
    version,
    role: "champion" as const,
    askedUs,
    servedUs: askedUs,
    score,
    vector: new Float64Array(0),
    serviceHash: "s",
    fields: {},
    latencyUs: 1,
  };
  return { prediction, label, knownUs: askedUs + 1 };
}

describe("outcomes of two versions", () => {
  it("pair what both answered and set apart what one of them answered", () => {
    const outcomes = new ComparedOutcomes({ champion: 1, challenger: 2, fromUs: 0 });
    for (const m of [matured("a", 1, 0.1, 0), matured("b", 2, 0.8, 1), matured("a", 2, 0.2, 0), matured("c", 1, 0.3, 1), matured("d", 3, 0.9, 1)])
      outcomes.add(m);
    expect(outcomes.pairs()).toEqual({ labels: Uint8Array.of(0), champion: Float64Array.of(0.1), challenger: Float64Array.of(0.2) });
    expect(outcomes.arms()).toEqual({
      champion: { labels: Uint8Array.of(1), scores: Float64Array.of(0.3) },
      challenger: { labels: Uint8Array.of(1), scores: Float64Array.of(0.8) },
    });
  });

  it("leave out what was asked before the comparison began, and take a correction's label", () => {
    const outcomes = new ComparedOutcomes({ champion: 1, challenger: 2, fromUs: 100 });
    outcomes.add(matured("early", 1, 0.1, 1, 99));
    outcomes.add(matured("a", 1, 0.4, 1));
    outcomes.add({ ...matured("a", 1, 0.4, 0), replaces: 1 });
    expect(outcomes.arms().champion).toEqual({ labels: Uint8Array.of(0), scores: Float64Array.of(0.4) });
  });
});
