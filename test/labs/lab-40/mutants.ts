import type { Mutant } from "../fixture.ts";

const of = "nested.js";
export const mutants: readonly Mutant[] = [
  { name: "known times are ignored", of, from: "e.known > at || e.event > at", to: "e.event > at", killedBy: "events known hours later" },
  {
    name: "an event of this very minute is the future",
    of,
    from: "e.known > at || e.event > at",
    to: "e.known > at || e.event >= at",
    killedBy: "an event at the very minute of the question",
  },
  { name: "the window holds the minute of the question", of, from: "e.event !== at && at", to: "at", killedBy: "an event at the very minute of the question" },
  {
    name: "the window loses its lower bound",
    of,
    from: "at - e.event <= options.window",
    to: "at - e.event < options.window",
    killedBy: "the bounds of ttl and window",
  },
  {
    name: "the ttl loses its bound",
    of,
    from: "at - best.event <= options.ttl",
    to: "at - best.event < options.ttl",
    killedBy: "the bounds of ttl and window",
  },
  { name: "no ttl", of, from: "best && at - best.event <= options.ttl", to: "best", killedBy: "the bounds of ttl and window" },
  { name: "of one minute, the first in the list", of, from: "e.known >= best.known", to: "e.known > best.known", killedBy: "two events of one minute" },
  {
    name: "of one minute, the last in the list",
    of,
    from: "(e.event === best.event && e.known >= best.known)",
    to: "e.event === best.event",
    killedBy: "two events of one minute",
  },
  {
    name: "what became known last wins",
    of,
    from: "e.event > best.event || (e.event === best.event && e.known >= best.known)",
    to: "e.known >= best.known",
    killedBy: "an old event that becomes known after a newer one",
  },
  { name: "keys are glued together", of, from: "[String(key.length), ...key]", to: '[key.join("")]', killedBy: "keys that read alike when joined" },
  { name: "the mean of nothing is 0", of, from: "n ? sum / n : null", to: "n ? sum / n : 0", killedBy: "no events" },
];
