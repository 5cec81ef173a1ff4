import { isReleaseDue, releaseVectors as release } from "../../features/online/release-vectors.ts";
import type { Micros } from "../../kernel/clock.ts";
import { viewsOf } from "../../project/definition.ts";
import { loadProject } from "../../project/load.ts";
import type { Job } from "./job.ts";
import { openOnlineStore, type OnlineStoreLocation } from "./online-store.ts";

export interface ReleaseVectorsInput {
  readonly projectFile: string;
  readonly onlineStore: OnlineStoreLocation;
  /** By the clock that questions are asked by. */
  readonly nowUs: Micros;
}

/** Removes replaced vectors of the views that have had enough put since the last time. */
export const releaseVectors: Job<ReleaseVectorsInput, { readonly released: number }> = async ({ projectFile, onlineStore, nowUs }, progress) => {
  const { definition } = await loadProject(projectFile);
  const views = definition.models
    .flatMap((model) => viewsOf(model.service))
    .filter((view) => Object.values(view.features).some((one) => one.embedding !== undefined));
  const store = await openOnlineStore(onlineStore);
  let released = 0;
  try {
    for (const [i, view] of views.entries()) {
      if (await isReleaseDue({ store, view })) released += (await release({ store, view, nowUs }))?.released ?? 0;
      progress(i + 1, views.length, "views");
    }
    return { released };
  } finally {
    await store.close();
  }
};
