/** Traces of predictions to a collector by OpenTelemetry's HTTP protocol (OTLP). */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, type Context } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import type { AnswerSpan, TraceSink } from "../serving/traces.ts";

export interface Traces extends TraceSink {
  /** Sends what waits. */
  close(): Promise<void>;
}

export interface TracesOptions {
  /** The collector's address, without /v1/traces. */
  readonly endpoint: string;
  /** In [0, 1): a fresh one each time. */
  readonly random: () => number;
  /** Share of the questions without a trace of their own that are traced. */
  readonly share?: number;
}

/** A collector that is away or slow costs nothing but its spans: they wait in a bounded queue, and what does not fit is dropped. */
export function openTraces({ endpoint, random, share = 0.01 }: TracesOptions): Traces {
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, "")}/v1/traces`, timeoutMillis: 5000 });
  const processor = new BatchSpanProcessor(exporter, { maxQueueSize: 4096, maxExportBatchSize: 512, scheduledDelayMillis: 1000, exportTimeoutMillis: 5000 });
  const provider = new NodeTracerProvider({ resource: resourceFromAttributes({ "service.name": "karkhana-serving" }), spanProcessors: [processor] });
  const tracer = provider.getTracer("karkhana");
  return {
    samples: () => random() < share,
    record: (answer) => {
      const span = tracer.startSpan(answer.name, { kind: SpanKind.SERVER, startTime: time(answer.startUs), attributes: answer.attributes }, contextOf(answer));
      const inside = trace.setSpan(ROOT_CONTEXT, span);
      for (const part of answer.parts) tracer.startSpan(part.name, { startTime: time(part.startUs) }, inside).end(time(part.endUs));
      if (answer.error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: answer.error });
      span.end(time(answer.endUs));
    },
    close: () => provider.shutdown(),
  };
}

/** OpenTelemetry's seconds and nanoseconds. */
function time(us: number): [number, number] {
  const seconds = Math.floor(us / 1e6);
  return [seconds, Math.round((us - seconds * 1e6) * 1000)];
}

function contextOf({ parent }: AnswerSpan): Context {
  if (parent === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: parent.traceId,
    spanId: parent.spanId,
    traceFlags: parent.isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
  });
}
