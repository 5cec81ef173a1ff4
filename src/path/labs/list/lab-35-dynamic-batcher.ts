import type { Rng } from "../../../kernel/rng.ts";
import { wrong } from "../answers.ts";
import type { Finding, Lab, LabCase } from "../lab.ts";

interface Request {
  readonly id: string;
  readonly at: number;
  /** From this moment on the answer is of no use; null: it waits for ever. */
  readonly deadline: number | null;
  /** From this moment on nobody wants it; null: it stays. */
  readonly cancel: number | null;
}

interface Policy {
  readonly maxSize: number;
  readonly maxDelay: number;
  /** A batch of n takes base + n * each. */
  readonly base: number;
  readonly each: number;
}

interface Outcome {
  readonly id: string;
  readonly outcome: "done" | "expired" | "cancelled";
  readonly start: number | null;
  readonly end: number | null;
}

export const dynamicBatcher: Lab = {
  number: 35,
  version: 1,
  title: "Dynamic batcher with deadlines",
  blockId: "weeks-27-31",
  minutes: 60,
  statement: `A GPU answers sixteen questions almost as fast as one, if they come together. A dynamic batcher waits a little for company; the art is in waiting
neither too long nor for the dead.

You get \`requests\` (in order of arrival; each with \`id\`, \`at\`, \`deadline\` and \`cancel\`, both possibly null) and \`policy\` (\`maxSize\`, \`maxDelay\`, \`base\`, \`each\`).
Times are whole milliseconds. There is one worker, free at first. Simulate exactly these rules:

* a request is in the queue from \`at\` on. At the moment \`deadline\` it leaves it as expired, at the moment \`cancel\` as cancelled (if both are the same moment:
  cancelled), unless its batch has **started before** that moment. Who is in a started batch stays in it;
* a batch starts at the first moment at which the worker is free and the queue holds \`maxSize\` requests or its oldest request has waited \`maxDelay\` or more.
  What arrives or leaves at that very moment has arrived or left;
* it takes the oldest requests, at most \`maxSize\`, and keeps the worker busy for \`base + n * each\`, n being its size. At the end the worker is free again.

Return a list, one entry a request in the given order: \`{id, outcome, start, end}\` with outcome "done", "expired" or "cancelled"; start and end of its batch, or null for
both if it was never run.

Why it matters: a server that computes answers nobody waits for is busiest when it is least useful. It is how an overload becomes an outage.`,
  entry: { typescript: "simulate", python: "simulate" },
  starter: {
    typescript: `interface Request { id: string; at: number; deadline: number | null; cancel: number | null }
interface Policy { maxSize: number; maxDelay: number; base: number; each: number }

export function simulate(requests: Request[], policy: Policy): { id: string; outcome: string; start: number | null; end: number | null }[] {
  throw new Error("write me");
}
`,
    python: `def simulate(requests, policy):
    """requests is a list of dicts, policy a dict. Returns a list of dicts with id, outcome, start, end."""
    raise NotImplementedError("write me")
`,
  },
  cases: (rng) => {
    const policy = { maxSize: 4, maxDelay: 10, base: 5, each: 2 };
    return [
      one("a lone request waits its delay", [ask("a", 3)], policy),
      one("a full batch starts at once", [ask("a", 0), ask("b", 1), ask("c", 2), ask("d", 6)], policy),
      one(
        "more than one batch at one moment",
        Array.from({ length: 11 }, (_, i) => ask(`r${i}`, 5)),
        policy,
      ),
      one("nobody asks", [], policy),
      one(
        "a queue that grew while the worker was busy",
        [...Array.from({ length: 4 }, (_, i) => ask(`f${i}`, 0)), ask("x", 1), ask("y", 2), ask("z", 12)],
        policy,
      ),
      one("expired while waiting for company", [ask("a", 0, 8), ask("b", 4)], policy),
      one("a deadline at the very moment of the start", [ask("a", 0, 10), ask("b", 0, 11)], policy),
      one("cancelled before, at, and after the start", [ask("a", 0, null, 9), ask("b", 0, null, 10), ask("c", 0, null, 11)], policy),
      one("deadline and cancellation at one moment", [ask("a", 0, 7, 7), ask("b", 1, 6, 7), ask("c", 1, 7, 6)], policy),
      one("no delay at all", [ask("a", 0), ask("b", 3), ask("c", 3), ask("d", 20)], { ...policy, maxDelay: 0 }),
      one("the dead make no company", [ask("a", 0, 5), ask("b", 1, 5), ask("c", 2, 5), ask("d", 6), ask("e", 7)], policy),
      one(
        "one at a time",
        Array.from({ length: 6 }, (_, i) => ask(`r${i}`, i * 2)),
        { maxSize: 1, maxDelay: 50, base: 3, each: 1 },
      ),
      one("a busy hour", busy(rng.fork("busy"), 150, 3), { maxSize: 8, maxDelay: 12, base: 10, each: 3 }),
      one("too much", busy(rng.fork("much"), 150, 1), { maxSize: 4, maxDelay: 6, base: 9, each: 2 }),
    ];
  },
};

