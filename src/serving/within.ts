import { KarkhanaError } from "../kernel/error.ts";
import type { Call } from "./call.ts";

const late = Symbol("late");

/** @throws DEADLINE_PASSED once the budget is used up; what is waited for goes on, unheard */
export async function within<T>(pending: Promise<T>, budget: Call, timerMs: () => number): Promise<T> {
  const passed = Promise.withResolvers<typeof late>();
  const timer = setTimeout(() => passed.resolve(late), Math.max(0, Math.min(budget.deadlineMs - timerMs(), 2 ** 31 - 1)));
  try {
    const first = await Promise.race([pending, passed.promise]);
    if (first === late) throw new KarkhanaError("DEADLINE_PASSED", { waitedMs: Math.round(timerMs() - budget.startedMs) });
    return first;
  } finally {
    clearTimeout(timer);
    pending.catch(() => undefined);
  }
}
