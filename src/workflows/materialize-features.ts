import { registerDataset } from "../data/register.ts";
import { copyTable } from "../data/copy-table.ts";
import { relationOf } from "../data/relation.ts";
import type { SourceDefinition } from "../data/source.ts";
import { asStream } from "../data/versions.ts";
import { featureViewHash } from "../features/definition.ts";
import type { Micros } from "../kernel/clock.ts";
import type { Workflow } from "../pipelines/port.ts";
import { viewsOf } from "../project/definition.ts";
import { openDuckDb } from "../storage/duckdb/duckdb.ts";
import { runJob } from "./jobs/run-job.ts";
import type { Platform } from "./platform.ts";
import { copiedPlaces, upToNow } from "./pushed-sources.ts";

export type MaterializeFeaturesInput = {
  /** `materialize` loads what is lacking since the last time, late rows included; `backfill` loads everything again. */
  readonly mode: "materialize" | "backfill";
  readonly viewHashes: readonly string[];
  /** Rows known by then. */
  readonly untilUs: Micros;
  readonly rowsASlice: number;
};

export type MaterializeFeaturesOutput = { readonly rows: number; readonly refused: number; readonly slices: number; readonly views: number };

type Means = Pick<Platform, "project" | "places" | "blobs" | "database" | "machineClock" | "threads" | "memoryLimitMb">;

/**
 * Fills the online store from the sources' files, a slice of rows a step: after a crash the finished slices are not loaded again, and the one
 * under way is, which changes nothing. The marks are written last, so what is said to be there is there.
 */
export function materializeFeatures(means: Means): Workflow<MaterializeFeaturesInput, MaterializeFeaturesOutput> {
  const { places, threads } = means;
  const place = { projectFile: places.projectFile, onlineStore: places.onlineStore, threads, tempFolder: places.tempFolder };
  return {
    name: "materialize-features",
    run: async (context, input) => {
      const sources = await context.step("sources", {}, () => readSources(means, input.viewHashes));
      const plan = await context.step("plan", {}, (step) =>
        runJob("planViews", { ...place, ...input, again: input.mode === "backfill", sources }, () => {}, step.signal),
      );
      let [rows, refused] = [0, 0];
      for (const [i, slice] of plan.slices.entries()) {
        const relation = sources.find(({ name }) => name === slice.source)!.relation;
        const loaded = await context.step(`slice ${i}`, { retries: 2 }, (step) =>
          runJob("loadViews", { ...place, slice, relation, untilUs: input.untilUs }, (done, total) => step.progress(done, total, "rows"), step.signal),
        );
        rows += loaded.rows;
        refused += loaded.refused;
      }
      const views = await context.step("marks", {}, (step) => runJob("markViews", { ...place, marks: plan.marks }, () => {}, step.signal));
      return { rows, refused, slices: plan.slices.length, views };
    },
  };
}

/** Checks each source's file against its contract; a refusal stops the run before anything is loaded. */
async function readSources(means: Means, viewHashes: readonly string[]): Promise<{ name: string; relation: string; numRows: number }[]> {
  const { project, places, blobs, database, machineClock: clock } = means;
  const views = project.definition.models.flatMap((model) => viewsOf(model.service)).filter((view) => viewHashes.includes(featureViewHash(view)));
  const sources = new Map(views.map(({ source }): [string, SourceDefinition] => [source.name, source]));
  const duck = await openDuckDb({ threads: means.threads, memoryLimitMb: means.memoryLimitMb, tempFolder: places.tempFolder });
  try {
    const read: { name: string; relation: string; numRows: number }[] = [];
    for (const [name, declared] of sources) {
      const [source = declared] = await upToNow([declared], means);
      await copyTable(source, { duck, projectFolder: project.folder, environment: process.env });
      const version = await registerDataset(source, { projectFolder: project.folder, duck, blobs, database, clock });
      read.push({
        name,
        relation: relationOf(asStream(source), version, project.folder),
        numRows: source.format === "pushed" ? copiedPlaces(source) : version.numRows,
      });
    }
    return read;
  } finally {
    await duck.close();
  }
}
