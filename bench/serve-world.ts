/** What a serving process needs to be measured as it is used: real flights in the online store, a model trained on them, a deployment. */
import path from "node:path";
import { relationOf } from "../src/data/relation.ts";
import { findTypes } from "../src/data/inspect.ts";
import { createOnlineFeatures } from "../src/features/online/online-features.ts";
import { requestFiller } from "../src/features/vector.ts";
import { MICROS_PER_DAY, parseIso } from "../src/kernel/time.ts";
import { identityCalibration } from "../src/learn/calibration.ts";
import { fitDictionary } from "../src/learn/dictionary.ts";
import { trainGbdt } from "../src/learn/gbdt/train.ts";
import type { GbdtModel } from "../src/learn/model.ts";
import { viewsOf, type ModelDefinition } from "../src/project/definition.ts";
import { loadProject } from "../src/project/load.ts";
import { proofKinds } from "../src/registry/port.ts";
import { openStores } from "../src/server/compose.ts";
import { readConfiguration } from "../src/server/configuration.ts";
import type { Stores } from "../src/server/stores.ts";
import { openOnlineStore } from "../src/workflows/jobs/online-store.ts";
import { writeVersionArtifact } from "../src/serving/artifact.ts";
import { openDuckDb, type ColumnTable, type DuckDb } from "../src/storage/duckdb/duckdb.ts";

export const projectFolder: string = path.join(import.meta.dirname, "..", "examples", "flights");

/** Flights known in these days fill the windows; questions are asked of the day after. */
const fromUs = parseIso("2001-03-20");
const askUs = parseIso("2001-03-28");
const toUs = askUs + MICROS_PER_DAY;

export interface ServeWorld {
  readonly model: string;
  /** Predict bodies with "{id}" in place of the id. */
  readonly bodies: readonly string[];
  readonly rowsIngested: number;
  readonly slots: number;
  readonly trees: number;
  readonly leaves: number;
}

export interface ServeModelSize {
  readonly trees: number;
  readonly leaves: number;
  /** Versions waiting to be promoted beside the champion. */
  readonly spareVersions: number;
}

/** Fills `folder` as a data folder that a serving process serves from. */
export async function buildServeWorld(folder: string, size: ServeModelSize, say: (text: string) => void): Promise<ServeWorld> {
  const { definition } = await loadProject(projectFolder);
  const model = definition.models[0]!;
  const stores = await openStores(folder, readConfiguration({}));
  const duck = await openDuckDb({ threads: 2, memoryLimitMb: 1024, tempFolder: path.join(stores.folder.runFolder, "tmp") });
  const store = await openOnlineStore(stores.onlineStore);
  const views = viewsOf(model.service);
  const online = await createOnlineFeatures({ store, views });
  let rowsIngested = 0;
  for (const source of new Map(views.map((view) => [view.source.name, view.source])).values()) {
    const relation = relationOf(source, { numQuarantined: 1, foundTypes: await findTypes(duck, source, projectFolder) }, projectFolder);
    const columns = Object.keys(source.schema);
    const table = await duck.columns(`select ${columns.join(", ")} from (${relation}) where _known >= ${fromUs} and _known < ${askUs} order by _known, _row`);
    const rows = rowsOf(table, columns);
    for (let at = 0; at < rows.length; at += 2000) await online.ingest(source.name, rows.slice(at, at + 2000), { producer: "bench", sequence: at / 2000 });
    rowsIngested += rows.length;
    say(`${rows.length} rows of ${source.name} in the online store`);
  }
  const questions = await askedFlights(duck, model);
  await duck.close();
  const service = model.service;
  const categories = Object.fromEntries(
    service.slots
      .filter((s) => s.type === "categorical")
      .map((s) => [
        s.name,
        fitDictionary(
          questions.map((q) => String(q.fields[s.name])),
          { maxCategories: 512 },
        ),
      ]),
  );
  const read = online.reader(service);
  const fill = requestFiller(service, categories);
  const vectors: Float64Array[] = [];
  for (const { timeUs, fields } of questions) {
    const vector = new Float64Array(service.slots.length);
    fill(timeUs, fields, vector, 0);
    await read(timeUs, fields, vector, 0);
    vectors.push(vector);
  }
  const columns = service.slots.map((_slot, s) => Float64Array.from(vectors, (v) => v[s]!));
  const trained = trainGbdt({
    train: { numRows: vectors.length, features: service.slots, columns, labels: Uint8Array.from(questions, (q) => q.label) },
    params: { numIterations: size.trees, numLeaves: size.leaves, minDataInLeaf: 5, earlyStoppingRounds: 0 },
  });
  const gbdt: GbdtModel = { kind: "gbdt", features: service.slots, ensemble: trained.ensemble, calibration: identityCalibration };
  say(`${trained.ensemble.numTrees} trees with ${trained.ensemble.leafValue.length} leaves trained on ${vectors.length} rows of ${columns.length} slots`);
  await deploy(stores, model, gbdt, categories, vectors.slice(0, 64), size.spareVersions);
  await store.close();
  await stores.close();
  const bodies = questions.map(({ timeUs, fields }) => JSON.stringify({ instances: [{ id: "{id}", time: timeUs, fields }] }));
  return {
    model: model.name,
    bodies: bodies.slice(0, 20_000),
    rowsIngested,
    slots: service.slots.length,
    trees: trained.ensemble.numTrees,
    leaves: trained.ensemble.leafValue.length,
  };
}

