import type { Mutant } from "../fixture.ts";

const of = "ticks.js";
export const mutants: readonly Mutant[] = [
  {
    name: "waits for a full batch only",
    of,
    from: "if (queue.length < maxSize && now - requests[queue[0]].at < maxDelay) continue;",
    to: "if (queue.length < maxSize && now - requests[queue[0]].at < maxDelay * 9) continue;",
    killedBy: "a lone request waits its delay",
  },
  { name: "waits although the batch is full", of, from: "queue.length < maxSize && now", to: "now", killedBy: "a full batch starts at once" },
  { name: "takes all that wait", of, from: "queue.slice(0, maxSize)", to: "queue.slice(0)", killedBy: "more than one batch at one moment" },
  { name: "two batches at once", of, from: "now < freeAt || queue.length === 0", to: "queue.length === 0", killedBy: "more than one batch at one moment" },
  {
    name: "takes the newest",
    of,
    from: "const batch = queue.slice(0, maxSize);\n    queue = queue.slice(batch.length);",
    to: "const batch = queue.slice(-maxSize);\n    queue = queue.slice(0, -batch.length);",
    killedBy: "more than one batch at one moment",
  },
  {
    name: "runs what has expired",
    of,
    from: "else if (deadline !== null && deadline <= now)",
    to: "else if (deadline !== null && deadline <= now - 1000)",
    killedBy: "expired while waiting for company",
  },
  { name: "a deadline may be met at its moment", of, from: "deadline <= now", to: "deadline < now", killedBy: "a deadline at the very moment of the start" },
  { name: "a cancellation comes a moment late", of, from: "cancel <= now", to: "cancel < now", killedBy: "cancelled before, at, and after the start" },
  {
    name: "at one moment the deadline is looked at first",
    of,
    from: 'if (cancel !== null && cancel <= now) out[i].outcome = "cancelled";\n      else if (deadline !== null && deadline <= now) out[i].outcome = "expired";',
    to: 'if (deadline !== null && deadline <= now) out[i].outcome = "expired";\n      else if (cancel !== null && cancel <= now) out[i].outcome = "cancelled";',
    killedBy: "deadline and cancellation at one moment",
  },
  {
    name: "time runs from when the worker is free",
    of,
    from: "now - requests[queue[0]].at < maxDelay",
    to: "now - Math.max(freeAt, requests[queue[0]].at) < maxDelay",
    killedBy: "a queue that grew while the worker was busy",
  },
  { name: "a batch takes as long as a full one", of, from: "batch.length * each", to: "maxSize * each", killedBy: "a lone request waits its delay" },
];
