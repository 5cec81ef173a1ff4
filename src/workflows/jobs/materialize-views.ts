/** The jobs of `materialize-features.ts`: what is to be loaded, one slice of it, and the marks that say it was. */
import { materialize } from "../../features/online/materialize.ts";
import { readMark, writeMarks, type Mark } from "../../features/online/marks.ts";
import { createOnlineFeatures } from "../../features/online/online-features.ts";
import { featureViewHash, type FeatureViewDefinition } from "../../features/definition.ts";
import { KarkhanaError } from "../../kernel/error.ts";
import { viewsOf } from "../../project/definition.ts";
import { loadProject } from "../../project/load.ts";
import { openDuckDb } from "../../storage/duckdb/duckdb.ts";
import type { Job } from "./job.ts";
import { openOnlineStore, type OnlineStoreLocation } from "./online-store.ts";

interface Place {
  readonly projectFile: string;
  readonly onlineStore: OnlineStoreLocation;
  readonly threads: number;
  readonly tempFolder: string;
}

/** Views of one source that lack the same rows, and a slice of those rows by event time. */
export type Slice = {
  readonly source: string;
  readonly viewHashes: readonly string[];
  /** SQL condition. */
  readonly only: string;
  readonly rows: number;
};

export type PlanInput = Place & {
  /** By source: its rows as they arrive, and how many the file has. */
  readonly sources: readonly { readonly name: string; readonly relation: string; readonly numRows: number }[];
  readonly viewHashes: readonly string[];
  readonly untilUs: number;
  /** Load what was loaded before, too. */
  readonly again: boolean;
  readonly rowsASlice: number;
};

export type PlanOutput = {
  readonly slices: readonly Slice[];
  readonly marks: readonly (Mark & { readonly viewHash: string })[];
};

export const planViews: Job<PlanInput, PlanOutput> = async (input) => {
  const views = await viewsByHash(input.projectFile);
  const store = await openOnlineStore(input.onlineStore);
  const duck = await openDuckDb({ threads: input.threads, tempFolder: input.tempFolder });
  try {
    const slices: Slice[] = [];
    const marks: (Mark & { viewHash: string })[] = [];
    for (const { name, relation, numRows } of input.sources) {
      const groups = new Map<string, string[]>();
      for (const viewHash of input.viewHashes) {
        if (views.get(viewHash)?.source.name !== name) continue;
        const mark = input.again ? undefined : await readMark(store, viewHash);
        // A mark from the future of this run says more than this run will.
        if (mark !== undefined && mark.untilUs >= input.untilUs && mark.numRows >= numRows) continue;
        const lacking =
          mark === undefined
            ? `_known <= ${input.untilUs}`
            : `_known <= ${Math.max(input.untilUs, mark.untilUs)} AND (_known > ${mark.untilUs} OR _row >= ${mark.numRows})`;
        groups.set(lacking, [...(groups.get(lacking) ?? []), viewHash]);
        marks.push({ viewHash, untilUs: Math.max(input.untilUs, mark?.untilUs ?? input.untilUs), numRows });
      }
      for (const [lacking, viewHashes] of groups) {
        const bounds = await duck.rows(
          `SELECT max(_event) AS last, count(*) AS n FROM (SELECT _event, (row_number() OVER (ORDER BY _event, _row) - 1) // ${input.rowsASlice} AS part
           FROM (${relation}) WHERE ${lacking}) GROUP BY part ORDER BY part`,
        );
        let after = Number.NEGATIVE_INFINITY;
        for (const bound of bounds) {
          const last = Number(bound["last"]);
          const from = Number.isFinite(after) ? ` AND _event > ${after}` : "";
          // Slices of rows of one event time fall together.
          if (after !== last) slices.push({ source: name, viewHashes, only: `${lacking}${from} AND _event <= ${last}`, rows: Number(bound["n"]) });
          after = last;
        }
      }
    }
    return { slices, marks };
  } finally {
    await duck.close();
    await store.close();
  }
};

export type LoadInput = Place & { readonly slice: Slice; readonly relation: string; readonly untilUs: number };

export const loadViews: Job<LoadInput, { readonly rows: number; readonly refused: number }> = async (input, progress) => {
  const views = await viewsByHash(input.projectFile);
  const own = input.slice.viewHashes.map((hash) => {
    const view = views.get(hash);
    if (view === undefined) throw new KarkhanaError("INVALID_ARGUMENT", { field: "view", problem: "is no longer in the project", value: hash });
    return view;
  });
  const [first] = own;
  const store = await openOnlineStore(input.onlineStore);
  const duck = await openDuckDb({ threads: input.threads, tempFolder: input.tempFolder });
  try {
    const online = createOnlineFeatures({ store, views: own });
    const upToKnownUs = input.untilUs;
    const onProgress = (done: number, total: number): void => progress(done, total, "rows");
    const { rows, rejected } = await materialize({
      duck,
      online,
      relation: input.relation,
      source: first!.source,
      upToKnownUs,
      only: input.slice.only,
      onProgress,
    });
    return { rows, refused: rejected.length };
  } finally {
    await duck.close();
    await store.close();
  }
};

export type MarkInput = Place & Pick<PlanOutput, "marks">;

export const markViews: Job<MarkInput, number> = async ({ onlineStore, marks }) => {
  const store = await openOnlineStore(onlineStore);
  try {
    if (marks.length > 0) await writeMarks(store, marks);
    return marks.length;
  } finally {
    await store.close();
  }
};

async function viewsByHash(projectFile: string): Promise<Map<string, FeatureViewDefinition>> {
  const { definition } = await loadProject(projectFile);
  return new Map(definition.models.flatMap((model) => viewsOf(model.service)).map((view) => [featureViewHash(view), view]));
}
