import type { Clock, Micros } from "../kernel/clock.ts";
import type { LoadedProject } from "../project/load.ts";
import type { Datasets } from "../data/store.ts";
import type { MonitoringStore } from "../monitoring/store.ts";
import type { Pipelines } from "../pipelines/port.ts";
import type { Registry } from "../registry/port.ts";
import type { BlobStore } from "../storage/blobs/port.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";
import type { RunArtifacts } from "../tracking/artifacts.ts";
import type { Tracking } from "../tracking/port.ts";
import type { FeedbackReader } from "../feedback/log.ts";
import type { OnlineStoreLocation } from "./jobs/online-store.ts";
import type { ProgressBoard } from "./progress.ts";
import type { ParityWatch } from "./parity-watch.ts";
import type { ServingClient } from "./serving-client.ts";

/** Where things lie on this machine; jobs in worker threads open them again by these paths. */
export interface Places {
  readonly projectFile: string;
  readonly projectFolder: string;
  /** Training sets. */
  readonly offlineFolder: string;
  readonly blobsFolder: string;
  readonly logFolder: string;
  /** Where large sorts spill. */
  readonly tempFolder: string;
  readonly onlineStore: OnlineStoreLocation;
}

/** Everything a workflow may use. `server/compose.ts` fills it. */
export interface Platform {
  readonly project: LoadedProject;
  readonly places: Places;
  readonly database: SqlDatabase;
  readonly blobs: BlobStore;
  readonly datasets: Datasets;
  readonly tracking: Tracking & RunArtifacts;
  readonly registry: Registry;
  readonly monitoring: MonitoringStore;
  readonly pipelines: Pipelines;
  readonly board: ProgressBoard;
  /** The replay's time while history is replayed, the machine's otherwise: what decisions are dated with. */
  readonly eventClock: EventClock;
  /** Client of the serving process; patient while it restarts. */
  readonly serving: () => ServingClient;
  readonly servingUrl: () => string;
  /** Shown to the serving process. */
  readonly servingToken?: string | undefined;
  readonly feedback: FeedbackReader;
  readonly machineClock: Clock;
  /** Brings the monitors up to an event time: everything asked and known before it is in the logs. */
  readonly watch: (untilUs: Micros) => Promise<void>;
  /** Proves on what was served that online and offline agree. */
  readonly parity: ParityWatch;
  /** Highest resident memory so far of the processes of this machine, together. */
  readonly peakMemoryMb: () => Promise<number>;
  /** DuckDB threads and memory for heavy jobs. */
  readonly threads: number;
  readonly memoryLimitMb: number;
}

/** The time decisions are made at. */
export class EventClock implements Clock {
  readonly #machine: Clock;
  #replayUs: Micros | undefined;

  constructor(machine: Clock) {
    this.#machine = machine;
  }

  nowUs(): Micros {
    return this.#replayUs ?? this.#machine.nowUs();
  }

  get isReplaying(): boolean {
    return this.#replayUs !== undefined;
  }

  /** From here on time is what the replay says; undefined gives it back to the machine. */
  follow(replayUs: Micros | undefined): void {
    this.#replayUs = replayUs;
  }
}
