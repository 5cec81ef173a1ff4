import { describe, expect, test } from "vitest";
import type { LoopEvent } from "../workflows/progress.ts";
import { ProgressBoard } from "../workflows/progress.ts";
import { LoopDisplay } from "./terminal.ts";

const escape = "\u001B";
const tokens = new RegExp(`${escape}\\[\\d*[AKJ]|\\n|[^${escape}\\n]+`, "g");

/** Enough of a terminal to know what a person sees: cursor up, erase to the end of the line, erase below. */
class FakeTerminal {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows: string[] = [""];
  widest = 0;
  #row = 0;

  constructor(columns: number, isTTY = true) {
    this.columns = columns;
    this.isTTY = isTTY;
  }

  write(text: string): void {
    for (const [token] of text.matchAll(tokens)) {
      if (token === "\n") {
        this.#row += 1;
        this.rows[this.#row] ??= "";
      } else if (token === `${escape}[J`) this.rows.splice(this.#row, Infinity, "");
      else if (token === `${escape}[K`) continue;
      else if (token.startsWith(`${escape}[`)) this.#row -= Number(token.slice(2, -1));
      else {
        this.rows[this.#row] = token;
        this.widest = Math.max(this.widest, token.length);
      }
    }
  }

  get text(): string {
    return this.rows.join("\n").trimEnd();
  }
}

function watched(screen: FakeTerminal): { board: ProgressBoard; display: LoopDisplay; pass: (ms: number) => void } {
  let nowMs = 1000;
  const board = new ProgressBoard(() => nowMs, 0);
  const display = new LoopDisplay(screen, () => nowMs);
  for (const [id, title, unit] of [
    ["data", "check data", "rows"],
    ["features", "training set", "rows"],
    ["train", "train", "trees"],
    ["register", "register", "versions"],
    ["replay", "replay", "questions"],
    ["parity", "online = offline", "vectors"],
  ] as const)
    board.declare(id, title, unit);
  board.subscribe((event: LoopEvent) => display.show(event, board.current()));
  return { board, display, pass: (ms) => (nowMs += ms) };
}

const long = "v2 answers 50 % of questions: The challenger is not worse by more than the margin: on 569 questions answered by both, log loss 0.6237";

describe.each([40, 80, 120])("on a terminal of %i columns", (columns) => {
  test("no line is longer than the terminal, whatever happens", () => {
    const screen = new FakeTerminal(columns);
    const { board, display, pass } = watched(screen);
    board.start("replay", 0, 1000);
    pass(5000);
    board.replayAt(980_000_000_000_000);
    board.advance("replay", 123, 1000);
    board.start("features");
    board.tell({ event: "decision", atUs: 980_000_000_000_000, model: "m", version: 2, kind: "ab-started", text: long });
    board.tell({ event: "log", atUs: null, text: `a ${"word".repeat(60)} without a space` });
    display.end();
    expect(screen.widest).toBeGreaterThan(20);
    expect(screen.widest).toBeLessThan(columns);
  });
});

test("what is done stays as one line each; what is under way is redrawn below it, and gone at the end", () => {
  const screen = new FakeTerminal(80);
  const { board, display, pass } = watched(screen);
  board.start("data");
  pass(3000);
  board.advance("data", 33_233, 33_233);
  board.finish("data");
  board.start("train", 0, 40);
  pass(4000);
  board.advance("train", 10, 40);
  expect(screen.text).toBe(
    `✓ check data: 33,233 rows in 3.0 s\n› train            ${"━".repeat(5)}${"╌".repeat(14)}  25 %       2.5 trees/s        12 s left\n  then: training set, register, replay, online = offline`,
  );
  board.advance("train", 40, 40);
  board.finish("train");
  display.end();
  expect(screen.text).toBe("✓ check data: 33,233 rows in 3.0 s\n✓ train: 40 trees in 4.0 s");
});

test("a retraining is called one, beside the replay it interrupts", () => {
  const screen = new FakeTerminal(100);
  const { board, display } = watched(screen);
  for (const id of ["data", "features", "train", "register"]) {
    board.start(id);
    board.finish(id);
  }
  board.start("replay", 0, 100);
  board.start("data");
  board.finish("data");
  board.start("train", 0, 40);
  expect(screen.text).toMatch(/› retrain: train +╌/);
  board.advance("train", 40, 40);
  board.finish("train");
  display.end();
  const told = screen.text.split("\n").filter((line) => line.startsWith("✓"));
  expect(told.map((line) => line.replace(/: [^:]*$/, ""))).toEqual(["✓ check data", "✓ training set", "✓ train", "✓ register", "✓ retrain: train"]);
});

test("what is said by the way stands above what is under way", () => {
  const screen = new FakeTerminal(80);
  const { board, display } = watched(screen);
  board.start("parity", 0, 10);
  display.say("karkhana: the serving process ended (SIGKILL); starting it again");
  expect(screen.text.split("\n").map((line) => line.slice(0, 18))).toEqual(["karkhana: the serv", "› online = offline", "  then: check data"]);
  display.end();
  expect(screen.text).toBe("karkhana: the serving process ended (SIGKILL); starting it again");
});

test("text that is too long is broken between words and goes on below itself", () => {
  const screen = new FakeTerminal(60);
  const { board, display } = watched(screen);
  board.tell({ event: "decision", atUs: 983_404_800_000_000, model: "m", version: 2, kind: "ab-started", text: long });
  display.end();
  const [first, ...rest] = screen.text.split("\n");
  expect(first).toBe("» 2001-03-01 00:00  v2 answers 50 % of questions: The");
  expect(rest.length).toBeGreaterThan(1);
  for (const line of rest) expect(line).toMatch(/^ {20}\S/);
  expect([first, ...rest].map((line) => line?.trim()).join(" ")).toContain(long);
});

test("where there is no terminal, plain lines without control characters, a phase at each tenth", () => {
  const screen = new FakeTerminal(80, false);
  const written: string[] = [];
  const { board, pass } = watched(Object.assign(screen, { write: (text: string) => void written.push(text) }));
  board.start("replay", 0, 100);
  for (let done = 1; done <= 100; done++) {
    pass(100);
    board.advance("replay", done, 100);
  }
  board.finish("replay");
  const lines = written.join("").split("\n").slice(0, -1);
  expect(lines.length).toBe(10);
  expect(lines[0]).toBe("  replay: 10 % (10.0 questions/s, 9.0 s left)");
  expect(lines.at(-1)).toBe("✓ replay: 100 questions in 10 s");
  expect(written.join("")).not.toContain(escape);
});
