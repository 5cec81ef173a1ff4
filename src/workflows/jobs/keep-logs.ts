import { keepLogs as keep } from "../../feedback/retention.ts";
import type { Job } from "./job.ts";

export type KeepLogsInput = {
  readonly logFolder: string;
  readonly keptUs: number;
  readonly maxBytes: number;
  readonly neededUs: number;
  readonly nowUs: number;
};

/** Drops what the project's retention no longer asks for of what serving wrote. */
export const keepLogs: Job<KeepLogsInput, { readonly dropped: number }> = ({ logFolder, nowUs, ...options }) => keep(logFolder, options, nowUs);
