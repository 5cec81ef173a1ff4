import type { Clock } from "../kernel/clock.ts";
import { MICROS_PER_SECOND } from "../kernel/time.ts";
import type { MonitorConsumer } from "../monitoring/consumer.ts";
import type { MonitorEvent } from "../monitoring/monitor.ts";
import type { ParityWatch } from "./parity-watch.ts";
import type { EventClock } from "./platform.ts";

export const liveEveryMs = 10_000;
/**
 * How far behind the present the monitors stay. A question is dated when it arrives and in the log once it is answered, 5 s later at most;
 * the rest is for flushes, for shadows, which are answered after it, and for clocks of replicas that differ.
 */
export const liveMarginUs: number = 30 * MICROS_PER_SECOND;

export interface LiveWatchOptions {
  readonly consumers: ReadonlyMap<string, Pick<MonitorConsumer, "advanceLive">>;
  readonly parity: Pick<ParityWatch, "poke">;
  readonly eventClock: Pick<EventClock, "isReplaying">;
  readonly machineClock: Clock;
  /**
   * Whether a model's time is not the present yet: a loop that replays its history is under way, or was killed and may go on. Its windows must
   * not close before it has played them. Asked in every round until it is false once: nobody begins a loop later.
   */
  readonly isHeld: (model: string) => Promise<boolean>;
  readonly onEvents: (events: readonly MonitorEvent[]) => void;
  /** Told once of a model until a round of it succeeds or fails otherwise. */
  readonly onFailure: (model: string, error: unknown) => void;
}

/** What the replay does for the days it plays, for questions of the present: one round brings the monitors up to now and looks whether parity is due. */
export interface LiveWatch {
  round(signal?: AbortSignal): Promise<void>;
}

export function createLiveWatch(options: LiveWatchOptions): LiveWatch {
  const { consumers, parity, eventClock, machineClock } = options;
  const free = new Set<string>();
  const told = new Map<string, string>();

  const isFree = async (model: string): Promise<boolean> => {
    if (free.has(model)) return true;
    if (await options.isHeld(model)) return false;
    free.add(model);
    return true;
  };

  const watch = async (model: string, consumer: Pick<MonitorConsumer, "advanceLive">): Promise<void> => {
    try {
      // A clock that was put back closes nothing a second time: the monitors' own time never goes back.
      if (await isFree(model)) {
        if (eventClock.isReplaying) return;
        const events = await consumer.advanceLive(machineClock.nowUs() - liveMarginUs);
        if (events.length > 0) options.onEvents(events);
      }
      told.delete(model);
    } catch (error) {
      const text = String(error);
      if (told.get(model) === text) return;
      told.set(model, text);
      options.onFailure(model, error);
    }
  };

  return {
    round: async (signal) => {
      for (const [model, consumer] of consumers) {
        if (signal?.aborted === true || eventClock.isReplaying) return;
        await watch(model, consumer);
        // Vectors are compared as of their own times, whatever time it is.
        parity.poke(model);
      }
    },
  };
}
