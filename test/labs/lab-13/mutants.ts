import type { Mutant } from "../fixture.ts";

const of = "heap.js";
const list = "sorted-list.js";
export const mutants: readonly Mutant[] = [
  {
    name: "sorts everything",
    of: list,
    from: "const kept = [];",
    to: "return Array.from({ length: n }, (_, i) => i).sort((a, b) => compare(b, a) || a - b).slice(0, k);\n  const kept = [];",
    killedBy: "few wanted of many",
  },
  {
    name: "looks at every kept item",
    of: list,
    from: "if (kept.length === k) {",
    to: "for (const other of kept) compare(other, item);\n    if (kept.length === k) {",
    killedBy: "every item better than the last",
  },
  { name: "worst first", of: list, from: "return kept;", to: "return kept.reverse();", killedBy: "few wanted of many" },
  { name: "of equals the later one is kept", of: list, from: "compare(kept[k - 1], item) >= 0", to: "compare(kept[k - 1], item) > 0", killedBy: "all equal" },
  {
    name: "of equals the later one comes first",
    of: list,
    from: "compare(kept[middle], item) >= 0",
    to: "compare(kept[middle], item) > 0",
    killedBy: "many equal scores",
  },
  {
    name: "heap order returned as it is",
    of,
    from: "for (let size = heap.length - 1; size > 0; size--)",
    to: "for (let size = 0; size > 0; size--)",
    killedBy: "every item better than the last",
  },
  {
    name: "only one child is looked at",
    of,
    from: "right < size && worse(heap[right], heap[left]) ? right : left",
    to: "left",
    killedBy: "every item better than the last",
  },
  {
    name: "the newcomer takes the place without sinking",
    of,
    from: "heap[0] = item;\n      down(k);",
    to: "heap[0] = item;",
    killedBy: "every item better than the last",
  },
  {
    name: "pads with nothing when k is more than n",
    of: list,
    from: "return kept;",
    to: "return Array.from({ length: k }, (_, i) => kept[i] ?? -1);",
    killedBy: "k is more than n",
  },
  { name: "k 0 gives one", of: list, from: "if (k === 0) return [];", to: "k ||= 1;", killedBy: "k is 0" },
];
