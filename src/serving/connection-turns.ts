import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { InFlight, Ticket } from "./in-flight.ts";

/** Seconds, as Retry-After tells whoever is refused for want of room. */
export const retryAfterSeconds = 1;

/** Share of its time the event loop is busy above which the processor is what answers wait for. */
const busy = 0.8;
/** It is looked at over this long: one collection of garbage is no load. */
const utilizationMs = 100;
/**
 * Requests read and not answered, above which a busy server takes its connections in turn. More of them at once only push each other out of
 * the processor's caches: with 1,024, a third fewer were answered than with 64.
 */
const abreast = 64;
/** Of refused connections whose time has come while there is still no room, so many a millisecond are asked again: each may be one more refusal. */
const duePerMs = 1;

type Room = Pick<InFlight<never>, "size" | "limit" | "takePeak" | "beginWait" | "endWait">;
type Asker = Pick<Ticket<unknown>, "model" | "tenant">;

interface Place extends Asker {
  readonly socket: Socket;
  readonly sinceMs: number;
}

/** Of those that had their turn, so many places are kept before the line is moved up. */
const moveUpAfter = 1024;

export interface ConnectionTurnsOptions {
  readonly inFlight: Room;
  readonly timerMs: () => number;
  /** Share of the time since it was last asked in which the event loop was busy. */
  readonly utilization: () => number;
}

/**
 * Which connections are read. Under load that the server can bear: all. Above it, what is not read yet waits in the system's buffers, where it
 * costs nothing, instead of in our memory or in refusals:
 *
 * - A connection that was answered while the server has more than enough to do goes to the end of a line and is read when its turn comes.
 *   Those in line count as taken room, so whoever would wait too long behind them is refused.
 * - A connection that was refused rests until there is room again or Retry-After has passed, since many clients ask again at once whatever
 *   they are told. Answered as fast as they come, refusals took nearly all of the processor.
 */
export class ConnectionTurns {
  readonly #inFlight: Room;
  readonly #timerMs: () => number;
  readonly #utilization: () => number;
  /** In the order of their turns, which those before `#head` have had. An array for the reason `InFlight` has one. */
  readonly #line: Place[] = [];
  #head = 0;
  /** In the order they came, with the time until which each rests. */
  readonly #resting = new Map<Socket, number>();
  #isBusy = false;
  #isOver = false;
  #isAdvancing = false;
  #measuredMs = Number.NaN;
  #lookedMs = Number.NaN;

  constructor({ inFlight, timerMs, utilization }: ConnectionTurnsOptions) {
    this.#inFlight = inFlight;
    this.#timerMs = timerMs;
    this.#utilization = utilization;
  }

  /** Connections that wait for their turn, and that rest after a refusal. */
  get waiting(): number {
    return this.#line.length - this.#head;
  }

  get resting(): number {
    return this.#resting.size;
  }

  /** To be called when a request has been answered and has left. */
  answered(socket: Socket, { model, tenant }: Asker): void {
    if (this.#isOver) return;
    const { waiting } = this;
    // One request more may have been read on it before it was paused: then it is in line already.
    if (this.#isBusy && (waiting > 0 || this.#inFlight.size >= abreast) && !socket.isPaused()) {
      socket.pause();
      const place = { socket, model, tenant, sinceMs: this.#timerMs() };
      this.#line.push(place);
      this.#inFlight.beginWait(place, place.sinceMs);
    } else if (waiting === 0) return;
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    // Once for all that were answered in this turn of the event loop.
    setImmediate(() => {
      this.#isAdvancing = false;
      this.#advance();
    });
  }

  /** To be called with a refusal for want of room. */
  refused(request: IncomingMessage): void {
    if (this.#isOver) return;
    const { socket } = request;
    // Not before: at the end of a request Node reads on.
    request.once("end", () => {
      if (this.#isOver) return;
      socket.pause();
      this.#resting.set(socket, this.#timerMs() + retryAfterSeconds * 1000);
    });
    request.resume();
  }

  /** To be called every few milliseconds. */
  look(): void {
    const nowMs = this.#timerMs();
    if (!(nowMs - this.#measuredMs < utilizationMs)) {
      this.#isBusy = this.#utilization() >= busy;
      this.#measuredMs = nowMs;
    }
    this.#advance();
    let due = Math.ceil(duePerMs * (nowMs - this.#lookedMs));
    this.#lookedMs = nowMs;
    const { limit } = this.#inFlight;
    const peak = this.#inFlight.takePeak();
    // Not while half is taken even for a moment: requests come and are answered in waves, and those let in now keep the server busy.
    let room = peak < limit / 2 ? limit - peak : 0;
    for (const [socket, untilMs] of this.#resting) {
      if (room-- <= 0 && (untilMs > nowMs || due-- <= 0)) return;
      this.#resting.delete(socket);
      socket.resume();
    }
  }

  /** From now on everybody is read: whoever asks is told that the server ends. */
  end(): void {
    this.#isOver = true;
    this.#isBusy = false;
    this.#advance();
    for (const socket of this.#resting.keys()) socket.resume();
    this.#resting.clear();
  }

  /** A connection whose client has gone meanwhile takes no harm: it learns of it when it is read. */
  #advance(): void {
    const places = this.#isBusy ? abreast - this.#inFlight.size : this.waiting;
    const end = Math.min(this.#line.length, this.#head + places);
    const nowMs = this.#timerMs();
    for (; this.#head < end; this.#head++) {
      const place = this.#line[this.#head]!;
      this.#inFlight.endWait(place, nowMs - place.sinceMs);
      place.socket.resume();
    }
    if (this.#head < moveUpAfter && this.#head < this.#line.length) return;
    this.#line.splice(0, this.#head);
    this.#head = 0;
  }
}
