import type { Rng } from "../../../kernel/rng.ts";
import { asRecord, vectorNear, wrong } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";

const limit = 1e-9;

interface Impression {
  readonly query: string;
  readonly doc: string;
  /** From 0, the top. */
  readonly position: number;
  readonly click: boolean;
  /** True where the page was shuffled before it was shown. */
  readonly shuffled: boolean;
}

export const positionBias: Lab = {
  number: 38,
  version: 1,
  title: "Clicks without the position they came from",
  blockId: "weeks-32-36",
  minutes: 60,
  statement: `People click what is on top. A ranker trained on clicks learns where it put things, not what is good. One shuffled page in a few tells the two apart.

You get \`log\` (impressions, each with \`query\`, \`doc\`, \`position\` from 0, \`click\`, \`shuffled\`), \`positions\` (how many there are) and \`floor\`. Return

* \`propensities\`, one number a position: the share of clicks among the **shuffled** impressions at that position, divided by that share at position 0; never
  less than \`floor\`. A position without shuffled impressions has \`floor\`. If position 0 has no shuffled click, every propensity is 1;
* \`relevance\`: for each query an object from doc to its estimated relevance, by inverse propensity: over **all** impressions of that doc for that query, the
  sum of 1 / propensity of the position for those clicked, divided by the number of impressions;
* \`ranking\`: for each query its docs by relevance, best first; docs nobody ever clicked come last, in the order of their names.

Numbers must agree to ${limit}. Docs whose relevances are that close may stand in either order.

Why it matters: without it, yesterday's ranking is tomorrow's training data, and whatever came first stays first.`,
  entry: { typescript: "debias", python: "debias" },
  starter: {
    typescript: `interface Impression { query: string; doc: string; position: number; click: boolean; shuffled: boolean }

export function debias(log: Impression[], positions: number, floor: number) {
  // propensities: number[]; relevance: Record<string, Record<string, number>>; ranking: Record<string, string[]>
  throw new Error("write me");
}
`,
    python: `def debias(log, positions, floor):
    """log is a list of dicts. Returns a dict with propensities (list), relevance (dict of dicts), ranking (dict of lists)."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => [
    one("pages of five, one in four shuffled", traffic(rng.fork("five"), { pages: 300, positions: 5, shuffledEvery: 4 }), 5, 0.05),
    one("a steep page", traffic(rng.fork("steep"), { pages: 300, positions: 8, shuffledEvery: 2, steepness: 1.6 }), 8, 0.02),
    one("two queries share a doc", shared(), 2, 0.1),
    one("the floor holds", [...shown(0, 4, 4), ...shown(1, 50, 1)], 2, 0.2),
    one("a position that was never shuffled", [...shown(0, 10, 5), page("q", "z", 1, true, false)], 2, 0.25),
    one("no shuffled click at the top", [...shown(0, 5, 0), ...shown(1, 5, 3)], 2, 0.1),
    one("nobody clicked", shown(0, 3, 0), 1, 0.1),
    one("docs without a click come by name", [page("q", "c", 0, false, true), page("q", "a", 1, false, true), page("q", "b", 0, true, true)], 2, 0.1),
    one("an empty log", [], 3, 0.1),
  ],
};

function page(query: string, doc: string, position: number, click: boolean, shuffled: boolean): Impression {
  return { query, doc, position, click, shuffled };
}

/** Shuffled impressions at one position, of which some are clicked. */
function shown(position: number, impressions: number, clicks: number): Impression[] {
  return Array.from({ length: impressions }, (_, i) => page("q", `d${i % 3}`, position, i < clicks, true));
}

function shared(): Impression[] {
  return [
    ...Array.from({ length: 8 }, (_, i) => page("shoes", i % 2 === 0 ? "x" : "y", i % 2, i < 5, true)),
    ...Array.from({ length: 6 }, (_, i) => page("boots", i % 2 === 0 ? "x" : "z", i % 2, i === 5, false)),
  ];
}

/** Clicks by examination times relevance; the page that is not shuffled puts the worst doc on top, so that clicks alone mislead. */
function traffic(rng: Rng, shape: { pages: number; positions: number; shuffledEvery: number; steepness?: number }): Impression[] {
  const { pages, positions, shuffledEvery, steepness = 1 } = shape;
  const docs = Array.from({ length: positions }, (_, i) => ({ name: `doc${String.fromCharCode(97 + i)}`, relevance: 0.15 + (0.8 * i) / positions }));
  return Array.from({ length: pages }, (_, p) => {
    const isShuffled = p % shuffledEvery === 0;
    const order = docs.map((doc) => ({ doc, key: isShuffled ? rng.next() : doc.relevance })).sort((a, b) => a.key - b.key);
    return order.map(({ doc }, position) => page(`q${p % 2}`, doc.name, position, rng.next() < doc.relevance / (1 + position) ** steepness, isShuffled));
  }).flat();
}

function one(name: string, log: readonly Impression[], positions: number, floor: number): LabCase {
  return { name, args: [log, positions, floor], check: (answer) => check(log, positions, floor, answer) };
}

function check(log: readonly Impression[], positions: number, floor: number, answer: unknown): Finding | undefined {
  const got = asRecord(answer, ["propensities", "relevance", "ranking"], "the answer");
  const rates = Array.from({ length: positions }, (_, position) => {
    const own = log.filter((i) => i.shuffled && i.position === position);
    return own.length === 0 ? null : own.filter((i) => i.click).length / own.length;
  });
  const top = rates[0] ?? 0;
  const propensities = rates.map((rate) => (top === 0 ? 1 : rate === null ? floor : Math.max(floor, rate / top)));
  const finding = vectorNear(got["propensities"], propensities, limit, "propensities");
  if (finding !== undefined) return finding;
  const queries = [...new Set(log.map((i) => i.query))];
  const relevance = asRecord(got["relevance"], queries, "relevance");
  const ranking = asRecord(got["ranking"], queries, "ranking");
  for (const query of queries) {
    const docs = [...new Set(log.filter((i) => i.query === query).map((i) => i.doc))];
    const expected = docs.map((doc) => {
      const own = log.filter((i) => i.query === query && i.doc === doc);
      return own.reduce((sum, i) => sum + (i.click ? 1 / propensities[i.position]! : 0), 0) / own.length;
    });
    const values = asRecord(relevance[query], docs, `relevance of ${query}`);
    const problem =
      vectorNear(
        docs.map((doc) => values[doc]),
        expected,
        limit,
        `relevance of ${query}, ${docs.join(", ")}:`,
      ) ?? order(ranking[query], new Map(docs.map((doc, i) => [doc, expected[i]!])), query);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function order(got: unknown, relevance: ReadonlyMap<string, number>, query: string): Finding | undefined {
  const right = [...relevance].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([doc]) => doc);
  const isOrder = Array.isArray(got) && got.length === right.length && new Set(got).size === right.length && got.every((doc) => relevance.has(doc as string));
  if (!isOrder) return wrong(`The ranking of ${query} does not hold each of its docs once.`, right, got);
  const docs = got as string[];
  const isRight = docs.slice(1).every((doc, i) => {
    const [above, below] = [relevance.get(docs[i]!)!, relevance.get(doc)!];
    return above === 0 && below === 0 ? docs[i]! < doc : above >= below - limit;
  });
  return isRight ? undefined : wrong(`The ranking of ${query} is not by relevance.`, right, got);
}
