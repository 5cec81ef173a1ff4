export interface Repeated {
  /** Stops what is under way and waits for it. */
  readonly close: () => Promise<void>;
}

/** Does a piece of work every so many milliseconds, never twice at a time: a round that takes longer is waited for. */
export function repeatedly(everyMs: number, work: (signal: AbortSignal) => Promise<void>, onFailure: (error: unknown) => void): Repeated {
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  const round = async (): Promise<void> => {
    try {
      await work(stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) onFailure(error);
    } finally {
      running = undefined;
    }
  };
  const timer = setInterval(() => {
    running ??= round();
  }, everyMs).unref();
  return {
    close: async () => {
      clearInterval(timer);
      stop.abort();
      await running;
    },
  };
}
