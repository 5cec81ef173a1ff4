import type { ErrorRecord } from "../../../kernel/error.ts";
import type { Tensor } from "../model.ts";

export interface SessionPlan {
  /** The model's file, one copy for all threads. */
  readonly model: SharedArrayBuffer;
  /** Threads that one run may use. */
  readonly threads: number;
}

export type ToWorker =
  | { readonly kind: "run"; readonly id: number; readonly inputs: readonly Tensor[]; readonly outputs: readonly string[] }
  | { readonly kind: "end" };

export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "refused"; readonly error: ErrorRecord }
  | { readonly kind: "done"; readonly id: number; readonly outputs: readonly Tensor[] }
  | { readonly kind: "failed"; readonly id: number; readonly error: ErrorRecord };
