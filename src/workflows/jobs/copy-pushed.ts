import { copyPushed as copy, type CopiedPushed, type PushedFolders } from "../../features/offline/pushed-rows.ts";
import { planView } from "../../features/view-plan.ts";
import type { Micros } from "../../kernel/clock.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { sourcesOf, viewsOf } from "../../project/definition.ts";
import { loadProject } from "../../project/load.ts";
import { openDuckDb } from "../../storage/duckdb/duckdb.ts";
import type { Job } from "./job.ts";

export type CopyPushedInput = PushedFolders & {
  readonly projectFile: string;
  readonly sources: readonly string[];
  readonly nowUs: Micros;
  readonly threads: number;
  readonly memoryLimitMb: number;
  readonly tempFolder: string;
};

/** Another process that copies is waited for: it does what is asked here. */
const lookEveryMs = 200;
const patienceMs = 120_000;

/** Brings the offline copies of pushed sources up to the ends of their logs, and keeps every source's retention. */
export const copyPushedSources: Job<CopyPushedInput, { readonly [K in keyof CopiedPushed]: number }> = async (input, progress) => {
  const { definition } = await loadProject(input.projectFile);
  const views = definition.models.flatMap((model) => viewsOf(model.service));
  const sources = sourcesOf(definition).filter(({ name }) => input.sources.includes(name));
  const total = { rows: 0, setAside: 0, segmentsDropped: 0 };
  const duck = await openDuckDb({ threads: input.threads, memoryLimitMb: input.memoryLimitMb, tempFolder: input.tempFolder });
  try {
    for (const [i, source] of sources.entries()) {
      const plans = views.filter((view) => view.source.name === source.name).map(planView);
      const { logFolder, copyFolder, nowUs } = input;
      const once = (): ReturnType<typeof copy> => copy({ duck, source, plans, logFolder, copyFolder, nowUs });
      let copied = await once();
      for (let waitedMs = 0; copied === undefined; waitedMs += lookEveryMs) {
        if (waitedMs > patienceMs) throw new KarkhanaError("FOLDER_LOCKED", { path: copyFolder, owner: "another process that copies pushed rows" });
        await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
        copied = await once();
      }
      total.rows += copied.rows;
      total.setAside += copied.setAside;
      total.segmentsDropped += copied.segmentsDropped;
      progress(i + 1, sources.length, "sources");
    }
    return total;
  } finally {
    await duck.close();
  }
};
