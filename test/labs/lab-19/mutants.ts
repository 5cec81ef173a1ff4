import type { Mutant } from "../fixture.ts";

const of = "sorted.js";
export const mutants: readonly Mutant[] = [
  { name: "greedy whatever the width", of, from: "candidates.slice(0, width)", to: "candidates.slice(0, 1)", killedBy: "greedy walks into a trap" },
  {
    name: "a finished list is extended",
    of,
    from: "if (done(h)) candidates.push(h);",
    to: "if (h.never) candidates.push(h);",
    killedBy: "the sentence that ends at once",
  },
  {
    name: "finished lists are forgotten",
    of,
    from: "if (done(h)) candidates.push(h);",
    to: "if (done(h)) continue;",
    killedBy: "the sentence that ends at once",
  },
  {
    name: "of equal totals the larger list",
    of,
    from: "b.total - a.total || before(a.tokens, b.tokens)",
    to: "b.total - a.total || before(b.tokens, a.tokens)",
    killedBy: "all equal",
  },
  { name: "no length normalisation", of, from: "h.total / Math.pow(h.tokens.length, alpha)", to: "h.total", killedBy: "length counts" },
  { name: "stops when the first list is finished", of, from: "beam.every(done)", to: "beam.some(done)", killedBy: "length counts" },
  { name: "impossible tokens are candidates", of, from: "p > -Infinity && candidates.push", to: "candidates.push", killedBy: "impossible tokens" },
  {
    name: "scores again for every token",
    of,
    from: "else score(h.tokens).forEach",
    to: "else score(h.tokens).map((_, t) => score(h.tokens)[t]).forEach",
    killedBy: "width 4",
  },
  { name: "multiplies logarithms", of, from: "total: h.total + p", to: "total: (h.total || -1) * -p", killedBy: "greedy walks into a trap" },
  { name: "one round too few", of, from: "round < maxLength", to: "round < maxLength - 1", killedBy: "greedy walks into a trap" },
];
