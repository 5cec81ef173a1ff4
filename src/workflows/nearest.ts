import { Worker } from "node:worker_threads";
import type { FeatureViewDefinition } from "../features/definition.ts";
import type { NearestAnswer, NearestQuestion } from "../features/nearest/view-index.ts";
import { fromErrorRecord, KarkhanaError, type ErrorRecord } from "../kernel/error.ts";
import type { OnlineStoreLocation } from "./jobs/online-store.ts";
import { leaveWorker } from "./leave-worker.ts";

export interface NearestWorkerData {
  readonly projectFile: string;
  readonly onlineStore: OnlineStoreLocation;
}

export type NearestRequest =
  | { readonly kind: "ask"; readonly id: number; readonly view: string; readonly feature: string; readonly question: NearestQuestion }
  | { readonly kind: "close" };

export type NearestReply = { readonly id: number; readonly answer: NearestAnswer } | { readonly id: number; readonly error: ErrorRecord };

/** Nearest neighbours by the views' embeddings, in a worker thread that is started by the first question, and again by the next one after it ended. */
export interface NearestNeighbours {
  /** @throws FEATURE_NOT_FOUND, EMBEDDING_INVALID, EMBEDDING_NOT_FOUND, INVALID_ARGUMENT, NEAREST_INDEX_FULL, NEAREST_UNAVAILABLE */
  nearest(view: FeatureViewDefinition, question: NearestQuestion): Promise<NearestAnswer>;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (answer: NearestAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** A thread and who waits for it: the end of one must not be told to those who ask the next. */
interface Running {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
}

export function createNearestNeighbours(data: NearestWorkerData): NearestNeighbours {
  let running: Running | undefined;
  let next = 0;

  const open = (): Running => {
    const worker = new Worker(new URL(`./nearest-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url), { workerData: data });
    worker.unref();
    const started: Running = { worker, waiting: new Map() };
    const { waiting } = started;
    const end = (problem: string): void => {
      if (running === started) running = undefined;
      for (const { reject } of waiting.values()) reject(new KarkhanaError("NEAREST_UNAVAILABLE", { problem }));
      waiting.clear();
    };
    worker.on("message", (reply: NearestReply) => {
      const asker = waiting.get(reply.id);
      waiting.delete(reply.id);
      if ("answer" in reply) asker?.resolve(reply.answer);
      else asker?.reject(fromErrorRecord(reply.error));
    });
    worker.on("error", (error) => end(error instanceof Error ? error.message : String(error)));
    worker.on("exit", (code) => end(`its thread ended with exit code ${code}`));
    return started;
  };

  return {
    nearest: async (view, question) => {
      const feature = embeddingOf(view, question.feature);
      const { worker, waiting } = (running ??= open());
      return new Promise<NearestAnswer>((resolve, reject) => {
        const id = next++;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ kind: "ask", id, view: view.name, feature, question } satisfies NearestRequest);
      });
    },
    close: async () => {
      const ended = running?.worker;
      running = undefined;
      if (ended === undefined) return;
      ended.postMessage({ kind: "close" } satisfies NearestRequest);
      await leaveWorker(ended);
    },
  };
}

/** @throws FEATURE_NOT_FOUND, INVALID_ARGUMENT where a view has several and none is named */
export function embeddingOf(view: FeatureViewDefinition, feature: string | undefined): string {
  const names = Object.entries(view.features).flatMap(([name, one]) => (one.embedding === undefined ? [] : [name]));
  const [only] = names;
  if (feature === undefined && names.length > 1)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: "feature", problem: `view ${view.name} has several embeddings: ${names.join(", ")}`, value: null });
  const found = feature === undefined ? only : names.find((name) => name === feature);
  if (found === undefined)
    throw new KarkhanaError("FEATURE_NOT_FOUND", {
      field: "feature",
      what: `embedding of view ${view.name}`,
      name: feature?.slice(0, 200) ?? "at all",
      known: names.join(", ") || "none",
    });
  return found;
}
