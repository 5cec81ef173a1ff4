import type { Clock } from "../kernel/clock.ts";
import type { ProjectDefinition } from "../project/definition.ts";
import { logRetentionOf } from "../project/log-retention.ts";
import { runJob } from "./jobs/run-job.ts";
import type { Places } from "./platform.ts";
import { repeatedly, type Repeated } from "./repeatedly.ts";

/** Old enough are segments by the day: to look more often would find nothing more. */
const lookEveryMs = 300_000;

/** Keeps the project's retention of what serving writes, every few minutes, in a worker thread. */
export function keepServedLogs(project: ProjectDefinition, { logFolder }: Places, machineClock: Clock, onFailure: (error: unknown) => void): Repeated {
  const retention = logRetentionOf(project);
  return repeatedly(
    lookEveryMs,
    async (signal) => {
      await runJob("keepLogs", { logFolder, ...retention, nowUs: machineClock.nowUs() }, () => undefined, signal);
    },
    onFailure,
  );
}
