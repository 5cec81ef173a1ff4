import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createDirectory } from "../access/directory.ts";
import { registerDataset } from "../data/register.ts";
import { csv } from "../data/source.ts";
import { relationOf } from "../data/relation.ts";
import { createDatasets } from "../data/store.ts";
import { categorical, entity, featureView, numeric, requestFeatures, window } from "../features/definition.ts";
import { materialize } from "../features/online/materialize.ts";
import { createOnlineFeatures } from "../features/online/online-features.ts";
import { latestExchanges } from "../feedback/exchanges.ts";
import { openFeedbackLog, readFeedback } from "../feedback/log.ts";
import type { LabelRecord, PredictionRecord, PredictionRole } from "../feedback/prediction.ts";
import { ManualClock } from "../kernel/clock.ts";
import { idMaker } from "../kernel/ids.ts";
import { seededRng, type Rng } from "../kernel/rng.ts";
import { formatIso, fromCivil, MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_SECOND } from "../kernel/time.ts";
import { evaluate } from "../learn/evaluate.ts";
import { trainGbdt } from "../learn/gbdt/train.ts";
import { createMonitorConsumer } from "../monitoring/consumer.ts";
import { parseProfile, profileToJson } from "../monitoring/profile-file.ts";
import { buildReferenceProfile } from "../monitoring/profile.ts";
import { createDefinitionHistory } from "../features/definition-history.ts";
import { createParityStore } from "../monitoring/parity-store.ts";
import { createMonitoring } from "../monitoring/store.ts";
import { createPipelines } from "../pipelines/pipelines.ts";
import type { Workflow } from "../pipelines/port.ts";
import { model, project, type ModelDefinition, type ProjectDefinition } from "../project/definition.ts";
import { createModelCatalog } from "../registry/catalog-store.ts";
import type { Registry } from "../registry/port.ts";
import { announceToWebhooks } from "../registry/webhooks/outbox.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import { openVault } from "./secret-keys.ts";
import { webhookParts } from "./webhook-parts.ts";
import { guarded, workspacesOf } from "./workspace-contents.ts";
import { createRegistry } from "../registry/store.ts";
import { writeVersionArtifact } from "../serving/artifact.ts";
import { openFileBlobs } from "../storage/blobs/files.ts";
import { openDuckDb } from "../storage/duckdb/duckdb.ts";
import { openMemoryStore } from "../storage/kv/memory.ts";
import type { KeyValueStore } from "../storage/kv/port.ts";
import { migrate } from "../storage/sql/migrate.ts";
import { openSqlite } from "../storage/sql/sqlite.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { TrackingStore } from "../tracking/store.ts";
import { createTracking } from "../tracking/store.ts";
import { createComparisons } from "../workflows/comparisons.ts";
import { ProgressBoard } from "../workflows/progress.ts";
import type { ControlRooms } from "./control-rooms.ts";
import { openPathDesk } from "./path-desk.ts";
import { migrations } from "./migrations.ts";
import { openExplorer } from "./test-world-explorer.ts";
import { useFeatures } from "./test-world-lookups.ts";
import { tellProgress } from "./test-world-progress.ts";
import { proveParity } from "./test-world-parity.ts";

/**
 * A season of a small airline in real stores, in a folder of its own: what the control server's tests and the console's stand on.
 * Traffic is made up (seeded); everything else went through the rooms' own code: contract, monitors, registry, pipelines.
 */
export interface ControlWorld {
  readonly rooms: ControlRooms;
  readonly board: ProgressBoard;
  readonly database: SqlDatabase;
  /** Processing time; the board measures rates and pauses with it. */
  readonly machineClock: ManualClock;
  readonly model: ModelDefinition;
  readonly trainedRun: string;
  readonly registry: Registry;
  readonly tracking: TrackingStore;
  readonly blobs: BlobStore;
  readonly close: () => Promise<void>;
}

const april = fromCivil(2001, 4, 1);
const airports = ["ATL", "BOS", "DEN", "DFW", "DTW", "LAX", "ORD", "PHX"];

