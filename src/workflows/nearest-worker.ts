/** Answers nearest-neighbour questions off the thread that answers requests: it holds the vectors, and no other thread has a copy. */
import { parentPort, workerData } from "node:worker_threads";
import { loadApproximate } from "../features/nearest/approximate.ts";
import { ViewIndex } from "../features/nearest/view-index.ts";
import { toErrorRecord } from "../kernel/error.ts";
import { viewsOf } from "../project/definition.ts";
import { loadProject } from "../project/load.ts";
import { openOnlineStore } from "./jobs/online-store.ts";
import type { NearestReply, NearestRequest, NearestWorkerData } from "./nearest.ts";

const { projectFile, onlineStore } = workerData as NearestWorkerData;
const tell = (message: NearestReply): void => parentPort?.postMessage(message);
const project = await loadProject(projectFile);
const store = await openOnlineStore(onlineStore);
const approximate = await loadApproximate();
const views = new Map(project.definition.models.flatMap(({ service }) => viewsOf(service)).map((view) => [view.name, view]));
const indexes = new Map<string, ViewIndex>();

async function answer({ id, view: name, feature, question }: Extract<NearestRequest, { kind: "ask" }>): Promise<void> {
  try {
    const view = views.get(name)!;
    const place = JSON.stringify([name, feature]);
    let index = indexes.get(place);
    if (index === undefined) indexes.set(place, (index = new ViewIndex({ store, view, feature, approximate })));
    tell({ id, answer: await index.nearest(question) });
  } catch (error) {
    tell({ id, error: toErrorRecord(error) });
  }
}

parentPort?.on("message", (message: NearestRequest) => {
  if (message.kind === "ask") void answer(message);
  else {
    for (const index of indexes.values()) index.close();
    parentPort?.close();
    void store.close();
  }
});
