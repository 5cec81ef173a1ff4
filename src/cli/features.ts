import { availableParallelism } from "node:os";
import { featureViewHash, type FeatureViewDefinition } from "../features/definition.ts";
import { readMark } from "../features/online/marks.ts";
import { createOnlineFeatures } from "../features/online/online-features.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { formatIso, parseIso } from "../kernel/time.ts";
import { viewsOf } from "../project/definition.ts";
import type { LoadedProject } from "../project/load.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import { tempFolderOf } from "../server/leftovers.ts";
import type { Stores } from "../server/stores.ts";
import { systemClock, systemId } from "../server/system.ts";
import { openOnlineStore } from "../workflows/jobs/online-store.ts";
import { materializeFeatures, type MaterializeFeaturesInput } from "../workflows/materialize-features.ts";
import { isSet, number, optionalText } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { chooseProject, requireDataFolder } from "./project-folder.ts";

type View = { readonly hash: string; readonly view: FeatureViewDefinition; readonly models: readonly string[] };
type Output = (json: Record<string, unknown>, text: string) => void;

/** `karkhana features [list|materialize|backfill|quarantine]`: the online store's views, and filling them. Works beside a running program. */
export const features: Command = {
  name: "features",
  summary: "List feature views, fill the online store (materialize, backfill), or show rows set aside (quarantine)",
  positionals: ["action"],
  flags: {
    ...projectFlags,
    view: { type: "string", value: "name", help: "Only this view; default all" },
    until: { type: "string", value: "time", help: "Rows known by then (ISO 8601); default now" },
    "slice-rows": { type: "integer", value: "n", help: "Rows loaded between two records of progress", default: 200_000, max: 10_000_000 },
    json: { type: "boolean", help: "Print one JSON object a line" },
  },
  run: async ({ values, positionals }) => {
    const action = positionals[0] ?? "list";
    const { project, dataFolder } = await chooseProject(values);
    const views = chooseViews(project, optionalText(values, "view"));
    const until = optionalText(values, "until");
    const untilUs = until === undefined ? systemClock.nowUs() : parseIso(until, "until");
    const say: Output = (json, text) => console.log(isSet(values, "json") ? JSON.stringify(json) : text);
    if (action === "list" || action === "quarantine") requireDataFolder(dataFolder);
    const stores = await openStores(dataFolder, readConfiguration(process.env));
    try {
      if (action === "list") await list(stores, views, say);
      else if (action === "quarantine") await quarantine(stores, views, say);
      else if (action === "materialize" || action === "backfill")
        await fill(
          project,
          stores,
          { mode: action, viewHashes: views.map(({ hash }) => hash), untilUs, rowsASlice: Math.max(1, number(values, "slice-rows")) },
          until !== undefined,
          say,
        );
      else throw new KarkhanaError("INVALID_ARGUMENT", { field: "action", problem: "expected list, materialize, backfill or quarantine", value: action });
      return 0;
    } finally {
      await stores.close();
    }
  },
};

function chooseViews(project: LoadedProject, name: string | undefined): View[] {
  const found = new Map<string, { hash: string; view: FeatureViewDefinition; models: string[] }>();
  for (const model of project.definition.models)
    for (const view of viewsOf(model.service)) {
      const hash = featureViewHash(view);
      const own = found.get(hash);
      if (own === undefined) found.set(hash, { hash, view, models: [model.name] });
      else own.models.push(model.name);
    }
  const chosen = [...found.values()].filter(({ view }) => name === undefined || view.name === name);
  if (chosen.length === 0)
    throw new KarkhanaError("INVALID_ARGUMENT", {
      field: "view",
      problem: `no model reads such a view; there are ${[...new Set([...found.values()].map(({ view }) => view.name))].join(", ")}`,
      value: name ?? null,
    });
  return chosen;
}

async function list(stores: Stores, views: readonly View[], say: Output): Promise<void> {
  const store = await openOnlineStore(stores.onlineStore);
  try {
    const online = createOnlineFeatures({ store, views: views.map(({ view }) => view) });
    for (const { hash, view, models } of views) {
      const mark = await readMark(store, hash);
      const counters = await online.counters(view.source.name);
      const filled = mark === undefined ? "not materialized" : `filled up to ${formatIso(mark.untilUs)}`;
      const aside = counters.setAside === 0 ? "" : `, ${counters.setAside} rows set aside`;
      say(
        { view: view.name, hash, source: view.source.name, features: Object.keys(view.features).length, models, mark: mark ?? null, counters },
        `${view.name} ${hash.slice(0, 12)}: ${Object.keys(view.features).length} features of ${view.source.name}, read by ${models.join(", ")}; ${filled}; ${counters.rows} rows taken, ${counters.late} late${aside}`,
      );
    }
  } finally {
    await store.close();
  }
}

async function quarantine(stores: Stores, views: readonly View[], say: Output): Promise<void> {
  const store = await openOnlineStore(stores.onlineStore);
  try {
    const online = createOnlineFeatures({ store, views: views.map(({ view }) => view) });
    for (const source of new Set(views.map(({ view }) => view.source.name)))
      for (const row of await online.quarantine(source)) say({ source, ...row }, `${source} ${row.number} ${row.code}: ${row.message}\n  ${row.row}`);
  } finally {
    await store.close();
  }
}

/** A run that was cut short goes on where it stopped, up to the time it was started with. */
async function fill(project: LoadedProject, stores: Stores, asked: MaterializeFeaturesInput, exactly: boolean, say: Output): Promise<void> {
  const workflow = materializeFeatures({
    project,
    places: {
      projectFile: project.file,
      projectFolder: project.folder,
      offlineFolder: stores.folder.offlineFolder,
      blobsFolder: stores.folder.blobsFolder,
      logFolder: stores.folder.logFolder,
      tempFolder: tempFolderOf(stores.folder),
      onlineStore: stores.onlineStore,
    },
    blobs: stores.blobs,
    database: stores.database,
    machineClock: systemClock,
    threads: Math.min(2, availableParallelism()),
    memoryLimitMb: 1024,
  });
  const runs = await stores.pipelines.listRuns(100);
  const same = runs.find(({ workflow: name, state, input }) => {
    const before = input as MaterializeFeaturesInput;
    return (
      name === workflow.name &&
      state !== "succeeded" &&
      before.rowsASlice === asked.rowsASlice &&
      before.mode === asked.mode &&
      String(before.viewHashes) === String(asked.viewHashes) &&
      (!exactly || before.untilUs === asked.untilUs)
    );
  });
  const input = same === undefined ? asked : (same.input as MaterializeFeaturesInput);
  const runId = same?.runId ?? `features-${systemId()}`;
  if (same !== undefined) say({ event: "resumed", runId }, `going on with ${runId}`);
  const output = await stores.pipelines.start(workflow, input, runId);
  const refused = output.refused === 0 ? "" : `, ${output.refused} set aside`;
  say(
    { event: "filled", runId, untilUs: input.untilUs, ...output },
    `${output.rows} rows loaded into ${output.views} views in ${output.slices} slices${refused}; filled up to ${formatIso(input.untilUs)}`,
  );
}
