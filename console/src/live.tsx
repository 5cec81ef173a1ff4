import { useSyncExternalStore } from "react";
import type { LoopEvent, LoopProgress, Phase, Session } from "../../src/server/api.ts";
import { queries, request, type Topic } from "./requests.ts";
import { setSession } from "./session.ts";

export interface Live {
  readonly connected: boolean;
  /** The server was there and is not any more: what is shown may be out of date. */
  readonly lost: boolean;
  readonly progress: LoopProgress;
}

let live: Live = { connected: false, lost: false, progress: { phases: [], replayUs: null, recent: [], summary: null } };
const listeners = new Set<() => void>();

function change(next: Partial<Live>): void {
  live = { ...live, ...next };
  for (const listener of listeners) listener();
}

/** The running loop, as the server's event stream tells it. */
export function useLive(): Live {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => live,
  );
}

const topicsOf: Readonly<Record<string, readonly Topic[]>> = {
  phase: ["overview", "data", "features", "runs", "models", "monitoring", "pipelines", "serving", "alerts"],
  progress: ["overview", "serving", "pipelines"],
  window: ["overview", "monitoring", "serving", "predictions", "path"],
  alert: ["overview", "alerts", "monitoring"],
  definition: ["features", "models"],
  decision: ["overview", "models", "monitoring", "runs", "pipelines"],
  summary: ["overview", "models", "monitoring", "runs", "pipelines", "alerts", "serving", "predictions", "path"],
  log: [],
};

// However fast events come, a page asks again at most every two seconds, and only for what it shows.
const stale = new Set<Topic>();
let timer: ReturnType<typeof setTimeout> | undefined;

function markStale(topics: readonly Topic[]): void {
  for (const topic of topics) stale.add(topic);
  timer ??= setTimeout(() => {
    timer = undefined;
    for (const topic of stale) void queries.invalidateQueries({ queryKey: [topic] });
    stale.clear();
  }, 2000);
}

function take(event: LoopEvent): void {
  const { progress } = live;
  if (event.event === "phase" || event.event === "progress") change({ progress: { ...progress, phases: withPhase(progress.phases, event.phase) } });
  else {
    const recent = [...progress.recent, event].slice(-200);
    const replayUs = event.event === "window" ? Math.max(event.atUs, progress.replayUs ?? 0) : progress.replayUs;
    change({ progress: { ...progress, recent, replayUs, summary: event.event === "summary" ? event : progress.summary } });
  }
  markStale(topicsOf[event.event] ?? []);
}

function withPhase(phases: readonly Phase[], phase: Phase): readonly Phase[] {
  return phases.some((p) => p.id === phase.id) ? phases.map((p) => (p.id === phase.id ? phase : p)) : [...phases, phase];
}

const againMs = 5000;

/** Opens the stream, again and again; every connection starts with the whole state. @returns what closes it */
export function startLive(): () => void {
  let source: EventSource;
  let again: ReturnType<typeof setTimeout> | undefined;
  const open = (): void => {
    source = new EventSource("/api/v1/progress");
    source.addEventListener("open", () => change({ connected: true }));
    source.addEventListener("error", () => {
      change({ connected: false, lost: true });
      // A browser goes on by itself after a broken connection, but not after an answer that is no stream: a proxy's, or that one has to sign in now.
      if (source.readyState !== EventSource.CLOSED) return;
      void request<Session>("/session").then(setSession, () => undefined);
      again = setTimeout(open, againMs);
    });
    source.addEventListener("state", (message) => {
      const wasLost = live.lost;
      change({ connected: true, lost: false, progress: JSON.parse(message.data) as LoopProgress });
      // Whatever was told meanwhile was not heard, and what was asked meanwhile failed.
      if (wasLost) void queries.invalidateQueries();
    });
    source.addEventListener("loop", (message) => take(JSON.parse(message.data) as LoopEvent));
  };
  open();
  return () => {
    clearTimeout(again);
    source.close();
    change({ connected: false, lost: false });
  };
}
