import { randomBytes } from "node:crypto";
import type { Clock } from "../kernel/clock.ts";
import { idMaker, type NewId } from "../kernel/ids.ts";

/** The machine's clock and randomness: the one place they are read. */
export const systemClock: Clock = { nowUs: () => Math.round((performance.timeOrigin + performance.now()) * 1000) };

export const systemId: NewId = idMaker(systemClock, (length) => randomBytes(length));

/** Milliseconds that never go backwards, for durations. */
export const stopwatch = (): number => performance.now();
