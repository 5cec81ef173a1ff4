import type { Mutant } from "../fixture.ts";

const of = "heap.js";
export const mutants: readonly Mutant[] = [
  { name: "the moment itself is in the window", of, from: "Math.max(known, at + 1)", to: "Math.max(known, at)", killedBy: "the ends of the window" },
  { name: "the far end is left out", of, from: "to: at + width", to: "to: at + width - 1", killedBy: "the ends of the window" },
  { name: "late events count from when they happened", of, from: "Math.max(known, at + 1)", to: "at + 1", killedBy: "late events" },
  { name: "late events live longer", of, from: "to: at + width", to: "to: Math.max(known, at) + width", killedBy: "late events" },
  { name: "an empty window has the sum 0", of, from: "sum: null, max: null", to: "sum: 0, max: null", killedBy: "an empty window is not zero" },
  { name: "the maximum starts at 0", of, from: "max: heap[0].value", to: "max: Math.max(0, heap[0].value)", killedBy: "negative values only" },
  { name: "the maximum never leaves", of, from: "while (heap.length > 0 && heap[0].to < t) pop();", to: "", killedBy: "the largest leaves first" },
  {
    name: "what is known too late still enters",
    of,
    from: ".filter(({ from, to }) => from <= to)",
    to: ".map((r) => ({ ...r, to: Math.max(r.from, r.to) }))",
    killedBy: "many, very late",
  },
  {
    name: "events at one moment replace each other",
    of,
    from: "const enter = [...rows]",
    to: "const enter = [...new Map(rows.map((r) => [r.from, r])).values()]",
    killedBy: "several at one moment",
  },
];
