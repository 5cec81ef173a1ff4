import { KarkhanaError } from "../kernel/error.ts";
import type { StageTimes } from "./stats.ts";

/** One request on its way through lookup, queue, model and reply. Times are of the process's monotonic timer. */
export interface Call {
  readonly startedMs: number;
  /** Past it nobody waits for the answer any more: what is left of the work is not done. */
  deadlineMs: number;
  /** On whose behalf it is asked, if its client said so. */
  readonly tenant?: string | undefined;
  /** Of the trace it belongs to, if its client began one. */
  readonly traceId?: string | undefined;
  /** Told by whoever answers, for the trace. */
  answeredBy?: { readonly version: number; readonly role: string; readonly stages: StageTimes } | undefined;
}

/** To be called before each piece of work. @throws DEADLINE_PASSED */
export function refuseIfLate({ startedMs, deadlineMs }: Call, nowMs: number): void {
  if (nowMs >= deadlineMs) throw new KarkhanaError("DEADLINE_PASSED", { waitedMs: Math.round(nowMs - startedMs) });
}

/** The sooner of the server's own limit and what the client gives; a client that gives nothing gets the server's. */
export function deadlineOf(startedMs: number, answerTimeoutMs: number, clientMs: number | undefined): number {
  return startedMs + (clientMs === undefined || !(clientMs >= 0) ? answerTimeoutMs : Math.min(answerTimeoutMs, clientMs));
}
