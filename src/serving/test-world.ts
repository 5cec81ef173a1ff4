import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parquet, pushed, type SourceDefinition } from "../data/source.ts";
import { categorical, entity, featureView, numeric, window } from "../features/definition.ts";
import { createOnlineFeatures } from "../features/online/online-features.ts";
import { openFeedbackLog, readFeedback, type FeedbackReader } from "../feedback/log.ts";
import { ManualClock } from "../kernel/clock.ts";
import type { ErrorCode } from "../kernel/error-catalogue.ts";
import { KarkhanaError, type ErrorRecord } from "../kernel/error.ts";
import { idMaker } from "../kernel/ids.ts";
import { seededRng } from "../kernel/rng.ts";
import { fromCivil } from "../kernel/time.ts";
import type { GbdtModel } from "../learn/model.ts";
import { model, project, viewsOf, type ModelDefinition, type ProjectDefinition, type ServingPolicy } from "../project/definition.ts";
import type { Deployment, ModelVersion, Registry, WantedShare } from "../registry/port.ts";
import { withShares } from "../registry/traffic.ts";
import { openFileBlobs } from "../storage/blobs/files.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import { openMemoryStore } from "../storage/kv/memory.ts";
import { createServing, type Serving, type ServingOptions } from "./app.ts";
import { writeVersionArtifact, type ModelFile } from "./artifact.ts";
import type { FeedbackFace, OnlineFace } from "./faces.ts";
import type { ModelReport } from "./report.ts";
import type { ModelStatsReport } from "./stats.ts";

/** A small project, real stores in a folder of its own, and a serving process' worth of program: what the tests of this room stand on. */
export const noon: number = fromCivil(2001, 4, 1, 12 * 3_600_000_000);

const schema = { at: "timestamp", zone: "string", miles: "float64", late: "int64", seats: "int64", shared: "boolean" } as const;
const times = { eventTime: "at", knownTime: "at + minutes(30)" } as const;
const expected = {
  zone: { notNull: true, pattern: "[A-Z]{3}" },
  miles: { min: 0.5, max: 500 },
  seats: { oneOf: ["2", "4"] },
  late: { min: 0, max: 1 },
} as const;

const lateRideOver = (rides: SourceDefinition<typeof schema>): ModelDefinition => {
  const zone = featureView("zone", {
    entity: entity("zone", { keys: ["zone"] }),
    source: rides,
    on: { zone: "zone" },
    features: { rides_2h: window("2h").count(), late_2h: window("2h").share("late >= 1") },
  });
  return model("late_ride", {
    spine: rides,
    request: ["zone", "miles", "shared"],
    label: "late >= 1",
    features: [numeric("miles"), numeric("shared"), categorical("zone"), zone.at({ zone: "zone" })],
    trainer: { gbdt: {} },
    training: { from: "2001-01-01", validFrom: "2001-02-01", holdoutFrom: "2001-03-01", to: "2001-04-01" },
  });
};

export const lateRide: ModelDefinition = lateRideOver(parquet("rides", { path: "rides.parquet", schema, ...times, expect: expected }));
/** The same of rides that are only pushed. */
export const latePushedRide: ModelDefinition = lateRideOver({ ...pushed("rides", { schema, ...times }), expect: expected });

export const rideProject: ProjectDefinition = project("rides", { models: [lateRide] });

/** One tree: miles <= 10, else the zone's code; its leaves tell which version answered. */
export function stump(version: number): GbdtModel {
  return {
    kind: "gbdt",
    features: lateRide.service.slots,
    calibration: { kind: "sigmoid", slope: 1, intercept: 0 },
    ensemble: {
      numTrees: 1,
      baseScore: version,
      treeOffsets: Int32Array.of(0, 2),
      leafOffsets: Int32Array.of(0, 3),
      splitFeature: Int32Array.of(0, 2),
      threshold: Float64Array.of(10, 0),
      leftChild: Int32Array.of(~0, ~1),
      rightChild: Int32Array.of(1, ~2),
      defaultLeft: Uint8Array.of(1, 0),
      isCategorical: Uint8Array.of(0, 1),
      splitGain: Float64Array.of(1, 1),
      categoryOffsets: Int32Array.of(0, 0, 1),
      categoryBits: Uint32Array.of(1),
      leafValue: Float64Array.of(-0.5, 0.25, 0.75),
      leafCount: Int32Array.of(1, 1, 1),
    },
  };
}

