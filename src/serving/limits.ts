import type { InferLimits } from "./oip/infer-request.ts";

/** What one serving process accepts. Every limit is on by default: an unbounded queue only moves the failure to a worse place. */
export interface ServingLimits {
  readonly maxBodyBytes: number;
  /** Of a request that carries tensors. */
  readonly maxTensorBodyBytes: number;
  /** Of a question to a language model. */
  readonly maxLanguageBodyBytes: number;
  readonly maxTensors: number;
  /** Elements of one tensor. */
  readonly maxTensorElements: number;
  readonly maxInstances: number;
  readonly maxPushRows: number;
  readonly maxLabels: number;
  /** Characters of an id, a text field or a producer's name. */
  readonly maxTextLength: number;
  /** Requests under way at once, at most; the limit in force adapts below it. Over it the answer is 503 with Retry-After, before the body is read. */
  readonly maxInFlight: number;
  /** Mean milliseconds in the server above which fewer requests are let in. */
  readonly targetLatencyMs: number;
  readonly maxConnections: number;
  /** A client has this long to send a whole request. */
  readonly requestTimeoutMs: number;
  /** A request has this long to be answered: past it the answer is 503, whatever it still waits for. */
  readonly answerTimeoutMs: number;
  readonly keepAliveMs: number;
  /** Requests a shadow version may be behind; over it the oldest are left out and counted. */
  readonly maxShadowBacklog: number;
  /** On close, clients that keep a connection have this long to ask once more and be told that it ends; then idle connections are closed. */
  readonly drainPauseMs: number;
  /** On close, requests under way have this long before their connections are cut. */
  readonly drainTimeoutMs: number;
}

export const defaultServingLimits: ServingLimits = {
  maxBodyBytes: 1_048_576,
  maxTensorBodyBytes: 16_777_216,
  maxLanguageBodyBytes: 4_194_304,
  maxTensors: 4096,
  maxTensorElements: 4_194_304,
  maxInstances: 512,
  maxPushRows: 5000,
  maxLabels: 5000,
  maxTextLength: 256,
  maxInFlight: 1024,
  targetLatencyMs: 100,
  maxConnections: 4096,
  requestTimeoutMs: 10_000,
  answerTimeoutMs: 5000,
  keepAliveMs: 65_000,
  maxShadowBacklog: 4096,
  drainPauseMs: 500,
  drainTimeoutMs: 10_000,
};

export function inferLimitsOf(limits: ServingLimits): InferLimits {
  return { maxTensors: limits.maxTensors, maxElements: limits.maxTensorElements, maxTextLength: limits.maxTextLength };
}
