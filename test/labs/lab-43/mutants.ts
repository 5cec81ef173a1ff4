import type { Mutant } from "../fixture.ts";

const of = "counting.js";
export const mutants: readonly Mutant[] = [
  { name: "bits in place of nats", of, from: "Math.log(c[i] / share)", to: "Math.log2(c[i] / share)", killedBy: "much wider" },
  { name: "no epsilon", of, from: "Math.max(count / values.length, epsilon)", to: "count / values.length", killedBy: "a bin empty in the reference" },
  {
    name: "epsilon added to every share",
    of,
    from: "Math.max(count / values.length, epsilon)",
    to: "count / values.length + epsilon",
    killedBy: "half a deviation to the right",
  },
  { name: "an edge belongs to the bin below", of, from: "x >= edges[bin]", to: "x > edges[bin]", killedBy: "values exactly on the edges" },
  { name: "missing values fall into the last bin", of, from: "counts[bins - 1]++", to: "counts[bins - 2]++", killedBy: "missing values grow" },
  {
    name: "missing values are left out of the whole",
    of,
    from: "count / values.length,",
    to: "count / values.filter((x) => x !== null && !Number.isNaN(x)).length,",
    killedBy: "missing values grow",
  },
  { name: "the floor counts every bin", of, from: "(bins - 1) * (1", to: "bins * (1", killedBy: "no drift, 100 rows" },
  {
    name: "the floor pools the samples",
    of,
    from: "1 / reference.length + 1 / current.length",
    to: "1 / (reference.length + current.length)",
    killedBy: "no drift, 100 rows",
  },
  { name: "one direction of the divergence", of, from: "(c[i] - share) * Math.log", to: "c[i] * Math.log", killedBy: "half a deviation to the right" },
];
