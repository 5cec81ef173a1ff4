import { expect, test } from "vitest";
import { figuresOf, nameInWords } from "./proof-figures.ts";

test("a proof's figures are named and measured in words, and its summary is not repeated", () => {
  const details = {
    summary: "said above",
    candidateAuc: 0.68201,
    candidateLatency: { p95Us: 152, count: 2266 },
    oldestUs: 986_083_560_000_000,
    inForceMs: 51,
    comparedWithChampion: null,
    overall: { ece: { value: 0.0111, low: 0.0082, high: 0.0139 }, numRows: 45_156 },
    before: [2, 2, 2, 2, 2, 1],
    during: [],
  };
  expect(figuresOf(details)).toEqual([
    ["candidate AUC", "0.682"],
    ["candidate latency: p95", "0.15 ms"],
    ["candidate latency: count", "2,266"],
    ["oldest", "1 Apr 2001 00:06 UTC"],
    ["in force", "51 ms"],
    ["compared with champion", "–"],
    ["overall: ECE", "0.0111 (0.0082 to 0.0139)"],
    ["overall: rows", "45,156"],
    ["before", "5 times 2, 1"],
    ["during", "none"],
  ]);
});

test("rehearsals are a line each", () => {
  const rehearsals = [
    { name: "healthy", expected: "silence", passed: true, raised: [] },
    { name: "shifted", expected: "drift", passed: false, raised: [{ kind: "drift", summary: "PSI 7" }], slot: "x.mean_6h" },
  ];
  expect(figuresOf({ rehearsals })).toEqual([
    ["rehearsals: healthy", "expected silence, passed, nothing raised"],
    ["rehearsals: shifted", "expected drift, not passed, raised PSI 7, slot x.mean_6h"],
  ]);
});

test("a policy's bounds say on which side they lie", () => {
  expect(["minAuc", "maxEce", "maxAucLoss", "abShare", "psiBand", "minMaturedAb"].map(nameInWords)).toEqual([
    "AUC at least",
    "ECE at most",
    "AUC loss at most",
    "A/B share",
    "PSI band",
    "matured A/B at least",
  ]);
});
