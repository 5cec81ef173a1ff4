import { expect, test } from "vitest";
import { codeOf } from "../kernel/error.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { FairShare } from "./fair-share.ts";
import { InFlight } from "./in-flight.ts";

/**
 * A server of one worker and a service time, asked at a constant rate, in simulated milliseconds.
 * @returns answered and refused a second, and the longest time in the server, of the last simulated second of each phase
 */
function simulate(phases: readonly { readonly ratePerSecond: number; readonly seconds: number }[], serviceMs: number, maxInFlight: number) {
  const inFlight = new InFlight<string>({ maxInFlight, answerTimeoutMs: 60_000, targetLatencyMs: 100 }, () => {});
  const queue: ReturnType<typeof inFlight.enter>[] = [];
  let nowMs = 0;
  let freeAtMs = 0;
  let due = 0;
  return phases.map(({ ratePerSecond, seconds }) => {
    const last = { answered: 0, refused: 0, longestMs: 0, limit: 0 };
    const endMs = nowMs + seconds * 1000;
    for (; nowMs < endMs; nowMs++) {
      const isLast = nowMs >= endMs - 1000;
      for (due += ratePerSecond / 1000; due >= 1; due--) {
        try {
          queue.push(inFlight.enter("", { startedMs: nowMs }));
        } catch {
          if (isLast) last.refused++;
        }
      }
      while (queue.length > 0 && freeAtMs <= nowMs) {
        freeAtMs = Math.max(freeAtMs, nowMs - 1) + serviceMs;
        const ticket = queue.shift()!;
        inFlight.leave(ticket, freeAtMs);
        if (!isLast) continue;
        last.answered++;
        last.longestMs = Math.max(last.longestMs, freeAtMs - ticket.startedMs);
      }
      if (nowMs % 10 === 0) inFlight.sweep(nowMs, 10);
    }
    last.limit = inFlight.limit;
    return last;
  });
}

test("at three times what it can do, a server answers as much as it can, each soon, and refuses the rest; afterwards it refuses none", () => {
  const serviceMs = 0.5; // 2,000 a second
  const [normal, overloaded, after] = simulate(
    [
      { ratePerSecond: 1000, seconds: 3 },
      { ratePerSecond: 6000, seconds: 6 },
      { ratePerSecond: 1000, seconds: 3 },
    ],
    serviceMs,
    1024,
  );
  expect(normal!.refused).toBe(0);
  expect(overloaded!.answered).toBeGreaterThan(0.9 * 2000);
  expect(overloaded!.longestMs).toBeLessThan(300);
  expect(overloaded!.refused).toBeGreaterThan(3000);
  expect(after!.refused).toBe(0);
  expect(after!.answered).toBeGreaterThan(990);
});

test("without the limit's adapting, time in the server would be all that the fixed bound allows", () => {
  const fixed = new ConcurrencyLimit({ min: 1, max: 1024, targetMs: Infinity });
  for (let look = 0; look < 20; look++) {
    fixed.entered(1024);
    fixed.left(512);
    fixed.adjust(0, 100);
  }
  expect(fixed.current).toBe(1024);
});

test("one pause lowers nothing; overload that lasts does, down to the least, and the way back is open", () => {
  const limit = new ConcurrencyLimit({ min: 64, max: 1024, targetMs: 100 });
  const look = (inFlight: number, tookMs: number): number => {
    limit.entered(inFlight);
    limit.left(tookMs);
    limit.adjust(0, 100);
    return limit.current;
  };
  expect(look(500, 900)).toBe(1024);
  expect(look(500, 5)).toBe(1024);
  for (let i = 0; i < 40; i++) look(1024, 900);
  expect(limit.current).toBe(64);
  // Short times below the limit say nothing about a higher one; at the limit they do.
  expect(look(10, 1)).toBe(64);
  for (let i = 0; i < 40; i++) look(limit.current, 1);
  expect(limit.current).toBe(1024);
});

test("what was lately shown to be finished within the target is let in, however slow the machine becomes", () => {
  const limit = new ConcurrencyLimit({ min: 64, max: 1024, targetMs: 100 });
  for (let answered = 0; answered < 300; answered++) limit.left(20);
  limit.adjust(0, 100);
  for (let i = 0; i < 40; i++) {
    limit.entered(1024);
    limit.left(3000);
    limit.adjust(0, 100);
  }
  // 300 in 100 ms, less what forty looks forget of it.
  expect(limit.current).toBeGreaterThan(250);
  expect(limit.current).toBeLessThanOrEqual(300);
});

test("a turn of the event loop that comes late is overload too, though nothing was answered in it", () => {
  const limit = new ConcurrencyLimit({ min: 8, max: 1024, targetMs: 100 });
  for (let i = 0; i < 4; i++) {
    limit.entered(400);
    limit.adjust(500, 100);
  }
  expect(limit.current).toBeLessThan(400);
});

test("a flood of one model finds its share taken; another model's few requests find room", () => {
  const inFlight = new InFlight<string>({ maxInFlight: 100, answerTimeoutMs: 1000, targetLatencyMs: 100 }, () => {});
  const refusals: unknown[] = [];
  const ask = (model: string, tenant: string): boolean => {
    try {
      inFlight.enter("", { startedMs: 0, model, tenant });
      return true;
    } catch (error) {
      refusals.push(codeOf(error));
      return false;
    }
  };
  expect(ask("small", "t")).toBe(true);
  let flood = 0;
  for (let i = 0; i < 200; i++) if (ask("large", "t")) flood++;
  expect(flood).toBe(50);
  expect(new Set(refusals)).toEqual(new Set(["SHARE_EXCEEDED"]));
  for (let i = 0; i < 49; i++) expect(ask("small", "t")).toBe(true);
  expect(inFlight.overShare).toBe(150);
});

test("tenants share alike, and one alone may have everything", () => {
  const shares = new FairShare();
  const take = (key: string, times: number): number => {
    let taken = 0;
    for (let i = 0; i < times; i++)
      if (total < 90 && shares.admits(key, 0, total, 90)) {
        shares.enter(key, 0);
        total++;
        taken++;
      }
    return taken;
  };
  let total = 0;
  expect(take("a", 1000)).toBe(90);
  for (let i = 0; i < 90; i++) shares.leave("a");
  total = 0;
  expect([take("b", 20), take("c", 20), take("a", 1000)]).toEqual([20, 20, 30]);
});

test("an asker of long ago has no share kept for it, and names that come from clients do not pile up", () => {
  const shares = new FairShare();
  for (let i = 0; i < 100_000; i++) {
    shares.enter(`tenant ${i}`, i / 1000);
    shares.leave(`tenant ${i}`);
  }
  shares.enter("now", 10_000);
  expect(shares.admits("now", 10_000, 99, 100)).toBe(true);
});

test("a client's own deadline is the sooner one, never the later", () => {
  const late: string[] = [];
  const inFlight = new InFlight<string>({ maxInFlight: 10, answerTimeoutMs: 100, targetLatencyMs: 100 }, (reply, error) => late.push(`${reply} ${error.code}`));
  inFlight.enter("short", { startedMs: 0, clientMs: 5 });
  inFlight.enter("long", { startedMs: 0, clientMs: 5000 });
  inFlight.sweep(10, 10);
  expect(late).toEqual(["short ANSWER_TIMEOUT"]);
  inFlight.sweep(100, 10);
  expect(late).toEqual(["short ANSWER_TIMEOUT", "long ANSWER_TIMEOUT"]);
});
