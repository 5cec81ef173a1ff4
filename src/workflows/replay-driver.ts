import { Worker } from "node:worker_threads";
import { fromErrorRecord, KarkhanaError } from "../kernel/error.ts";
import { leaveWorker } from "./leave-worker.ts";
import type { DayResult, ReplayReply, ReplayRequest, ReplayWorkerData } from "./replay-messages.ts";

export interface ReplayDriver {
  /** Plays [fromUs, toUs); one at a time. A day that fails takes everything it had under way with it, and can be played again. */
  runDay(fromUs: number, toUs: number, onProgress: (asked: number, atUs: number) => void): Promise<DayResult>;
  close(): Promise<void>;
}

/** The replay in a worker thread of its own, which is started by the first day and by the first one after a day that failed. */
export function openReplayDriver(settings: ReplayWorkerData): ReplayDriver {
  let player: DayPlayer | undefined;
  let closed = false;
  return {
    runDay: async (fromUs, toUs, onProgress) => {
      if (closed) throw new KarkhanaError("JOB_STOPPED", { job: "replay" });
      player ??= startPlayer(settings);
      try {
        return await player.play(fromUs, toUs, onProgress);
      } catch (error) {
        // Its other questions and pushes are still on their way: they would mix with those of the day's next play.
        await player?.abandon();
        player = undefined;
        throw error;
      }
    },
    close: async () => {
      closed = true;
      await player?.leave();
      player = undefined;
    },
  };
}

interface DayPlayer {
  readonly play: ReplayDriver["runDay"];
  /** Ends a worker that has nothing under way. */
  readonly leave: () => Promise<void>;
  /** Ends it with what it has under way. */
  readonly abandon: () => Promise<void>;
}

function startPlayer(settings: ReplayWorkerData): DayPlayer {
  const worker = new Worker(new URL(`./replay-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url), { workerData: settings });
  const died = new Promise<never>((_, reject) => {
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new KarkhanaError("INTERNAL", { problem: `the replay's worker ended with exit code ${code}` })));
  });
  died.catch(() => undefined);
  const answer = <T>(pick: (reply: ReplayReply) => T | undefined): Promise<T> => {
    const replied = new Promise<T>((resolve, reject) => {
      const hear = (reply: ReplayReply): void => {
        const picked = reply.kind === "failed" ? undefined : pick(reply);
        if (reply.kind !== "failed" && picked === undefined) return;
        worker.off("message", hear);
        if (reply.kind === "failed") reject(fromErrorRecord(reply.error));
        else resolve(picked as T);
      };
      worker.on("message", hear);
    });
    return Promise.race([replied, died]);
  };
  const loaded = answer((reply) => (reply.kind === "loaded" ? reply : undefined));
  return {
    play: async (fromUs, toUs, onProgress) => {
      await loaded;
      const result = answer((reply) => {
        if (reply.kind === "progress") onProgress(reply.asked, reply.atUs);
        return reply.kind === "done" ? reply.result : undefined;
      });
      worker.postMessage({ kind: "day", fromUs, toUs });
      return result;
    },
    leave: async () => {
      worker.postMessage({ kind: "stop" } satisfies ReplayRequest);
      await leaveWorker(worker);
    },
    abandon: async () => {
      await worker.terminate();
    },
  };
}
