import type { ErrorRecord } from "../kernel/error.ts";
import type { LoopEvent, LoopProgress } from "../workflows/progress.ts";

/** What the supervisor and its processes say to each other over the channel Node gives a child. */
export type ChildMessage =
  | { readonly kind: "ready"; readonly url: string; readonly grpcAddress?: string; readonly peerPort?: number }
  | { readonly kind: "refused"; readonly error: ErrorRecord }
  | { readonly kind: "loop"; readonly event: LoopEvent; readonly progress: LoopProgress }
  | { readonly kind: "loop-ended"; readonly error: ErrorRecord | null };

/** What the supervisor says. */
export type SupervisorMessage =
  | { readonly kind: "stop" }
  /** The serving processes that are up, with the ports that they answer each other on. */
  | { readonly kind: "peers"; readonly peers: readonly { readonly process: number; readonly port: number }[] };

export function tellSupervisor(message: ChildMessage): void {
  // A supervisor that was killed hears nothing; that must not end this process before it has closed what is open.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/** Calls `hear` whenever the supervisor says which serving processes are up. */
export function onPeers(hear: (peers: readonly { readonly process: number; readonly port: number }[]) => void): void {
  process.on("message", (message: SupervisorMessage) => {
    if (message.kind === "peers") hear(message.peers);
  });
}

export interface Ending {
  /** What to do before this process ends, from now on. Until then it just ends. */
  by(close: () => Promise<void>): void;
}

/**
 * Ends this process cleanly on "stop", on a signal, and when the supervisor is gone (its channel closes even on `kill -9`),
 * so that no orphan keeps a port or a lock. To be called first of all: nobody is told twice that the channel has closed.
 */
export function endWithSupervisor(): Ending {
  let close: () => Promise<void> = () => Promise.resolve();
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    // Not `process.exit`, which waits for worker threads amid native work.
    const hard = setTimeout(() => process.kill(process.pid, "SIGKILL"), 15_000);
    hard.unref();
    close().then(
      // Worker threads may be amid a DuckDB query, which Node cannot take down in order: the process would abort with a message of its own.
      // All that had to be closed is closed, and jobs survive `kill -9` anyway.
      () => (process.exitCode === undefined ? process.kill(process.pid, "SIGKILL") : process.exit()),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on("message", (message: SupervisorMessage) => {
    if (message.kind === "stop") end();
  });
  process.on("disconnect", end);
  // The terminal sends ^C to the whole group; the supervisor decides, so children only listen to it.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", end);
  // It was killed while this program was being loaded.
  if (process.send !== undefined && !process.connected) end();
  return {
    by: (closing) => {
      close = closing;
    },
  };
}