const flights = csv("flights", {
  path: "flights.csv",
  schema: { date: "timestamp", delay: "int64", distance: "int64", origin: "string", destination: "string" },
  eventTime: "date",
  knownTime: "greatest(date + minutes(30 + distance / 7.5 + delay), date + minutes(1))",
  expect: {
    date: { notNull: true },
    delay: { notNull: true, min: -60, max: 1440 },
    distance: { min: 10, max: 6000 },
    origin: { notNull: true, pattern: "[A-Z]{3}" },
  },
  policy: { onFailure: "quarantine", maxQuarantinedShare: 0.05 },
});
const airport = featureView("from_airport", {
  entity: entity("airport", { keys: ["airport"] }),
  source: flights,
  on: { airport: "origin" },
  freshness: "6h",
  features: {
    late_share_1h: window("1h").share("delay >= 15"),
    late_share_6h: window("6h").share("delay >= 15"),
    late_share_1d: window("1d").share("delay >= 15"),
    mean_delay_6h: window("6h").mean("delay"),
    mean_delay_7d: window("7d").mean("delay"),
    flights_6h: window("6h").count(),
  },
});
const route = featureView("on_route", {
  entity: entity("route", { keys: ["origin", "destination"] }),
  source: flights,
  on: { origin: "origin", destination: "destination" },
  features: { late_share_7d: window("7d").share("delay >= 15"), flights_7d: window("7d").count() },
});
const calendar = requestFeatures("calendar", {
  outputs: ["hour", "day_of_week"],
  compute: (timeUs) => ({ hour: Math.floor(timeUs / MICROS_PER_HOUR) % 24, day_of_week: (Math.floor(timeUs / MICROS_PER_DAY) + 4) % 7 }),
});
const lateArrival: ModelDefinition = model("late_arrival", {
  spine: flights,
  request: ["origin", "destination", "distance"],
  label: "delay >= 15",
  features: [
    calendar,
    numeric("distance"),
    categorical("origin"),
    airport.at({ airport: "origin" }, "from_origin"),
    route.at({ origin: "origin", destination: "destination" }, "route"),
  ],
  trainer: { gbdt: { numIterations: 120 } },
  training: { from: "2001-01-01", validFrom: "2001-03-01", holdoutFrom: "2001-03-08", to: "2001-04-01" },
  slices: ["origin"],
});
const airlineProject: ProjectDefinition = project("small-airline", {
  models: [lateArrival],
  replay: { model: "late_arrival", from: "2001-04-01", to: "2001-07-01" },
});

