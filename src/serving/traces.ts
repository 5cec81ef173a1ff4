import type { Clock } from "../kernel/clock.ts";
import type { Call } from "./call.ts";
import { stages, type Stage } from "./stats.ts";
import type { TraceParent } from "./traceparent.ts";

/** One part of an answer, by the machine's clock. */
export interface Span {
  readonly name: string;
  readonly startUs: number;
  readonly endUs: number;
}

/** One request as a trace holds it: itself, and its parts in order. */
export interface AnswerSpan extends Span {
  readonly parent: TraceParent | undefined;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Code of the error it was answered with. */
  readonly error: string | undefined;
  readonly parts: readonly Span[];
}

/** Takes what was answered; never waits, never throws, drops what it has no room for. */
export interface TraceSink {
  /** Whether a question without a trace of its own is to be traced. */
  readonly samples: () => boolean;
  readonly record: (span: AnswerSpan) => void;
}

/** Tells the sink of an ended request, where its client's trace is sampled or the sink chose it. */
export function traceAnswer(
  sink: TraceSink | undefined,
  clock: Clock,
  call: Call & { readonly model: string },
  parent: TraceParent | undefined,
  doneMs: number,
  protocol: "http" | "grpc",
  error: string | undefined,
): void {
  if (sink === undefined || !(parent === undefined ? sink.samples() : parent.isSampled)) return;
  const endUs = clock.nowUs();
  const startUs = endUs - (doneMs - call.startedMs) * 1000;
  const by = call.answeredBy;
  sink.record({
    name: `predict ${call.model}`,
    startUs,
    endUs,
    parent,
    error,
    attributes: {
      "karkhana.model": call.model,
      "rpc.system": protocol,
      ...(by === undefined ? {} : { "karkhana.version": by.version, "karkhana.role": by.role }),
    },
    parts: by === undefined ? [] : partsOf(by.stages, startUs),
  });
}

/** Stages follow one another, so each begins where the one before ended. */
function partsOf(times: Readonly<Partial<Record<Stage, number>>>, startUs: number): Span[] {
  const parts: Span[] = [];
  let at = startUs;
  for (const stage of stages) {
    const ms = times[stage];
    if (ms === undefined || stage === "total") continue;
    parts.push({ name: stage, startUs: at, endUs: at + ms * 1000 });
    at += ms * 1000;
  }
  return parts;
}
