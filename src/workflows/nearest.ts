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

export function createNearestNeighbours(data: NearestWorkerData): NearestNeighbours {
  let worker: Worker | undefined;
  let next = 0;
  const waiting = new Map<number, Waiting>();

  const open = (): Worker => {
    if (worker !== undefined) return worker;
    const started = new Worker(new URL(`./nearest-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url), { workerData: data });
    started.unref();
    worker = started;
    const end = (problem: string): void => {
      if (worker === started) worker = undefined;
      for (const { reject } of waiting.values()) reject(new KarkhanaError("NEAREST_UNAVAILABLE", { problem }));
      waiting.clear();
    };
    started.on("message", (reply: NearestReply) => {
      const asker = waiting.get(reply.id);
      waiting.delete(reply.id);
      if ("answer" in reply) asker?.resolve(reply.answer);
      else asker?.reject(fromErrorRecord(reply.error));
    });
    started.on("error", (error) => end(error instanceof Error ? error.message : String(error)));
    started.on("exit", (code) => end(`its thread ended with exit code ${code}`));
    return started;
  };

  return {
    nearest: async (view, question) => {
      const feature = embeddingOf(view, question.feature);
      return new Promise<NearestAnswer>((resolve, reject) => {
        const id = next++;
        waiting.set(id, { resolve, reject });
        open().postMessage({ kind: "ask", id, view: view.name, feature, question } satisfies NearestRequest);
      });
    },
    close: async () => {
      const ended = worker;
      worker = undefined;
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
