import { useSyncExternalStore } from "react";
import type { Session } from "../../src/server/api.ts";

/** Who looks; null until the server was asked. */
let session: Session | null = null;
const listeners = new Set<() => void>();

export function setSession(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

/** The server said that nobody is recognised: the session ended, or somebody made the first user meanwhile. */
export function sessionEnded(): void {
  if (session?.state !== "signed-out") setSession({ state: "signed-out", user: null, role: null });
}

export function useSession(): Session | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => session,
  );
}
