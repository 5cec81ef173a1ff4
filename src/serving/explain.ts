/**
 * Why a version scored a row as it did, worked out on a thread of its own, so that the process that asks goes on answering.
 * A thread keeps the last few models it explained; their files are sent to it once.
 */
import { Worker } from "node:worker_threads";
import { codeOf, fromErrorRecord, KarkhanaError, type ErrorRecord } from "../kernel/error.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import { tensorManifestFormat } from "./manifest.ts";

export interface RowExplanation {
  /** Raw score of the average row, where the contributions begin. */
  readonly baseline: number;
  /** What each slot adds to the raw score, in the slots' order; with the baseline they sum to `rawScore`. */
  readonly contributions: Float64Array;
  /** Log-odds, or what the model's library calls its raw score. */
  readonly rawScore: number;
  readonly score: number;
}

export interface Explainer {
  /** @throws EXPLANATION_UNAVAILABLE, and the codes of `loadVersionArtifact` */
  explain(artifactPath: string, vector: Float64Array): Promise<RowExplanation>;
  close(): Promise<void>;
}

/** To the thread: one question; `files` where the thread does not have the version yet. */
export interface ExplainTask {
  readonly id: number;
  readonly path: string;
  readonly vector: Float64Array;
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

export type ExplainReply =
  | { readonly id: number; readonly kind: "explained"; readonly explanation: RowExplanation }
  | { readonly id: number; readonly kind: "unknown-version" }
  | { readonly id: number; readonly kind: "refused"; readonly error: ErrorRecord };

/** Questions at once; a page asks one at a time. */
const maxWaiting = 32;

export function createExplainer(blobs: Pick<BlobStore, "get">): Explainer {
  const waiting = new Map<number, { readonly resolve: (reply: ExplainReply) => void; readonly reject: (error: Error) => void }>();
  let worker: Worker | undefined;
  let ended: Promise<void> = Promise.resolve();
  let nextId = 0;

  const start = (): Worker => {
    const file = new URL(`./explain-worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);
    const started = new Worker(file);
    let problem = "its thread ended";
    started.on("message", (reply: ExplainReply) => {
      const asked = waiting.get(reply.id);
      waiting.delete(reply.id);
      if (waiting.size === 0) started.unref();
      asked?.resolve(reply);
    });
    started.on("error", (error) => (problem = error instanceof Error ? error.message : String(error)));
    ended = new Promise((resolve) => {
      started.on("exit", () => {
        worker = undefined;
        for (const { reject } of waiting.values()) reject(new KarkhanaError("EXPLANATION_UNAVAILABLE", { problem }));
        waiting.clear();
        resolve();
      });
    });
    return started;
  };
  const ask = (task: Omit<ExplainTask, "id">): Promise<ExplainReply> =>
    new Promise((resolve, reject) => {
      if (waiting.size >= maxWaiting) return reject(new KarkhanaError("EXPLANATION_UNAVAILABLE", { problem: `${waiting.size} others are being worked out` }));
      worker ??= start();
      worker.ref();
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ ...task, id } satisfies ExplainTask);
    });
  return {
    explain: async (path, vector) => {
      let reply = await ask({ path, vector });
      if (reply.kind === "unknown-version") reply = await ask({ path, vector, files: await filesOf(blobs, path) });
      if (reply.kind === "explained") return reply.explanation;
      throw reply.kind === "refused" ? fromErrorRecord(reply.error) : new KarkhanaError("EXPLANATION_UNAVAILABLE", { problem: "its thread lost the model" });
    },
    close: async () => {
      worker?.ref();
      worker?.postMessage("end");
      await ended;
    },
  };
}

async function filesOf(blobs: Pick<BlobStore, "get">, path: string): Promise<Map<string, Uint8Array>> {
  try {
    const manifest = await blobs.get(`${path}/manifest.json`);
    // Only which file to read; everything else of the manifest is checked where it is used.
    const said = Object(JSON.parse(new TextDecoder().decode(manifest))) as object;
    // Asked of the manifest, so that no session or connection is opened for a model that has no answer.
    if (Reflect.get(said, "format") === tensorManifestFormat)
      throw new KarkhanaError("EXPLANATION_UNAVAILABLE", {
        problem: `${path} is a network, a model on another server or a graph, and exact contributions are known of trees and linear models only`,
      });
    const named: unknown = Reflect.get(said, "modelFile");
    const file = typeof named === "string" && /^[\w-][\w.-]{0,99}$/.test(named) ? named : "model.json";
    return new Map([
      [`${path}/manifest.json`, manifest],
      [`${path}/${file}`, await blobs.get(`${path}/${file}`)],
    ]);
  } catch (cause) {
    if (codeOf(cause) === "BLOB_NOT_FOUND") throw new KarkhanaError("ARTIFACT_MISSING", { path }, { cause });
    if (cause instanceof SyntaxError) throw new KarkhanaError("ARTIFACT_INVALID", { path, problem: "manifest.json: is not JSON" }, { cause });
    throw cause;
  }
}