function ask(id: string, at: number, deadline: number | null = null, cancel: number | null = null): Request {
  return { id, at, deadline, cancel };
}

function busy(rng: Rng, count: number, gap: number): Request[] {
  let at = 0;
  return Array.from({ length: count }, (_, i) => {
    at += rng.int(2 * gap + 1);
    return ask(`q${i}`, at, rng.int(3) === 0 ? null : at + 10 + rng.int(40), rng.int(6) === 0 ? at + 1 + rng.int(30) : null);
  });
}

function one(name: string, requests: readonly Request[], policy: Policy): LabCase {
  return { name, args: [requests, policy], check: (answer) => check(requests, policy, answer) };
}

/** The moment a request leaves by itself. */
function leaves({ deadline, cancel }: Request): number {
  return Math.min(deadline ?? Infinity, cancel ?? Infinity);
}

/** From one moment at which something may change to the next. */
function simulate(requests: readonly Request[], { maxSize, maxDelay, base, each }: Policy): Outcome[] {
  const batches = new Map<Request, readonly [number, number]>();
  const moments = new Set(requests.flatMap((r) => [r.at, r.at + maxDelay, leaves(r)]).filter(Number.isFinite));
  let freeAt = 0;
  for (;;) {
    const [now] = [...moments].sort((a, b) => a - b);
    if (now === undefined) break;
    moments.delete(now);
    if (now < freeAt) continue;
    const queue = requests.filter((r) => r.at <= now && leaves(r) > now && !batches.has(r));
    const oldest = queue[0];
    if (oldest === undefined || (queue.length < maxSize && now - oldest.at < maxDelay)) continue;
    const batch = queue.slice(0, maxSize);
    freeAt = now + base + batch.length * each;
    for (const r of batch) batches.set(r, [now, freeAt]);
    moments.add(freeAt);
  }
  return requests.map((r) => {
    const [start, end] = batches.get(r) ?? [null, null];
    return { id: r.id, outcome: start !== null ? "done" : r.cancel !== null && r.cancel === leaves(r) ? "cancelled" : "expired", start, end };
  });
}

function check(requests: readonly Request[], policy: Policy, answer: unknown): Finding | undefined {
  const expected = simulate(requests, policy);
  if (!Array.isArray(answer) || answer.length !== expected.length)
    return wrong("The answer does not have one entry a request.", `${expected.length} entries`, answer);
  for (const [i, right] of expected.entries()) {
    const got: unknown = answer[i];
    const isRight =
      typeof got === "object" && got !== null && (Object.keys(right) as (keyof Outcome)[]).every((key) => (got as Record<string, unknown>)[key] === right[key]);
    if (!isRight) return wrong(`Request ${right.id} (position ${i}) did not end so.`, right, got);
  }
  return undefined;
}
