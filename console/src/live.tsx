import { useSyncExternalStore } from "react";
import type { LoopEvent, LoopProgress, Phase } from "../../src/server/api.ts";
import { queries, type Topic } from "./requests.ts";

export interface Live {
  readonly connected: boolean;
  readonly progress: LoopProgress;
}

let live: Live = { connected: false, progress: { phases: [], replayUs: null, recent: [], summary: null } };
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

/** Opens the stream; the browser reconnects by itself, and every connection starts with the whole state. @returns what closes it */
export function startLive(): () => void {
  const source = new EventSource("/api/v1/progress");
  source.addEventListener("open", () => change({ connected: true }));
  source.addEventListener("error", () => change({ connected: false }));
  source.addEventListener("state", (message) => {
    const wasConnectedBefore = live.progress.phases.length > 0;
    change({ progress: JSON.parse(message.data) as LoopProgress });
    if (wasConnectedBefore) markStale(topicsOf["summary"]!);
  });
  source.addEventListener("loop", (message) => take(JSON.parse(message.data) as LoopEvent));
  return () => source.close();
}
