import type { IntakeExperiment, IntakeLoggedModel, IntakeRun } from "../../tracking/intake.ts";
import type { IntakeModel, IntakeVersion } from "../../registry/intake.ts";
import type { Metric } from "../../tracking/port.ts";

/** A run as the source has it; its history is asked for key by key, since it may be millions of points. */
export interface SourceRun extends Omit<IntakeRun, "experimentId"> {
  readonly metricKeys: readonly string[];
  /** Tells that the run has changed since it was last read. */
  readonly latest: string;
}

export interface SourceFile {
  /** Relative to the artifacts of its owner. */
  readonly path: string;
  readonly sizeBytes: number | undefined;
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** Something of the source that is not taken, and why. */
export interface Refused {
  readonly what: string;
  readonly why: string;
}

export interface SourceExperiment extends IntakeExperiment {
  readonly sourceId: string;
}

export interface SourceVersion extends Omit<IntakeVersion, "artifactPath" | "downloadUri"> {
  /** Where its files lie in the source. */
  readonly storage: string;
}

export interface SourceModel extends Omit<IntakeModel, "versions"> {
  readonly versions: readonly SourceVersion[];
}

/**
 * An MLflow to import from. Nothing in it is trusted: names are checked where they are written, files are read only below the folders that
 * were named, links are not followed, and what is refused is told through `refused` and left out.
 */
export interface MlflowSource {
  /** The same for the same source, so that an import that broke off goes on. */
  readonly identity: string;
  readonly refused: readonly Refused[];
  /** No point of a history comes twice: they need not be remembered while one is read. */
  readonly pointsAreUnique: boolean;
  /** Active and deleted ones. */
  experiments(): AsyncIterable<SourceExperiment>;
  runs(experimentSourceId: string): AsyncIterable<SourceRun>;
  /** In batches, in any order. */
  history(runId: string, key: string): AsyncIterable<readonly Metric[]>;
  runFiles(runId: string): AsyncIterable<SourceFile>;
  loggedModels(experimentSourceId: string): AsyncIterable<Omit<IntakeLoggedModel, "experimentId">>;
  modelFiles(modelId: string): AsyncIterable<SourceFile>;
  models(): AsyncIterable<SourceModel>;
  close(): Promise<void>;
}
