import type { LoopEvent, LoopProgress, Phase } from "../workflows/progress.ts";
import { barLine, cutTo, eventText, progressText, titleWidth, wrapped } from "./terminal-text.ts";

/** The part of a terminal or file that the display writes to. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Phases of a training: once the replay runs, they belong to a retraining and not to the first training any more. */
const trainingPhases = new Set(["data", "features", "train", "register"]);
const tickMs = 500;

/**
 * The loop's progress for a person. On a terminal: what has happened stays as lines, below them what is under way, redrawn in place; no line
 * is longer than the terminal is wide. Elsewhere: plain lines, a phase told at every tenth.
 */
export class LoopDisplay {
  readonly #out: Screen;
  readonly #nowMs: () => number;
  readonly #lastTenth = new Map<string, number>();
  readonly #startedMs = new Map<string, number>();
  #progress: LoopProgress | undefined;
  #numDrawn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(out: Screen, nowMs: () => number = () => performance.now()) {
    this.#out = out;
    this.#nowMs = nowMs;
  }

  show(event: LoopEvent, progress: LoopProgress): void {
    this.#progress = progress;
    for (const { id, state } of progress.phases) {
      if (state !== "running") this.#startedMs.delete(id);
      else if (!this.#startedMs.has(id)) this.#startedMs.set(id, this.#nowMs());
    }
    const text = this.#textOf(event);
    if (this.#out.isTTY !== true) {
      if (text !== undefined) this.#out.write(`${text}\n`);
      return;
    }
    this.#redraw(text === undefined ? [] : wrapped(text, this.#columns()), event.event === "summary" ? [] : this.#live());
    this.#timer ??= setInterval(() => this.#redraw([], this.#live()), tickMs).unref();
    if (event.event === "summary") this.end();
  }

  /** A line that is no event of the loop, such as a process that had to be started again. */
  say(text: string): void {
    if (this.#out.isTTY === true) this.#redraw(wrapped(text, this.#columns()), this.#timer === undefined ? [] : this.#live());
    else this.#out.write(`${text}\n`);
  }

  /** Takes what is under way off the screen; to be called before anything else is printed, and when the loop has ended. */
  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#numDrawn > 0) this.#redraw([], []);
  }

  #textOf(event: LoopEvent): string | undefined {
    if (event.event === "progress") return this.#out.isTTY === true ? undefined : this.#tenthOf(event.phase);
    if (event.event !== "phase") return eventText(event);
    const retrain = this.#isRetraining(event.phase);
    // Of a retraining, data and registration are quick and their outcome is told anyway.
    if (event.phase.state === "running" || (retrain && (event.phase.id === "data" || event.phase.id === "register"))) return undefined;
    return eventText(event, retrain ? "retrain: " : "");
  }

  #tenthOf(phase: Phase): string | undefined {
    const tenth = phase.total > 0 ? Math.floor((10 * phase.done) / phase.total) : 0;
    if (this.#lastTenth.get(phase.id) === tenth) return undefined;
    this.#lastTenth.set(phase.id, tenth);
    return tenth === 0 || tenth >= 10 ? undefined : progressText(phase, this.#isRetraining(phase) ? "retrain: " : "");
  }

  #isRetraining(phase: Phase): boolean {
    return trainingPhases.has(phase.id) && this.#progress?.phases.some((p) => p.id === "replay" && p.state === "running") === true;
  }

  #live(): string[] {
    const progress = this.#progress;
    if (progress === undefined) return [];
    const width = this.#columns();
    const running = progress.phases
      .filter((phase) => phase.state === "running")
      .map((phase) => ({ ...phase, title: `${this.#isRetraining(phase) ? "retrain: " : ""}${phase.title}` }));
    const titles = Math.max(titleWidth, ...running.map((phase) => phase.title.length));
    const rows = running.map((phase) => {
      const seconds = Math.max(phase.seconds, (this.#nowMs() - (this.#startedMs.get(phase.id) ?? this.#nowMs())) / 1000);
      return barLine(phase, seconds, phase.id === "replay" ? progress.replayUs : null, width, titles);
    });
    const next = progress.phases.filter((phase) => phase.state === "waiting").map((phase) => phase.title);
    return next.length === 0 ? rows : [...rows, cutTo(`  then: ${next.join(", ")}`, width)];
  }

  /** The last column stays free: a terminal that wraps there would put the cursor a line too low. */
  #columns(): number {
    return Math.max(20, (this.#out.columns ?? 80) - 1);
  }

  /** One write: each line overwrites the one before, so nothing blinks. */
  #redraw(lines: readonly string[], live: readonly string[]): void {
    const up = this.#numDrawn > 0 ? `\u001B[${this.#numDrawn}A` : "";
    const body = [...lines, ...live].map((line) => `${line}\u001B[K\n`).join("");
    this.#out.write(`${up}${body}\u001B[J`);
    this.#numDrawn = live.length;
  }
}
