import { availableParallelism } from "node:os";
import { registerDataset } from "../data/register.ts";
import { relationOf } from "../data/relation.ts";
import { featureViewHash, type FeatureViewDefinition } from "../features/definition.ts";
import { historicalFeatures } from "../features/offline/historical.ts";
import { readMark } from "../features/online/marks.ts";
import { createOnlineFeatures } from "../features/online/online-features.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { formatIso, parseIso } from "../kernel/time.ts";
import { viewsOf } from "../project/definition.ts";
import type { LoadedProject } from "../project/load.ts";
import { openStores } from "../server/compose.ts";
import { placesOf } from "../server/platform.ts";
import { readConfiguration } from "../server/configuration.ts";
import { tempFolderOf } from "../server/leftovers.ts";
import type { Stores } from "../server/stores.ts";
import { openDuckDb } from "../storage/duckdb/duckdb.ts";
import { systemClock, systemId } from "../server/system.ts";
import { openOnlineStore } from "../workflows/jobs/online-store.ts";
import { planText } from "../workflows/definition-plan.ts";
import { planStart } from "../server/definition-start.ts";
import { upToNow } from "../workflows/pushed-sources.ts";
import { materializeFeatures, type MaterializeFeaturesInput } from "../workflows/materialize-features.ts";
import { nearest } from "./features-nearest.ts";
import { profile } from "./features-profile.ts";
import { isSet, number, optionalText, text, type FlagValues } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { chooseModel, chooseProject, requireDataFolder } from "./project-folder.ts";

export type View = { readonly hash: string; readonly view: FeatureViewDefinition; readonly models: readonly string[] };
export type Output = (json: Record<string, unknown>, text: string) => void;

/**
 * `karkhana features [list|profile|diff|nearest|materialize|backfill|quarantine|historical]`: the online store's views, what they gave lately, what a start would change, filling them, features of the past.
 * Works beside a running program.
 */
