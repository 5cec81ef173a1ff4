import type { Mutant } from "../fixture.ts";

const of = "tables.js";
export const mutants: readonly Mutant[] = [
  { name: "propensities from all pages", of, from: "if (!shuffled) continue;", to: "", killedBy: "pages of five, one in four shuffled" },
  { name: "propensities are not divided by the top's", of, from: "count / views[p] / top", to: "count / views[p]", killedBy: "a steep page" },
  { name: "no floor", of, from: "Math.max(floor, count / views[p] / top)", to: "count / views[p] / top", killedBy: "the floor holds" },
  { name: "a position that was never shuffled counts whole", of, from: "return floor;", to: "return 1;", killedBy: "a position that was never shuffled" },
  { name: "no click at the top divides by zero", of, from: "if (top === 0) return 1;", to: "", killedBy: "no shuffled click at the top" },
  { name: "clicks count as they are", of, from: "+= 1 / propensities[position]", to: "+= 1", killedBy: "pages of five, one in four shuffled" },
  { name: "weighted by the propensity, not by its inverse", of, from: "1 / propensities[position]", to: "propensities[position]", killedBy: "a steep page" },
  {
    name: "only clicked impressions are counted",
    of,
    from: "sums[query][doc].count++;",
    to: "if (click) sums[query][doc].count++;",
    killedBy: "pages of five, one in four shuffled",
  },
  {
    name: "a doc is the same for every query",
    of,
    from: "sums[query] ??= {};",
    to: 'sums[query] ??= sums["shoes"] ?? {};',
    killedBy: "two queries share a doc",
  },
  { name: "worst first", of, from: "relevance[query][b] - relevance[query][a]", to: "relevance[query][a] - relevance[query][b]", killedBy: "a steep page" },
];
