import type { Mutant } from "../fixture.ts";

const of = "neighbour-graph.js";
export const mutants: readonly Mutant[] = [
  { name: "looks at every point", of, from: "look(starts);", to: "look(points.map((_, id) => id));", killedBy: "a cloud" },
  { name: "looks at every point of clusters", of, from: "look(starts);", to: "look(points.map((_, id) => id));", killedBy: "clusters" },
  { name: "gives up after two steps", of, from: "for (;;) {", to: "for (let step = 0; step < 2; step++) {", killedBy: "a cloud" },
  { name: "one start and no long links", of, from: "look(starts);", to: "links.forEach((list) => list.splice(0, 2));\n    look([0]);", killedBy: "clusters" },
  {
    name: "farthest first",
    of,
    from: "found.slice(0, k).map(({ id }) => id)",
    to: "found.slice(0, k).map(({ id }) => id).reverse()",
    killedBy: "one dimension",
  },
  {
    name: "pads a short list",
    of,
    from: "found.slice(0, k).map(({ id }) => id)",
    to: "Array.from({ length: k }, (_, i) => found[i]?.id ?? 0)",
    killedBy: "fewer points than k",
  },
  {
    name: "asks again for what it has seen",
    of,
    from: "const values = distances(query, fresh);",
    to: "distances(query, ids);\n      const values = distances(query, fresh);",
    killedBy: "a cloud",
  },
  { name: "the neighbours of the first point for every query", of, from: "distances(query, fresh)", to: "distances(0, fresh)", killedBy: "one dimension" },
];
