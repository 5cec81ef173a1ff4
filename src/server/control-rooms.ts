import type { Directory } from "../access/directory.ts";
import type { Gate } from "../access/gate.ts";
import type { Datasets } from "../data/store.ts";
import type { LatestExchanges } from "../feedback/exchanges.ts";
import type { FeedbackReader } from "../feedback/log.ts";
import type { Clock } from "../kernel/clock.ts";
import type { DefinitionHistory } from "../features/definition-history.ts";
import type { ParityStore } from "../monitoring/parity-store.ts";
import type { MonitoringStore } from "../monitoring/store.ts";
import type { PathDesk } from "../path/desk.ts";
import type { Pipelines } from "../pipelines/port.ts";
import type { ModelDefinition, ProjectDefinition } from "../project/definition.ts";
import type { ModelCatalog } from "../registry/catalog.ts";
import type { WebhookParts } from "../registry/mlflow/webhook-calls.ts";
import type { Registry } from "../registry/port.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { MlflowTracking } from "../tracking/mlflow/call.ts";
import type { TrackingStore } from "../tracking/store.ts";
import type { Workspaces } from "../tracking/workspaces.ts";
import type { EntityExplorer } from "../workflows/explore-entity.ts";
import type { ProgressSource } from "../workflows/progress.ts";
import { KarkhanaError } from "../kernel/error.ts";
import type { Explainer } from "../serving/explain.ts";
import type { ServingWatch } from "./serving-watch.ts";
import type { Comparisons } from "../workflows/comparisons.ts";
import type { VersionFiles } from "./version-files.ts";

/** Exactly what the control server's routes read, and what they change (rollback and traffic, through the registry). */
export interface ControlRooms {
  readonly project: ProjectDefinition;
  readonly datasets: Pick<Datasets, "listVersions" | "getVersion" | "report">;
  readonly tracking: Pick<TrackingStore, "listExperiments" | "listRuns" | "listArtifacts" | "getArtifact" | "table" | "views" | "inWorkspace"> & MlflowTracking;
  readonly workspaces: Workspaces;
  readonly registry: Pick<Registry, "listVersions" | "getVersion" | "getDeployment" | "listEvents" | "rollback" | "setTraffic">;
  readonly catalog: ModelCatalog;
  readonly directory: Directory;
  readonly gate: Gate;
  readonly webhooks: WebhookParts;
  readonly pipelines: Pick<Pipelines, "listRuns" | "getRun" | "lastRun">;
  readonly monitoring: Pick<MonitoringStore, "listDriftWindows" | "listQualityWindows" | "listSlots" | "listAlerts" | "loadState">;
  readonly parity: Pick<ParityStore, "totals" | "listChecks" | "slots" | "listDifferences">;
  readonly definitions: Pick<DefinitionHistory, "versions">;
  readonly explorer: Pick<EntityExplorer, "explore" | "health" | "profile">;
  readonly blobs: Pick<BlobStore, "get">;
  readonly feedback: Pick<FeedbackReader, "predictions" | "labels" | "ends">;
  readonly exchanges: LatestExchanges;
  readonly comparisons: Comparisons;
  readonly progress: ProgressSource;
  /** What a person does on the Path. */
  readonly path: PathDesk;
  /** Event time: the replay's while it runs. */
  readonly clock: Clock;
}

/** What a route works with: the rooms and what the server itself keeps. */
export interface RouteContext extends ControlRooms {
  readonly serving: ServingWatch;
  readonly files: VersionFiles;
  readonly explainer: Explainer;
}

/** @throws MODEL_NOT_IN_PROJECT */
export function modelNamed({ project }: ControlRooms, name: string): ModelDefinition {
  const model = project.models.find((m) => m.name === name);
  if (model === undefined) throw new KarkhanaError("MODEL_NOT_IN_PROJECT", { model: name.slice(0, 100), models: project.models.map((m) => m.name).join(", ") });
  return model;
}
