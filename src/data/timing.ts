import { parseDuration } from "../kernel/time.ts";
import type { SourceDefinition } from "./source.ts";

/** How far a row's known time may lie after and before its event; Infinity where nothing is declared. */
export interface SourceTiming {
  readonly latenessUs: number;
  readonly aheadUs: number;
}

/** @throws INVALID_ARGUMENT */
export function timingOf({ name, lateness, ahead }: SourceDefinition): SourceTiming {
  return {
    latenessUs: lateness === undefined ? Number.POSITIVE_INFINITY : parseDuration(lateness, `source ${name}, lateness`),
    aheadUs: ahead === undefined ? Number.POSITIVE_INFINITY : parseDuration(ahead, `source ${name}, ahead`),
  };
}

/** Condition on `_event` and `_known`: the row is neither too late nor too far ahead to reach a feature. */
export function timelySql(source: SourceDefinition): string {
  const { latenessUs, aheadUs } = timingOf(source);
  const conditions = [
    ...(Number.isFinite(latenessUs) ? [`_known - _event <= ${latenessUs}`] : []),
    ...(Number.isFinite(aheadUs) ? [`_event - _known <= ${aheadUs}`] : []),
  ];
  return conditions.length === 0 ? "true" : conditions.join(" AND ");
}