export const features: Command = {
  name: "features",
  summary:
    "List feature views, show what lookups gave lately (profile), what a start would change (diff), find entities by their embedding (nearest), fill the online store (materialize, backfill), show rows set aside (quarantine), or join a file with features of its past (historical)",
  positionals: ["action", "view"],
  flags: {
    ...projectFlags,
    view: { type: "string", value: "name", help: "Only this view; default all" },
    key: { type: "string", value: "json", help: 'nearest: an entity\'s key, such as ORD or ["ORD", 7]' },
    vector: { type: "string", value: "json", help: "nearest: a vector, such as [0.1, 0.7]" },
    feature: { type: "string", value: "name", help: "nearest: which embedding, where the view has several" },
    k: { type: "integer", value: "n", help: "nearest: how many", default: 10, max: 1000 },
    until: { type: "string", value: "time", help: "Rows known by then (ISO 8601); default now" },
    "slice-rows": { type: "integer", value: "n", help: "Rows loaded between two records of progress", default: 200_000, min: 1, max: 10_000_000 },
    model: { type: "string", value: "name", help: "historical: whose features" },
    spine: { type: "string", value: "file", help: "historical: questions, Parquet, CSV or JSON lines, with the keys' columns" },
    time: { type: "string", value: "column", help: "historical: the spine's column of times", default: "time" },
    out: { type: "string", value: "file", help: "historical: Parquet file to write" },
    json: { type: "boolean", help: "Print one JSON object a line" },
  },
  run: async ({ values, positionals }) => {
    const action = positionals[0] ?? "list";
    const { project, dataFolder } = await chooseProject(values);
    const views = chooseViews(project, optionalText(values, "view") ?? positionals[1]);
    const until = optionalText(values, "until");
    const untilUs = until === undefined ? systemClock.nowUs() : parseIso(until, "until");
    const say: Output = (json, text) => console.log(isSet(values, "json") ? JSON.stringify(json) : text);
    if (action === "list" || action === "quarantine" || action === "profile") requireDataFolder(dataFolder);
    const stores = await openStores(dataFolder, readConfiguration(process.env));
    try {
      if (action === "list") await list(stores, views, say);
      else if (action === "diff" || action === "plan") await diff(project, stores, say);
      else if (action === "nearest") await nearest(stores, views, values, say);
      else if (action === "profile") await profile(project, stores, views, say);
      else if (action === "quarantine") await quarantine(stores, views, say, isSet(values, "json"));
      else if (action === "materialize" || action === "backfill")
        await fill(
          project,
          stores,
          { mode: action, viewHashes: views.map(({ hash }) => hash), untilUs, rowsASlice: number(values, "slice-rows") },
          until !== undefined,
          say,
        );
      else if (action === "historical") await historical(project, stores, values, say);
      else
        throw new KarkhanaError("INVALID_ARGUMENT", {
          field: "action",
          problem: "expected list, profile, diff, nearest, materialize, backfill, quarantine or historical",
          value: action,
        });
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

/** A dry run: what the next start of the program would find changed, who reads it, and what must be filled and trained again. */
async function diff(project: LoadedProject, stores: Stores, say: Output): Promise<void> {
  const plan = await planStart(project, stores);
  const lines = planText(plan);
  say({ ...plan }, lines.length === 0 ? "every definition is as it was at the last start" : lines.join("\n"));
}

async function quarantine(stores: Stores, views: readonly View[], say: Output, asJson: boolean): Promise<void> {
  const store = await openOnlineStore(stores.onlineStore);
  try {
    const online = createOnlineFeatures({ store, views: views.map(({ view }) => view) });
    let listed = 0;
    for (const source of new Set(views.map(({ view }) => view.source.name)))
      for (const row of await online.quarantine(source)) {
        listed++;
        say({ source, ...row }, `${source} ${row.number} ${row.code}: ${row.message}\n  ${row.row}`);
      }
    if (listed === 0 && !asJson) console.log("The online store set no row aside. Rows that a file's contract set aside are on the console's page Data.");
  } finally {
    await store.close();
  }
}

async function historical(project: LoadedProject, stores: Stores, values: FlagValues, say: Output): Promise<void> {
  const [file, out] = [optionalText(values, "spine"), optionalText(values, "out")];
  if (file === undefined || out === undefined)
    throw new KarkhanaError("INVALID_ARGUMENT", { field: file === undefined ? "spine" : "out", problem: "is needed", value: null });
  const name = chooseModel(project, optionalText(values, "model"));
  const { service } = project.definition.models.find((model) => model.name === name)!;
  const duck = await openDuckDb({ threads: Math.min(2, availableParallelism()), memoryLimitMb: 1024, tempFolder: tempFolderOf(stores.folder) });
  try {
    const relations = new Map<string, string>();
    for (const { source: declared } of viewsOf(service)) {
      if (relations.has(declared.name)) continue;
      const [source = declared] = await upToNow([declared], { places: placesOf(project, stores), machineClock: systemClock, memoryLimitMb: 1024 });
      const version = await registerDataset(source, {
        projectFolder: project.folder,
        duck,
        blobs: stores.blobs,
        database: stores.database,
        clock: systemClock,
      });
      relations.set(source.name, relationOf(source, version, project.folder));
    }
    const spine = { file, time: text(values, "time") };
    const found = await historicalFeatures(duck, { service, spine, relations: (source) => relations.get(source.name) ?? "" });
    await found.writeParquet(out);
    say({ event: "written", rows: found.numRows, out }, `${found.numRows} rows written to ${out}`);
  } finally {
    await duck.close();
  }
}

/** A run that was cut short goes on where it stopped, up to the time it was started with. */
async function fill(project: LoadedProject, stores: Stores, asked: MaterializeFeaturesInput, exactly: boolean, say: Output): Promise<void> {
  const workflow = materializeFeatures({
    project,
    places: placesOf(project, stores),
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
