import type { Mutant } from "../fixture.ts";

const of = "plain.js";
export const mutants: readonly Mutant[] = [
  { name: "scores are not scaled", of, from: "/ Math.sqrt(h)", to: "/ 1", killedBy: "every token sees every token" },
  { name: "scaled by the width of the model", of, from: "/ Math.sqrt(h)", to: "/ Math.sqrt(d)", killedBy: "every token sees every token" },
  { name: "the next token is seen", of, from: "j <= i)", to: "j <= i + 1)", killedBy: "a token does not see the future" },
  { name: "a token does not see itself", of, from: "j <= i)", to: "j < i)", killedBy: "a token does not see the future" },
  { name: "the mask is on the looking token", of, from: "real[j] &&", to: "real[i] &&", killedBy: "padding at the end" },
  { name: "the maximum is not taken off", of, from: "Math.exp(score - top)", to: "Math.exp(score)", killedBy: "scores of thousands" },
  { name: "nothing to look at gives NaN", of, from: "if (top === -Infinity) return scores.map(() => 0);", to: "", killedBy: "nothing but padding" },
  { name: "masked scores are 0, not minus infinity", of, from: ": -Infinity;", to: ": 0;", killedBy: "padding at the end" },
  { name: "sine and cosine change places", of, from: "c % 2 === 0 ? Math.sin", to: "c % 2 === 1 ? Math.sin", killedBy: "positions" },
  { name: "each column has a frequency of its own", of, from: "(c - (c % 2)) / d", to: "c / d", killedBy: "positions" },
];