async function deploy(
  { blobs, registry }: Pick<Stores, "blobs" | "registry">,
  model: ModelDefinition,
  gbdt: GbdtModel,
  categories: Readonly<Record<string, readonly string[]>>,
  selfCheckVectors: readonly Float64Array[],
  spareVersions: number,
): Promise<void> {
  const artifactPath = "bench/version";
  await writeVersionArtifact(blobs, artifactPath, {
    modelName: model.name,
    definitionHash: model.hash,
    service: model.service,
    model: gbdt,
    categories,
    selfCheckVectors,
  });
  for (let spare = 0; spare <= spareVersions; spare++) {
    const { version } = await registry.registerVersion({
      model: model.name,
      runId: "bench",
      artifactPath,
      definitionHash: model.hash,
      serviceHash: model.service.hash,
      datasetHash: "bench",
      requestId: `bench-${spare}`,
    });
    for (const kind of proofKinds) await registry.waive(model.name, version, kind, "a benchmark's model");
    if (spare === 0) await registry.promote(model.name, version, "a benchmark's model");
  }
}

interface AskedFlight {
  readonly timeUs: number;
  readonly fields: Readonly<Record<string, string | number | null>>;
  readonly label: number;
}

async function askedFlights(duck: DuckDb, model: ModelDefinition): Promise<AskedFlight[]> {
  const relation = relationOf(model.spine, { numQuarantined: 1, foundTypes: await findTypes(duck, model.spine, projectFolder) }, projectFolder);
  const table = await duck.columns(
    `select _event, ${model.request.join(", ")}, (${model.label})::integer as _label from (${relation}) where _event >= ${askUs} and _event < ${toUs} order by _event, _row`,
  );
  const labels = table.columns.get("_label")!;
  const times = table.columns.get("_event")!;
  return rowsOf(table, model.request).map((fields, i) => ({ timeUs: Number(times[i]), fields: fields as AskedFlight["fields"], label: Number(labels[i]) }));
}

function rowsOf(table: ColumnTable, names: readonly string[]): Record<string, string | number | null>[] {
  const columns = names.map((name) => table.columns.get(name)!);
  return Array.from({ length: table.numRows }, (_, i) => Object.fromEntries(names.map((name, c) => [name, plain(columns[c]![i])])));
}

function plain(value: string | number | null | undefined): string | number | null {
  return value === undefined || value === null || Number.isNaN(value) ? null : value;
}
