import { expect, test } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { InFlight } from "./in-flight.ts";

const thrown = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return codeOf(error);
  }
};

test("one more than the bound is refused, and let in once one has left", () => {
  const inFlight = new InFlight<string>({ maxInFlight: 2, answerTimeoutMs: 100, targetLatencyMs: 50 }, () => {});
  const first = inFlight.enter("a", { startedMs: 0 });
  inFlight.enter("b", { startedMs: 0 });
  expect(thrown(() => inFlight.enter("c", { startedMs: 0 }))).toBe("SERVER_OVERLOADED");
  inFlight.leave(first, 1);
  expect(thrown(() => inFlight.enter("c", { startedMs: 0 }))).toMatchObject({ reply: "c" });
});

test("what is overdue is answered once and keeps its place until its work ends", () => {
  const expired: string[] = [];
  const inFlight = new InFlight<string>({ maxInFlight: 2, answerTimeoutMs: 100, targetLatencyMs: 50 }, (reply, error) =>
    expired.push(`${reply} ${error.code}`),
  );
  const old = inFlight.enter("old", { startedMs: 0 });
  const young = inFlight.enter("young", { startedMs: 60 });
  inFlight.sweep(99, 10);
  expect(expired).toEqual([]);
  inFlight.sweep(120, 10);
  inFlight.sweep(130, 10);
  expect(expired).toEqual(["old ANSWER_TIMEOUT"]);
  expect([old.expired, young.expired, inFlight.size]).toEqual([true, false, 2]);
});
