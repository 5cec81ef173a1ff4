import type { ExchangeRecord } from "../feedback/exchanges.ts";
import type { LabelRecord, PredictionRecord } from "../feedback/prediction.ts";
import type { FeatureService } from "../features/definition.ts";
import type { ColumnsReader } from "../features/online/online-features.ts";
import type { CategoryDictionary } from "../features/vector.ts";
import type { MaybePromise } from "../storage/kv/port.ts";
import type { RequestFields } from "./request-fields.ts";

/** Fills the slots of a service's views, as of `timeUs`, into `out[offset + slot]`, and how far the logs of its pushed sources were applied into `applied`. */
export type ViewReader = (timeUs: number, fields: Readonly<RequestFields>, out: Float64Array, offset: number, applied?: number[]) => MaybePromise<void>;

/** Where a batch of pushed rows comes from: the same producer and sequence again is the same batch, applied once. */
export interface PushOrigin {
  readonly producer: string;
  readonly sequence: number;
}

/** What serving asks of the online features. */
export interface OnlineFace {
  reader(service: FeatureService, categories: CategoryDictionary): ViewReader;
  /** Values as they are, with a status each, for many questions. */
  columnsReader(service: FeatureService): ColumnsReader;
  /** Resolves once the rows are durable and every later read sees them. */
  ingest(source: string, rows: readonly Readonly<Record<string, unknown>>[], origin: PushOrigin): Promise<unknown>;
}

/** What serving asks of the log of exchanges with language models. */
export interface ExchangeFace {
  logExchanges(records: readonly ExchangeRecord[]): Promise<unknown>;
}

/** What serving asks of the feedback log; both resolve once the records are durable. */
export interface FeedbackFace {
  logPredictions(records: readonly PredictionRecord[]): Promise<unknown>;
  logLabels(records: readonly LabelRecord[]): Promise<unknown>;
  flush(): Promise<void>;
}
