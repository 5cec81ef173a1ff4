import { command, lab } from "../place.ts";
import type { Topic } from "../types.ts";

const area = "algorithms";

export const algorithms: readonly Topic[] = [
  {
    id: "interview-algorithms",
    title: "Arrays, hash tables, heaps, trees, graphs; sorting, searching, two pointers, windows, traversal, dynamic programming",
    area,
    treatment: ["simulated"],
    places: [lab(13), lab(14), lab(16)],
    depth: "Each pattern is solved in an interview's time, with its cost stated.",
    labs: [13, 14, 15, 16, 17, 18],
    names: ["BFS", "DFS", "DP", "two pointers", "sliding window"],
    rows: [92],
  },
  {
    id: "problem-counts",
    title: "150 problems for product companies, 200 and more for the largest",
    area,
    treatment: ["simulated"],
    places: [command("karkhana path lab list")],
    depth: "Problems graded here are counted; counts from elsewhere are shown as claimed.",
    names: ["Neetcode 150", "LeetCode", "FAANG", "GCC"],
    rows: [93],
  },
  {
    id: "algorithms-in-machine-learning",
    title: "Algorithms with their use: heap and beam search, graph and pipeline, neighbours, gradient descent",
    area,
    treatment: ["simulated"],
    places: [lab(13), lab(16), lab(19)],
    depth: "Each solution is tied to the part of a real system it stands for.",
    after: ["interview-algorithms"],
    labs: [13, 16, 19, 20, 21, 22],
    rows: [94],
  },
];
