import type { ManualClock, Micros } from "../kernel/clock.ts";
import { MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_SECOND } from "../kernel/time.ts";
import type { ProgressBoard } from "../workflows/progress.ts";

/** A run in the middle of its replay. */
export function tellProgress(
  { board, machineClock: clock }: { readonly board: ProgressBoard; readonly machineClock: ManualClock },
  startUs: Micros,
  days: number,
): void {
  for (const [id, title, unit] of [
    ["data", "check data", "rows"],
    ["features", "training set", "rows"],
    ["train", "train", "trees"],
    ["register", "register", "versions"],
    ["replay", "replay", "questions"],
    ["parity", "online = offline", "vectors"],
  ] as const)
    board.declare(id, title, unit);
  for (const [id, total, seconds] of [
    ["data", 340_000, 6],
    ["features", 340_000, 14],
    ["train", 120, 31],
    ["register", 2, 1],
  ] as const) {
    board.start(id, 0, total);
    clock.advanceBy(seconds * MICROS_PER_SECOND);
    board.advance(id, total, total);
    board.finish(id);
  }
  board.start("replay", 0, 21_840);
  clock.advanceBy(30 * MICROS_PER_SECOND);
  board.advance("replay", days * 240, 21_840);
  board.replayAt(startUs + days * MICROS_PER_DAY - 5 * MICROS_PER_HOUR);
}