/** @param days of live traffic; 0 leaves every store empty, as a first start finds them */
export async function controlWorld(days: number, { webhookTargets }: { webhookTargets?: string } = {}): Promise<ControlWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), "karkhana-control-"));
  const clock = new ManualClock(fromCivil(2026, 3, 2, 9 * MICROS_PER_HOUR));
  const eventClock = new ManualClock(april);
  const rng = seededRng("console");
  const newId = idMaker(clock, (length) => Uint8Array.from({ length }, () => rng.int(256)));
  const database = await openSqlite(path.join(folder, "meta.db"));
  await migrate(database, migrations);
  const blobs = await openFileBlobs(path.join(folder, "blobs"));
  const logFolder = path.join(folder, "log");
  const feedback = await readFeedback(logFolder);
  const board = new ProgressBoard(() => clock.nowUs() / 1000);
  const announce = announceToWebhooks({ clock, newId });
  const directory = createDirectory({ database, clock });
  const registry = createRegistry({ database, clock: eventClock, announce });
  const workspaces = workspacesOf({ database, blobs, clock, directory });
  const stored = {
    project: airlineProject,
    datasets: createDatasets({ database, blobs }),
    tracking: createTracking({ database, blobs, clock, newId }),
    registry,
    directory,
    ...guarded({ directory, clock, workspaces }),
    catalog: createModelCatalog({ database, clock, newId, registry, announce }),
    webhooks: webhookParts(database, openVault(folder, undefined), webhookTargets),
    pipelines: createPipelines({ database, blobs, clock }),
    monitoring: createMonitoring({ database, clock: eventClock }),
    parity: createParityStore(database),
    definitions: createDefinitionHistory(database),
    blobs,
    feedback,
    exchanges: latestExchanges(logFolder),
    comparisons: createComparisons({ registry, logFolder, timerMs: () => clock.nowUs() / 1000 }),
    progress: board,
    clock: eventClock,
  };
  const onlineStore = openMemoryStore();
  const explorer = openExplorer([airport, route], { datasets: stored.datasets, folder, onlineStore });
  const rooms = { ...stored, explorer, path: openPathDesk({ rooms: stored, project: airlineProject, database, clock }) };
  const world = { ...rooms, folder, onlineStore, machineClock: clock, eventClock, rng, database, logFolder, board };
  const trainedRun = days === 0 ? "" : await fill(world, days);
  return {
    rooms,
    board,
    database,
    machineClock: clock,
    model: lateArrival,
    trainedRun,
    registry,
    tracking: stored.tracking,
    blobs,
    close: async () => {
      await feedback.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface World extends ControlRooms {
  readonly folder: string;
  readonly logFolder: string;
  readonly machineClock: ManualClock;
  readonly eventClock: ManualClock;
  readonly rng: Rng;
  readonly board: ProgressBoard;
  readonly database: Awaited<ReturnType<typeof openSqlite>>;
  readonly onlineStore: KeyValueStore;
  readonly blobs: Awaited<ReturnType<typeof openFileBlobs>>;
  readonly tracking: ReturnType<typeof createTracking>;
  readonly registry: ReturnType<typeof createRegistry>;
  readonly pipelines: ReturnType<typeof createPipelines>;
  readonly monitoring: ReturnType<typeof createMonitoring>;
  readonly parity: ReturnType<typeof createParityStore>;
}

async function fill(world: World, days: number): Promise<string> {
  const { registry, eventClock, board } = world;
  const datasetHash = await registerFlights(world);
  await runPipelines(world);
  const first = await trainVersion(world, "late_arrival logistic 2001-04-01", datasetHash, 0.7);
  for (const kind of ["shadow", "ab", "rollback"] as const)
    await registry.waive("late_arrival", 1, kind, "the first version has nothing live to be compared with");
  await registry.promote("late_arrival", 1, "first version, offline evaluation passed");
  await trainVersion(world, "late_arrival gbdt 2001-05-20", datasetHash, 1);
  await serve(world, days, async (day) => {
    eventClock.advanceTo(april + day * MICROS_PER_DAY);
    if (day === 52) await registry.startShadow("late_arrival", 2, "trained after the drift alert of May");
    if (day === 57) {
      await registry.addProof("late_arrival", 2, {
        kind: "shadow",
        passed: true,
        summary: "AUC 0.7481 against 0.7212 of the champion on 1,300 shadowed questions",
        details: { champion: { auc: 0.7212 }, challenger: { auc: 0.7481 }, difference: { value: 0.0269, low: 0.0132, high: 0.0406 }, rows: 1300 },
      });
      await registry.startAb("late_arrival", 2, 0.2, "shadow proved");
    }
    if (day === 63) {
      await registry.addProof("late_arrival", 2, {
        kind: "ab",
        passed: true,
        summary: "better on 310 answered questions; sample ratio as assigned",
        details: { rows: 310, sampleRatioP: 0.61 },
      });
      await registry.addProof("late_arrival", 2, {
        kind: "rollback",
        passed: true,
        summary: "traffic was back at the champion after 14 ms; 60 probes, none failed",
        details: { inForceMs: 14, probes: 60 },
      });
      await registry.promote("late_arrival", 2, "better in shadow and A/B, by 0.027 AUC");
      board.tell({
        event: "decision",
        atUs: eventClock.nowUs(),
        model: "late_arrival",
        version: 2,
        kind: "promoted",
        text: "version 2 is champion: better in shadow and A/B, by 0.027 AUC",
      });
    }
  });
  await trainVersion(world, "late_arrival gbdt 2001-06-24", datasetHash, 0.8, false);
  await registry.refuse("late_arrival", 3, "loses 0.0061 AUC to the champion on the same rows, 0.002 allowed");
  await proveParity(world.parity, lateArrival, april, days);
  await useFeatures(world, lateArrival, { airport, route }, airports, april);
  tellProgress(world, april, days);
  return first;
}

async function registerFlights({ folder, blobs, database, machineClock: clock, rng, onlineStore }: World): Promise<string> {
  const lines = ["date,delay,distance,origin,destination"];
  for (let i = 0; i < 4000; i++) {
    const at = formatIso(fromCivil(2001, 1, 1) + rng.int(90 * 24 * 60) * 60 * MICROS_PER_SECOND).replace("Z", "");
    const delay = i % 997 === 5 ? 5000 : i % 1499 === 7 ? "" : Math.round(-12 + 18 * -Math.log(1 - rng.next()));
    lines.push(`${at},${delay},${150 + rng.int(2400)},${airports[rng.int(8)]!},${airports[rng.int(8)]!}`);
  }
  await writeFile(path.join(folder, "flights.csv"), `${lines.join("\n")}\n`);
  const duck = await openDuckDb({ threads: 1 });
  try {
    const version = await registerDataset(flights, { projectFolder: folder, duck, blobs, database, clock });
    const online = createOnlineFeatures({ store: onlineStore, views: [airport, route] });
    await materialize({ duck, online, relation: relationOf(flights, version, folder), source: flights, upToKnownUs: april });
    return version.hash;
  } finally {
    await duck.close();
  }
}

/** One question: the vector in slot order, the risk behind it, and what a model of some skill says. */
function ask(rng: Rng, day: number, atUs: number): { readonly vector: Float64Array; readonly risk: number; readonly origin: number } {
  const origin = rng.int(8);
  const season = day < 40 ? 0 : Math.min(1, (day - 40) / 12);
  const weather = normal(rng) * 0.7 + 0.25 * Math.sin(day / 3);
  const late = (spread: number): number => Math.min(1, Math.max(0, 0.2 + 0.09 * season + 0.09 * weather + spread * normal(rng)));
  const isQuiet = rng.next() < 0.06;
  const hour = Math.floor(atUs / MICROS_PER_HOUR) % 24;
  const vector = Float64Array.of(
    hour,
    (Math.floor(atUs / MICROS_PER_DAY) + 4) % 7,
    150 + rng.int(2400),
    origin,
    isQuiet ? Number.NaN : late(0.12),
    late(0.06),
    late(0.03),
    6 + 30 * (late(0.05) - 0.15),
    8 + 3 * season + normal(rng),
    Math.round(18 + 4 * normal(rng)),
    late(0.02),
    Math.round(30 + 8 * normal(rng)),
  );
  return { vector, risk: -1.5 + 1.3 * weather + 0.5 * season + 0.07 * (hour - 12) + 0.1 * (origin - 3.5), origin };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const normal = (rng: Rng): number => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());

/** @param skill 1 sees the risk, 0 guesses */
function scoreOf(rng: Rng, risk: number, skill: number): number {
  return sigmoid(risk * skill + (1 - skill) * (-1.5 + 1.2 * normal(rng)));
}

async function trainVersion(world: World, name: string, datasetHash: string, skill: number, passed = true): Promise<string> {
  const { tracking, registry, blobs, rng, machineClock: clock } = world;
  const { experimentId } = await tracking.experiment("small-airline");
  const run = await tracking.createRun({ experimentId, name, tags: { model: "late_arrival" } });
  const rows = 6000;
  const scores = new Float64Array(rows);
  const labels = new Uint8Array(rows);
  const origins: string[] = [];
  const us = new Float64Array(rows);
  const columns = lateArrival.service.slots.map(() => new Float64Array(rows));
  for (let i = 0; i < rows; i++) {
    const day = i % 60;
    us[i] = april - (60 - day) * MICROS_PER_DAY + rng.int(24) * MICROS_PER_HOUR;
    const { vector, risk, origin } = ask(rng, day - 60, us[i]!);
    for (const [s, column] of columns.entries()) column[i] = vector[s]!;
    scores[i] = scoreOf(rng, risk, skill);
    labels[i] = rng.next() < sigmoid(risk) ? 1 : 0;
    origins.push(airports[origin]!);
  }
  const evaluation = evaluate({ scores, labels, slices: [{ name: "origin", values: origins }], rng });
  const { auc, logLoss, brier, ece } = evaluation.overall;
  const whole = (e: { value: number; low: number | null; high: number | null }): { value: number; low: number; high: number } => ({
    value: e.value,
    low: e.low ?? e.value,
    high: e.high ?? e.value,
  });
  const profile = buildReferenceProfile({
    slots: lateArrival.service.slots,
    columns,
    scores,
    labels,
    holdout: { rows, auc: whole(auc!), logLoss: whole(logLoss), brier: whole(brier) },
    times: { us, windowUs: MICROS_PER_DAY },
  });
  const importance = lateArrival.service.slots.map((s, i) => ({ feature: s.name, gain: 900 / (i + 1) ** 1.2, splits: 200 - 9 * i }));
  const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  await tracking.logArtifact(run.runId, "model/profile.json", new TextEncoder().encode(profileToJson(profile)));
  await tracking.logArtifact(run.runId, "model/evaluation.json", json({ evaluation, importance }));
  const { ensemble } = trainGbdt({
    train: { numRows: rows, features: lateArrival.service.slots, columns, labels },
    params: { numIterations: 20, numLeaves: 8, minDataInLeaf: 20 },
  });
  await writeVersionArtifact(blobs, `${run.artifactPath}/model`, {
    modelName: lateArrival.name,
    definitionHash: lateArrival.hash,
    service: lateArrival.service,
    model: { kind: "gbdt", features: lateArrival.service.slots, ensemble, calibration: { kind: "sigmoid", slope: 1, intercept: 0 } },
    categories: { origin: airports },
    selfCheckVectors: [Float64Array.from(columns, (column) => column[0]!)],
  });
  const timestampMs = Math.floor(clock.nowUs() / 1000);
  const history = Array.from({ length: 90 }, (_, i) => [
    { key: "train_log_loss", value: 0.42 + 0.2 * Math.exp(-i / 18) - 0.0004 * i, step: i + 1, timestampMs },
    { key: "valid_log_loss", value: 0.455 + 0.17 * Math.exp(-i / 14) + 0.00012 * Math.max(0, i - 50), step: i + 1, timestampMs },
  ]).flat();
  await tracking.logBatch(run.runId, {
    params: { trainer: "gbdt", numIterations: "120", learningRate: "0.1", numLeaves: "63" },
    metrics: [
      ...history,
      ...Object.entries({ holdout_auc: auc!.value, holdout_log_loss: logLoss.value, holdout_brier: brier.value, holdout_ece: ece.value }).map(
        ([key, value]) => ({ key, value, step: 0, timestampMs }),
      ),
    ],
  });
  clock.advanceBy(41 * MICROS_PER_SECOND);
  await tracking.finishRun(run.runId, "FINISHED");
  const { version } = await registry.registerVersion({
    model: "late_arrival",
    runId: run.runId,
    artifactPath: `${run.artifactPath}/model`,
    definitionHash: lateArrival.hash,
    serviceHash: lateArrival.service.hash,
    datasetHash,
    requestId: run.runId,
  });
  await registry.addProof("late_arrival", version, {
    kind: "offline-evaluation",
    passed,
    summary: `AUC ${auc!.value.toFixed(4)}, log loss ${logLoss.value.toFixed(4)} on 6,000 held-out rows`,
    details: { overall: evaluation.overall, gates: { minAuc: 0.6, maxEce: 0.05 } },
  });
  await registry.addProof("late_arrival", version, {
    kind: "monitors",
    passed: true,
    summary: "drift planted in the 3 most important features was found, none where there was none",
    details: { rehearsals: 4 },
  });
  return run.runId;
}

async function serve(world: World, days: number, onDay: (day: number) => Promise<void>): Promise<void> {
  const { rng, registry, monitoring, feedback, blobs, logFolder, board } = world;
  const log = await openFeedbackLog(logFolder);
  const watcher = createMonitorConsumer({
    model: "late_arrival",
    policy: lateArrival.monitors,
    reader: feedback,
    store: monitoring,
    loadProfile: async (version) =>
      parseProfile(new TextDecoder().decode(await blobs.get(`${(await registry.getVersion("late_arrival", version)).artifactPath}/profile.json`))),
  });
  for (let day = 0; day < days; day++) {
    await onDay(day);
    const deployment = (await registry.getDeployment("late_arrival"))!;
    const predictions: PredictionRecord[] = [];
    const labels: LabelRecord[] = [];
    for (let i = 0; i < 240; i++) {
      const askedUs = april + day * MICROS_PER_DAY + Math.floor((i / 240) * MICROS_PER_DAY);
      const { vector, risk, origin } = ask(rng, day, askedUs);
      const id = `${day}-${i}`;
      const fields = { origin: airports[origin]!, destination: airports[(origin + 3) % 8]!, distance: vector[2]! };
      const answer = (version: number, role: PredictionRole): PredictionRecord => {
        const skill = version === 1 ? Math.max(0.3, 0.8 - Math.max(0, day - 42) * 0.04) : 0.9;
        return {
          id,
          model: "late_arrival",
          version,
          role,
          askedUs,
          servedUs: askedUs,
          score: scoreOf(rng, risk, skill),
          vector,
          serviceHash: lateArrival.service.hash,
          fields,
          latencyUs: Math.round(300 * Math.exp(0.4 * Math.abs(normal(rng)))),
        };
      };
      const [challenger] = deployment.challengers;
      const isChallenged = challenger !== undefined && rng.next() < challenger.share;
      predictions.push(isChallenged ? answer(challenger.version, "challenger") : answer(deployment.champion, "champion"));
      for (const shadow of deployment.shadows) predictions.push(answer(shadow, "shadow"));
      labels.push({ id, model: "late_arrival", label: rng.next() < sigmoid(risk) ? 1 : 0, knownUs: askedUs + 3 * MICROS_PER_HOUR });
    }
    await log.logPredictions(predictions);
    await log.logLabels(labels);
    await log.flush();
    for (const event of await watcher.advance(april + day * MICROS_PER_DAY)) {
      if (event.kind === "alert-raised") board.tell({ event: "alert", atUs: event.alert.raisedUs, kind: event.alert.kind, text: event.alert.summary });
    }
  }
  await log.close();
}

async function runPipelines({ pipelines, machineClock: clock }: World): Promise<void> {
  const train: Workflow<{ readonly failing: boolean }, { readonly version: number }> = {
    name: "train-model",
    run: async (context, { failing }) => {
      const work = (id: string, seconds: number, cacheKey?: string): Promise<{ rows: number }> =>
        context.step(id, cacheKey === undefined ? {} : { cacheKey }, async (step) => {
          step.progress(340_000, 340_000, "rows");
          clock.advanceBy(seconds * MICROS_PER_SECOND);
          if (failing && id === "register") throw new Error("the held-out rows hold one class only");
          return { rows: 340_000 };
        });
      await work("data", 6, "data");
      await work("training-set", 14, "set");
      await work("fit", 31);
      await work("evaluate", 4);
      await work("register", 1);
      return { version: 1 };
    },
  };
  await pipelines.start(train, { failing: false }, "train-late_arrival-1");
  await pipelines.start(train, { failing: true }, "train-late_arrival-2").catch(() => undefined);
  clock.advanceBy(120 * MICROS_PER_SECOND);
  await pipelines.start(train, { failing: false }, "train-late_arrival-3");
}
