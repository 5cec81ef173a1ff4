import { Worker } from "node:worker_threads";
import { fromErrorRecord, KarkhanaError } from "../kernel/error.ts";
import type { DayResult, ReplayReply, ReplayWorkerData } from "./replay-messages.ts";

export interface ReplayDriver {
  /** Plays [fromUs, toUs); one at a time. */
  runDay(fromUs: number, toUs: number, onProgress: (asked: number, atUs: number) => void): Promise<DayResult>;
  close(): Promise<void>;
}

/** Starts the replay's worker thread; resolves once it has read its rows. */
export async function startReplayDriver(settings: ReplayWorkerData): Promise<ReplayDriver> {
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
  await answer((reply) => (reply.kind === "loaded" ? reply : undefined));
  return {
    runDay: (fromUs, toUs, onProgress) => {
      const result = answer((reply) => {
        if (reply.kind === "progress") onProgress(reply.asked, reply.atUs);
        return reply.kind === "done" ? reply.result : undefined;
      });
      worker.postMessage({ kind: "day", fromUs, toUs });
      return result;
    },
    close: async () => {
      await worker.terminate();
    },
  };
}
