import { asList, asVector, wrong } from "../answers.ts";
import { HostFunction, type Finding, type Lab, type LabCase } from "../lab.ts";
import { gaussian, gaussianMatrix, gaussians, pick } from "../oracle/random.ts";

const k = 10;
const wantedRecall = 0.95;

export const nearestNeighbours: Lab = {
  number: 20,
  version: 1,
  title: "Approximate nearest neighbours: a navigable graph",
  blockId: "weeks-12-16",
  minutes: 120,
  statement: `Find the ${k} nearest points of each query while looking at a fraction of the points. HNSW (layers of a navigable small-world graph) is the usual
way; any index that keeps the limits is accepted.

You get \`points\` (N lists of d numbers), \`queries\` (how many there are), \`k\`, and a function \`distances(query, ids)\` that returns the squared Euclidean distances
from query number \`query\` to the points with these ids, one for each. The query vectors stay with the grader. Return one list for each query: the ids of its k
nearest points, **nearest first**, no id twice; all points when there are fewer than k.

* Building the index is free: you have the points.
* Every id you ask a distance for counts. On average over the queries you may ask for at most the share of N that the case allows: 25 % on 5,000 points
  in 16 dimensions, 20 % where they lie in clusters, and 60 % and 50 % on the 600 points in 4 dimensions that Python solutions get.
* Recall must reach ${wantedRecall}: of the ids you return, the share that is no farther than the true k-th neighbour (so equal distances are all right).

A reference build with 16 links a point and a candidate list (ef) of 64 reaches 0.99 at 18 % of the points. Small cases have no limit on cost, but traps: points that occur
twice or twenty times (a graph whose links all lead to copies is not connected), all points equal, one dimension, fewer points than k.

Why it matters: retrieval in every recommender and every vector database is this function, and its quality is a curve of recall against cost, never one of the two alone.`,
  entry: { typescript: "search", python: "search" },
  starter: {
    typescript: `type Distances = (query: number, ids: number[]) => number[];

export function search(points: number[][], queries: number, k: number, distances: Distances): number[][] {
  // 1. build links between points  2. for each query walk the graph with a candidate list
  throw new Error("write me");
}
`,
    python: `def search(points, queries, k, distances):
    """distances(query, ids) returns squared distances. Returns for each query a list of ids, nearest first."""
    # 1. build links between points  2. for each query walk the graph with a candidate list
    raise NotImplementedError("write me")
`,
  },
  sizes: true,
  limits: { timeMs: 20_000 },
  cases: (rng, scale) => {
    const [n, queries, d] = scale === "full" ? [5000, 40, 16] : [600, 20, 4];
    const [free, clustered] = scale === "full" ? [0.25, 0.2] : [0.6, 0.5];
    const cloud = rng.fork("cloud");
    const groups = rng.fork("clusters");
    const centres = gaussianMatrix(groups, 20, d).map((row) => row.map((x) => x * 4));
    const near = (): number[] => pick(groups, centres).map((x) => x + gaussian(groups));
    const line = rng.fork("line");
    const twice = rng.fork("twice");
    const base = gaussianMatrix(twice, 60, 4);
    return [
      one("a cloud", gaussianMatrix(cloud, n, d), gaussianMatrix(cloud, queries, d), free),
      one("clusters", Array.from({ length: n }, near), Array.from({ length: queries }, near), clustered),
      one(
        "points that occur many times",
        Array.from({ length: 240 }, (_, i) => base[i < 60 ? i : i % 7]!),
        gaussianMatrix(twice, 10, 4),
        1,
      ),
      one(
        "all points equal",
        Array.from({ length: 60 }, () => [1, 2, 3]),
        [
          [0, 0, 0],
          [1, 2, 3],
        ],
        1,
      ),
      one(
        "one dimension",
        Array.from({ length: 200 }, () => gaussians(line, 1)),
        Array.from({ length: 10 }, () => gaussians(line, 1)),
        1,
      ),
      one("fewer points than k", gaussianMatrix(rng.fork("few"), 6, 3), gaussianMatrix(rng.fork("few queries"), 3, 3), 1),
    ];
  },
};

function squared(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}

function one(name: string, points: readonly number[][], queries: readonly number[][], share: number): LabCase {
  let asked = 0;
  const distances = new HostFunction("distances", (query, ids) => {
    const q = queries[Number(query)];
    if (q === undefined || !Array.isArray(ids)) throw new Error(`distances takes a query from 0 to ${queries.length - 1} and a list of ids`);
    asked += ids.length;
    if (asked > 3 * points.length * queries.length) throw new Error("distances was asked for far too many points");
    return ids.map((id: unknown) => {
      const point = points[Number(id)];
      if (point === undefined) throw new Error(`there is no point ${String(id)}`);
      return squared(point, q);
    });
  });
  return {
    name,
    args: [points, queries.length, k, distances],
    check: (answer) => check(points, queries, answer) ?? cost(asked, points.length, queries.length, share),
  };
}

function cost(asked: number, n: number, queries: number, share: number): Finding | undefined {
  const used = asked / (n * queries);
  if (share >= 1 || used <= share) return undefined;
  return wrong(
    "The neighbours are right, but too many distances were asked for.",
    `at most ${share * 100} % of the points for each query`,
    `${(used * 100).toFixed(1)} %`,
    {
      difference: used - share,
    },
  );
}

function check(points: readonly number[][], queries: readonly number[][], answer: unknown): Finding | undefined {
  const size = Math.min(k, points.length);
  const lists = asList(answer, queries.length, "the answer").map((list, i) => asVector(list, size, `list ${i}`));
  let hits = 0;
  for (const [i, list] of lists.entries()) {
    if (new Set(list).size !== size) return wrong(`List ${i} holds an id twice.`, `${size} different ids`, list);
    if (list.some((id) => points[id] === undefined)) return wrong(`List ${i} holds an id that no point has.`, `ids from 0 to ${points.length - 1}`, list);
    const got = list.map((id) => squared(points[id]!, queries[i]!));
    for (let j = 1; j < size; j++) if (got[j]! < got[j - 1]!) return wrong(`List ${i} is not in order of distance.`, "nearest first", got);
    const all = Float64Array.from(points, (point) => squared(point, queries[i]!)).sort();
    hits += got.filter((distance) => distance <= all[size - 1]!).length;
  }
  const recall = hits / (size * queries.length);
  if (recall >= wantedRecall) return undefined;
  return wrong("Too many of the nearest points were missed.", `recall of at least ${wantedRecall}`, `recall ${recall.toFixed(3)}`, {
    difference: wantedRecall - recall,
  });
}
