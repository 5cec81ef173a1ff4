import type { Rng } from "../../../kernel/rng.ts";
import { asRecord, same, vectorNear, wrong } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";

const limit = 1e-12;
const hour = 60;

interface Question {
  readonly key: readonly string[];
  readonly at: number;
  /** What the model was given for `latest` when it answered. */
  readonly served: number | null;
}

interface Event {
  readonly key: readonly string[];
  readonly event: number;
  readonly known: number;
  readonly value: number;
}

interface Options {
  readonly ttl: number;
  readonly window: number;
}

export const pointInTime: Lab = {
  number: 40,
  version: 1,
  title: "Point-in-time join, and the audit that finds skew",
  blockId: "weeks-37-41",
  minutes: 60,
  statement: `Training data must say what was **known** when the question was asked, not what turned out later. Write the join, then use it to audit what was served.

You get \`questions\` (each with \`key\`: a list of one or more texts, \`at\`, and \`served\`), \`events\` (each with \`key\`, \`event\`: when it happened, \`known\`: when it could
be known, \`value\`) and \`options\` with \`ttl\` and \`window\`. Times are whole minutes. For each question, of the events with exactly its key and **known <= at**:

* \`latest\`: the value of the newest event with event <= at, if at - event <= ttl; otherwise null. Of several with the same event time, the one known last; of
  those, the last in the list;
* \`count\` and \`mean\`: over events with at - window <= event < at. The mean of nothing is null.

Return \`latest\`, \`count\`, \`mean\` (lists, one entry a question, in order; questions may repeat and each gets its own entry) and \`skewed\`: the positions of the
questions whose \`served\` is not exactly \`latest\`.

There may be ten thousand events and three thousand questions.

Why it matters: a join on "newest before" that forgets when a row became known gives the model tomorrow's paper. It shines in evaluation and fails in
production; nothing else looks so good and is so wrong.`,
  entry: { typescript: "pointInTime", python: "point_in_time" },
  starter: {
    typescript: `interface Question { key: string[]; at: number; served: number | null }
interface Event { key: string[]; event: number; known: number; value: number }

export function pointInTime(questions: Question[], events: Event[], options: { ttl: number; window: number }) {
  // latest, count, mean, skewed
  throw new Error("write me");
}
`,
    python: `def point_in_time(questions, events, options):
    """questions and events are lists of dicts. Returns a dict with latest, count, mean, skewed."""
    raise NotImplementedError("write me")
`,
  },
  sizes: true,
  cases: (rng, scale) => [
    random(rng.fork("plain"), "events known at once", { questions: 40, events: 120, keys: [["a"], ["b"], ["c"]], delay: () => 0 }),
    random(rng.fork("late"), "events known hours later", { questions: 60, events: 200, keys: [["a"], ["b"]], delay: (own) => own.int(6 * hour) }),
    one("an event at the very minute of the question", [ask("a", 100)], [event("a", 100, 100, 7), event("a", 99, 99, 5)], { ttl: 50, window: 50 }),
    one("the bounds of ttl and window", [ask("a", 200), ask("b", 200)], [event("a", 140, 140, 3), event("b", 139, 139, 4)], { ttl: 60, window: 60 }),
    one(
      "two events of one minute",
      [ask("a", 50), ask("a", 62), ask("b", 50)],
      [event("a", 40, 45, 1), event("a", 40, 41, 2), event("a", 40, 60, 3), event("b", 40, 41, 8), event("b", 40, 41, 9)],
      { ttl: 100, window: 100 },
    ),
    one("an old event that becomes known after a newer one", [ask("a", 95), ask("a", 101)], [event("a", 90, 91, 1), event("a", 80, 100, 2)], {
      ttl: 60,
      window: 60,
    }),
    one(
      "keys that read alike when joined",
      [
        { key: ["1", "23"], at: 20, served: 1 },
        { key: ["12", "3"], at: 20, served: 1 },
        { key: ["1,23"], at: 20, served: null },
      ],
      [
        { key: ["1", "23"], event: 10, known: 10, value: 1 },
        { key: ["12", "3"], event: 10, known: 10, value: 2 },
      ],
      { ttl: 60, window: 60 },
    ),
    one("the same question three times", [ask("a", 30), ask("a", 30), ask("a", 30)], [event("a", 10, 10, 4)], { ttl: 60, window: 60 }),
    one("no events", [ask("a", 30), ask("b", 1)], [], { ttl: 60, window: 60 }),
    random(rng.fork("many"), "thousands of events", {
      questions: scale === "full" ? 3000 : 300,
      events: scale === "full" ? 10_000 : 800,
      keys: Array.from({ length: 20 }, (_, i) => [`k${i}`, String(i % 3)]),
      delay: (own) => own.int(90),
    }),
  ],
};

