import { expect, test } from "vitest";
import { ProgressBoard, type LoopEvent } from "./progress.ts";

test("when the loop fails, what was under way is told as failed, and what was done or never begun stays so", () => {
  const board = new ProgressBoard(() => 1000);
  for (const id of ["data", "train", "replay", "parity"]) board.declare(id, id, "rows");
  for (const id of ["data", "train", "replay"]) board.start(id);
  board.finish("data");
  const told: LoopEvent[] = [];
  board.subscribe((event) => told.push(event));
  board.failRunning();
  expect(told.map((event) => (event.event === "phase" ? `${event.phase.id} ${event.phase.state}` : event.event))).toEqual(["train failed", "replay failed"]);
  expect(board.current().phases.map(({ state }) => state)).toEqual(["done", "failed", "failed", "waiting"]);
});