/** Who answers; of challengers and shadows either one or a list. */
export interface Places {
  readonly champion?: number;
  readonly challenger?: number;
  readonly abShare?: number;
  readonly shadow?: number;
  readonly challengers?: readonly WantedShare[];
  readonly shadows?: readonly number[];
  readonly previous?: number;
}

/** Deployments that a test sets as it likes; the registry's own rules are tested in its room. */
export class TestRegistry implements Pick<Registry, "listDeployments" | "getVersion"> {
  deployments: Deployment[] = [];
  readonly versions: Map<number, ModelVersion> = new Map();
  broken = false;
  #revision = 0;

  deploy(places: Places): void {
    this.#revision++;
    const {
      champion = 1,
      previous,
      challenger,
      abShare = 0.5,
      shadow,
      challengers = challenger === undefined ? [] : [{ version: challenger, share: abShare }],
    } = places;
    const salt = `${lateRide.name}/${champion}`;
    const { shadows = shadow === undefined ? [] : [shadow] } = places;
    const traffic = { champion, challengers: withShares([], challengers, salt), shadows, salt, ...(previous === undefined ? {} : { previous }) };
    this.deployments = [{ model: lateRide.name, revision: this.#revision, reason: "test", changedUs: noon, ...traffic }];
  }

  async listDeployments(): Promise<Deployment[]> {
    if (this.broken) throw new Error("database is gone");
    return this.deployments;
  }

  async getVersion(name: string, version: number): Promise<ModelVersion> {
    const found = this.versions.get(version);
    if (found === undefined) throw new KarkhanaError("VERSION_NOT_FOUND", { model: name, version });
    return found;
  }
}

/** What any of the routes answers, as far as the tests look at it; a member that an answer lacks is undefined there. */
export interface AnswerBody {
  readonly error: ErrorRecord;
  readonly predictions: readonly { readonly id: string; readonly version: number; readonly role: string; readonly score: number }[];
  readonly models: readonly (ModelReport & ModelStatsReport)[];
  readonly logged: number;
  readonly inFlight: number;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: AnswerBody;
}

export interface World {
  readonly folder: string;
  readonly blobs: BlobStore;
  readonly registry: TestRegistry;
  readonly online: OnlineFace;
  readonly feedback: FeedbackFace;
  readonly clock: ManualClock;
  readonly serving: Serving;
  readonly url: string;
  readonly port: number;
  readonly grpcPort: number;
  /** Where other serving processes of the machine ask this one. */
  readonly peerPort: number;
  /** Another reader of the same log, as the control process has one. */
  readonly log: FeedbackReader;
  /** Registers a version with its artifact. */
  addVersion(version: number, categories?: Readonly<Record<string, readonly string[]>>, model?: GbdtModel | ModelFile): Promise<void>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  get(path: string): Promise<Answer>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly statusOf: (code: ErrorCode) => number;
  readonly serving?: Partial<ServingOptions>;
  readonly wrapFeedback?: (log: FeedbackFace) => FeedbackFace;
  readonly deploy?: boolean;
  readonly grpc?: boolean;
  /** How the model answers; no part of its identity. */
  readonly policy?: ServingPolicy;
  readonly wrapBlobs?: (blobs: BlobStore) => BlobStore;
  readonly wrapOnline?: (online: OnlineFace) => OnlineFace;
  /** What is served; default `lateRide`. */
  readonly definition?: ModelDefinition;
}

export async function openWorld({
  serving: overrides,
  wrapFeedback = (log) => log,
  deploy = true,
  grpc = false,
  policy = {},
  wrapBlobs = (store) => store,
  wrapOnline = (face) => face,
  definition = lateRide,
  statusOf,
}: WorldOptions): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), "karkhana-serving-"));
  const blobs = await openFileBlobs(path.join(folder, "blobs"));
  const store = openMemoryStore();
  const online = await createOnlineFeatures({ store, views: viewsOf(definition.service) });
  const feedback = await openFeedbackLog(path.join(folder, "log"));
  const registry = new TestRegistry();
  const clock = new ManualClock(noon);
  const rng = seededRng(7);
  const newId = idMaker(clock, (length) => Uint8Array.from({ length }, () => rng.int(256)));
  const addVersion = async (
    version: number,
    categories: Readonly<Record<string, readonly string[]>> = { zone: ["AAA", "BBB"] },
    trained: GbdtModel | ModelFile = stump(version),
  ): Promise<void> => {
    const artifactPath = `versions/${version}`;
    // Networks know no missing values.
    const selfCheckVectors = [Float64Array.of(3, 0, 0, 1, 0.5), Float64Array.of(30, 1, 1, 0, "kind" in trained ? Number.NaN : 0.25)];
    await writeVersionArtifact(blobs, artifactPath, {
      modelName: definition.name,
      definitionHash: definition.hash,
      service: definition.service,
      model: trained,
      categories,
      selfCheckVectors,
    });
    const hashes = { definitionHash: definition.hash, serviceHash: definition.service.hash, datasetHash: "d" };
    registry.versions.set(version, {
      model: definition.name,
      version,
      state: "registered",
      runId: "r",
      artifactPath,
      ...hashes,
      createdUs: noon,
      proofs: [],
      waivers: {},
    });
  };
  if (deploy) {
    await addVersion(1);
    registry.deploy({ champion: 1 });
  }
  const options = {
    project: { ...rideProject, models: [{ ...definition, serving: policy }] },
    registry,
    blobs: wrapBlobs(blobs),
    online: wrapOnline(online),
    feedback: wrapFeedback(feedback),
    clock,
    newId,
    statusOf,
    deploymentPollMs: 3_600_000,
  };
  // What the adaptive limit lets in depends on how busy the machine is; the tests of that limit set it themselves.
  const limits = { targetLatencyMs: Infinity, drainPauseMs: 0, ...overrides?.limits };
  const serving = await createServing({ ...options, ...overrides, limits });
  const { port, grpcPort = 0, peerPort = 0 } = await serving.listen({ host: "127.0.0.1", port: 0, ...(grpc ? { grpcPort: 0 } : {}) });
  const url = `http://127.0.0.1:${port}`;
  const answer = async (response: Response): Promise<Answer> => {
    const text = await response.text();
    return { status: response.status, text, body: (text.startsWith("{") ? JSON.parse(text) : {}) as AnswerBody };
  };
  const log = await readFeedback(path.join(folder, "log"));
  return {
    folder,
    blobs,
    registry,
    online,
    feedback,
    clock,
    serving,
    url,
    port,
    grpcPort,
    peerPort,
    log,
    addVersion,
    post: async (where, body, headers = {}) =>
      answer(
        await fetch(url + where, {
          method: "POST",
          headers: { "content-type": "application/json", ...headers },
          body: typeof body === "string" ? body : JSON.stringify(body),
        }),
      ),
    get: async (where) => answer(await fetch(url + where)),
    close: async () => {
      await serving.close();
      await feedback.close();
      await log.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const predictPath: string = `/v1/models/${lateRide.name}/predict`;

export function question(id: string, fields: Record<string, unknown> = {}): { instances: unknown[] } {
  return { instances: [{ id, time: "2001-04-01T12:00:00Z", fields: { zone: "AAA", miles: 3, shared: false, ...fields } }] };
}

/** The score `stump(version)` gives where its leaf is `leaf`. */
export function scoreOf(version: number, leaf: number): number {
  return 1 / (1 + Math.exp(-(version + leaf)));
}
