/**
 * How many requests may be under way: additive increase, multiplicative decrease on the time they take.
 * By Little's law the number under way is rate times time, so a limit that is too high shows as time, and one that is too low as refusals
 * while the time is short. The number found is this machine's, this model's and this hour's; nobody has to configure it.
 * @see Chiu, Jain, Analysis of the increase and decrease algorithms for congestion avoidance (1989)
 */
export interface ConcurrencyLimitOptions {
  readonly min: number;
  readonly max: number;
  /** Mean time in the server above which it is taken to be overloaded. */
  readonly targetMs: number;
}

/** Looks in a row that must find it overloaded: a pause of the collector or of the machine is no overload. */
const patience = 3;
const decrease = 0.8;
const increase = 0.1;
/** What is kept of the best throughput from look to look: half of it is forgotten in half a minute. */
const remembered = 0.998;

export class ConcurrencyLimit {
  readonly #options: ConcurrencyLimitOptions;
  #limit: number;
  #sumMs = 0;
  #count = 0;
  /** Most requests under way at once since the last look. */
  #peak = 0;
  #overTarget = 0;
  /** Most answers between two looks lately. */
  #best = 0;

  constructor(options: ConcurrencyLimitOptions) {
    this.#options = options;
    this.#limit = options.max;
  }

  get current(): number {
    return Math.floor(this.#limit);
  }

  entered(inFlight: number): void {
    if (inFlight > this.#peak) this.#peak = inFlight;
  }

  /** Time in line is time in the server. It was counted for its connection; what was asked there meanwhile is counted by `left`. */
  waited(ms: number): void {
    this.#sumMs += ms;
  }

  left(tookMs: number): void {
    this.#sumMs += tookMs;
    this.#count++;
  }

  /** Draws the conclusion of the time since the last call. @param lagMs how late the turn of the event loop is that calls this @param lookMs how long ago the last call was */
  adjust(lagMs: number, lookMs: number): void {
    const { min, max, targetMs } = this.#options;
    this.#best = Math.max(this.#best * remembered, this.#count);
    // What it has shown to finish within the target: where neighbours take the processor, letting in fewer would make nothing faster.
    const floor = Math.min(max, Math.max(min, (this.#best * targetMs) / lookMs));
    const meanMs = this.#count === 0 ? 0 : this.#sumMs / this.#count;
    if (Math.max(meanMs, lagMs) > targetMs) {
      this.#overTarget++;
      // From what was really under way: a limit far above it would take many steps to be felt.
      if (this.#overTarget >= patience && this.#peak > 0) this.#limit = Math.max(floor, Math.min(this.#limit, this.#peak) * decrease);
    } else {
      this.#overTarget = 0;
      if (this.#peak >= this.#limit * 0.8) this.#limit = Math.min(max, this.#limit + Math.max(1, this.#limit * increase));
    }
    this.#sumMs = this.#count = this.#peak = 0;
  }
}