function ask(key: string, at: number): Question {
  return { key: [key], at, served: null };
}

function event(key: string, at: number, known: number, value: number): Event {
  return { key: [key], event: at, known, value };
}

interface Shape {
  readonly questions: number;
  readonly events: number;
  readonly keys: readonly (readonly string[])[];
  readonly delay: (rng: Rng) => number;
}

/** Two days; one served value in ten is not what was known. */
function random(rng: Rng, name: string, shape: Shape): LabCase {
  const key = (): readonly string[] => shape.keys[rng.int(shape.keys.length)]!;
  const events = Array.from({ length: shape.events }, (): Event => {
    const at = rng.int(48 * hour);
    return { key: key(), event: at, known: at + shape.delay(rng), value: rng.int(100) };
  });
  const options = { ttl: 5 * hour, window: 3 * hour };
  const asked = Array.from({ length: shape.questions }, (): Question => ({ key: key(), at: rng.int(50 * hour), served: null }));
  const { latest } = answerOf(asked, events, options);
  const questions = asked.map((q, i) => ({ ...q, served: i % 10 === 3 ? (latest[i] ?? 0) + 1 : latest[i]! }));
  return one(name, questions, events, options);
}

function one(name: string, questions: readonly Question[], events: readonly Event[], options: Options): LabCase {
  return { name, args: [questions, events, options], check: (answer) => check(questions, events, options, answer) };
}

interface Answer {
  readonly latest: (number | null)[];
  readonly count: number[];
  readonly mean: (number | null)[];
}

function answerOf(questions: readonly Question[], events: readonly Event[], { ttl, window }: Options): Answer {
  const byKey = Map.groupBy(events, (e) => JSON.stringify(e.key));
  const answer: Answer = { latest: [], count: [], mean: [] };
  for (const { key, at } of questions) {
    const known = (byKey.get(JSON.stringify(key)) ?? []).filter((e) => e.known <= at);
    let newest: Event | undefined;
    for (const e of known)
      if (e.event <= at && (newest === undefined || e.event > newest.event || (e.event === newest.event && e.known >= newest.known))) newest = e;
    const inWindow = known.filter((e) => e.event >= at - window && e.event < at);
    answer.latest.push(newest !== undefined && at - newest.event <= ttl ? newest.value : null);
    answer.count.push(inWindow.length);
    answer.mean.push(inWindow.length === 0 ? null : inWindow.reduce((sum, e) => sum + e.value, 0) / inWindow.length);
  }
  return answer;
}

function check(questions: readonly Question[], events: readonly Event[], options: Options, answer: unknown): Finding | undefined {
  const got = asRecord(answer, ["latest", "count", "mean", "skewed"], "the answer");
  const { latest, count, mean } = answerOf(questions, events, options);
  const skewed = questions.flatMap((q, i) => (q.served === latest[i] ? [] : [i]));
  return entries(got["latest"], latest, "latest") ?? entries(got["count"], count, "count") ?? means(got["mean"], mean) ?? same(got["skewed"], skewed, "skewed");
}

/** The first entry that is not right, by its question. */
function entries(got: unknown, expected: readonly unknown[], what: string): Finding | undefined {
  if (!Array.isArray(got) || got.length !== expected.length) return wrong(`${what} does not have one entry a question.`, `${expected.length} entries`, got);
  const at = expected.findIndex((value, i) => value !== got[i]);
  return at < 0 ? undefined : wrong(`${what}[${at}] is not right.`, expected[at], got[at]);
}

function means(got: unknown, expected: readonly (number | null)[]): Finding | undefined {
  const shape = entries(
    Array.isArray(got) ? got.map((v) => v === null) : got,
    expected.map((v) => v === null),
    "mean is null:",
  );
  if (shape !== undefined || !Array.isArray(got)) return shape;
  return vectorNear(
    got.map((v) => (v === null ? 0 : v)),
    expected.map((v) => v ?? 0),
    limit,
    "mean",
  );
}
