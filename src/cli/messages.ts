import type { ErrorRecord } from "../kernel/error.ts";
import type { LoopEvent, LoopProgress } from "../workflows/progress.ts";

/** What the supervisor and its two processes say to each other over the channel Node gives a child. */
export type ChildMessage =
  | { readonly kind: "ready"; readonly url: string }
  | { readonly kind: "refused"; readonly error: ErrorRecord }
  | { readonly kind: "loop"; readonly event: LoopEvent; readonly progress: LoopProgress }
  | { readonly kind: "loop-ended"; readonly error: ErrorRecord | null };

export interface StopMessage {
  readonly kind: "stop";
}

export function tellSupervisor(message: ChildMessage): void {
  process.send?.(message);
}

/**
 * Ends this process cleanly on "stop", on a signal, and when the supervisor is gone (its channel closes even on `kill -9`),
 * so that no orphan keeps a port or a lock.
 */
export function endWithSupervisor(close: () => Promise<void>): void {
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    const hard = setTimeout(() => process.exit(1), 8000);
    hard.unref();
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on("message", (message: StopMessage) => {
    if (message.kind === "stop") end();
  });
  process.on("disconnect", end);
  // The terminal sends ^C to the whole group; the supervisor decides, so children only listen to it.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", end);
}
