/** @see https://www.w3.org/TR/trace-context/#traceparent-header */
export interface TraceParent {
  /** 32 lowercase hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lowercase hex digits, not all zero: the caller's span. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

/** undefined for what is no traceparent: a broken one is to be ignored, not refused. */
export function readTraceparent(header: string): TraceParent | undefined {
  const found = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(header);
  if (found === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = "00", rest] = found;
  // Later versions may say more behind; the first may not, and ff is no version.
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
