import type { SourceDefinition } from "../data/source.ts";
import { featureService, featureViewHash, type FeatureViewDefinition } from "../features/definition.ts";
import { eventsBehind, type EventBehind } from "../features/offline/events-behind.ts";
import { answerSpine } from "../features/offline/vectors.ts";
import { readViewProfile } from "../features/online/lookup-watch.ts";
import { readMark, type Mark } from "../features/online/marks.ts";
import { createOnlineFeatures, defaultSlackUs, type QuarantinedRow, type SourceCounters } from "../features/online/online-features.ts";
import type { ViewProfile } from "../features/online/view-profile.ts";
import { fieldOfPart, keyLiteral, type KeyPart } from "../features/key-part.ts";
import type { FeatureValue } from "../features/vector.ts";
import { planView, windowStart } from "../features/view-plan.ts";
import type { Micros } from "../kernel/clock.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { openDuckDb, type DuckDb } from "../storage/duckdb/duckdb.ts";
import { quoteIdentifier as q } from "../storage/duckdb/quote.ts";
import type { KeyValueStore } from "../storage/kv/port.ts";

/** One feature of an entity as of a time, by both engines. NaN is the text "NaN": JSON has no other word for it. */
export interface ExploredFeature {
  readonly name: string;
  readonly online: FeatureValue;
  readonly status: string;
  readonly offline: FeatureValue;
  readonly isEqual: boolean;
  /** Of the events shown, how many lie in the feature's window. */
  readonly events: number;
  /** First microsecond of the window; null for a lifetime and for the newest row. */
  readonly fromUs: Micros | null;
}

export interface ExploredEntity {
  readonly features: readonly ExploredFeature[];
  /** What was known, newest first; at most `eventsShown`. */
  readonly events: readonly EventBehind[];
  readonly isCut: boolean;
  /** The online store is exact from here on: it forgets what no question of the present needs. Null if it holds nothing. */
  readonly keptFromUs: Micros | null;
  /** Every statement the offline engine ran for this question, in order. */
  readonly sql: readonly string[];
}

export interface ViewHealth {
  readonly counters: SourceCounters;
  /** The rows last set aside, newest first. */
  readonly quarantine: readonly QuarantinedRow[];
  readonly mark: Mark | null;
}

export interface EntityExplorerOptions {
  readonly views: readonly FeatureViewDefinition[];
  /** SQL relation of a source; undefined while no version of it is accepted. */
  readonly relationOf: (source: SourceDefinition) => Promise<string | undefined>;
  readonly openOnlineStore: () => Promise<KeyValueStore>;
  readonly tempFolder: string;
}

/** "What did we know about ORD at 17:05, and why": both engines asked the same question, and the rows behind the answer. */
export interface EntityExplorer {
  /** @param keys in the order of the entity's keys @throws DATASET_NOT_FOUND while the source has no accepted version */
  explore(view: FeatureViewDefinition, keys: readonly KeyPart[], timeUs: Micros): Promise<ExploredEntity>;
  /** What became of the rows of the view's source, and how far the view is filled. */
  health(view: FeatureViewDefinition): Promise<ViewHealth>;
  /** What lookups of all serving processes gave on the newest days of questions. */
  profile(view: FeatureViewDefinition, days?: number): Promise<ViewProfile>;
  close(): Promise<void>;
}

const eventsShown = 200;
const quarantineShown = 50;
const memoryLimitMb = 512;

export function createEntityExplorer({ views, relationOf, openOnlineStore, tempFolder }: EntityExplorerOptions): EntityExplorer {
  let store: Promise<KeyValueStore> | undefined;
  const opened = (): Promise<KeyValueStore> => {
    store ??= openOnlineStore().catch((error: unknown) => {
      store = undefined;
      throw error;
    });
    return store;
  };
  // One question at a time: each scans a source.
  let last: Promise<unknown> = Promise.resolve();

  const explore = async (view: FeatureViewDefinition, keys: readonly KeyPart[], timeUs: Micros): Promise<ExploredEntity> => {
    const relation = await relationOf(view.source);
    if (relation === undefined) throw new KarkhanaError("DATASET_NOT_FOUND", { version: `of source ${view.source.name}` });
    const service = featureService("explored", [view.at(Object.fromEntries(view.entity.keys.map((key) => [key, key])), "v")]);
    const fields = Object.fromEntries(view.entity.keys.map((key, i) => [key, fieldOfPart(keys[i]!)]));
    const features = createOnlineFeatures({ store: await opened(), views });
    const { newestEventUs } = await features.counters(view.source.name);
    const [[online] = []] = await features.valuesReader(service)([timeUs], [fields]);
    const duck = await openDuckDb({ threads: 1, memoryLimitMb, tempFolder });
    try {
      const sql: string[] = [];
      const spine = `SELECT CAST(0 AS BIGINT) AS _row, CAST(${timeUs} AS BIGINT) AS _event, ${view.entity.keys.map((key, i) => `${keyLiteral(keys[i]!)} AS ${q(key)}`).join(", ")}`;
      const answers = await answerSpine(recording(duck, sql), { spine, service, relations: () => relation });
      sql.push(answers.featuresSql);
      const [offline = {}] = await duck.rows(answers.featuresSql);
      const events = await eventsBehind(duck, { view, relation, keys, timeUs, limit: eventsShown + 1 });
      const shown = events.slice(0, eventsShown);
      const plan = planView(view);
      const explored = plan.features.map((feature, f): ExploredFeature => {
        const window = plan.windows[feature.window];
        const start = window === undefined ? Number.NEGATIVE_INFINITY : windowStart(window, timeUs);
        const values = { online: online?.values[f] ?? null, offline: plainValue(offline[`v.${feature.name}`], feature.aggregate) };
        return {
          name: feature.name,
          online: told(values.online),
          status: online?.statuses[f] ?? "NOT_FOUND",
          offline: told(values.offline),
          isEqual: isSame(values.online, values.offline),
          events: window === undefined ? Math.min(1, shown.length) : shown.filter((e) => e.eventUs >= start && e.eventUs < timeUs).length,
          fromUs: Number.isFinite(start) ? start : null,
        };
      });
      return {
        features: explored,
        events: shown,
        isCut: events.length > eventsShown,
        keptFromUs: newestEventUs === null ? null : newestEventUs - defaultSlackUs,
        sql,
      };
    } finally {
      await duck.close();
    }
  };

  return {
    explore: (view, keys, timeUs) => {
      const result = last.then(() => explore(view, keys, timeUs));
      last = result.catch(() => undefined);
      return result;
    },
    health: async (view) => {
      const online = createOnlineFeatures({ store: await opened(), views });
      return {
        counters: await online.counters(view.source.name),
        quarantine: (await online.quarantine(view.source.name)).toReversed().slice(0, quarantineShown),
        mark: (await readMark(await opened(), featureViewHash(view))) ?? null,
      };
    },
    profile: async (view, days) => readViewProfile(await opened(), view, days),
    close: async () => {
      await last;
      await (await store)?.close();
    },
  };
}

/** Passes everything on, and keeps what was run. */
function recording(duck: DuckDb, sql: string[]): DuckDb {
  return {
    ...duck,
    run: (statement) => {
      if (!statement.startsWith("DROP")) sql.push(statement);
      return duck.run(statement);
    },
    rows: (statement) => duck.rows(statement),
    columns: (statement) => duck.columns(statement),
    chunks: (statement) => duck.chunks(statement),
    close: () => duck.close(),
  };
}

function plainValue(value: unknown, aggregate: string): FeatureValue {
  if (Array.isArray(value)) return value.map((item) => (typeof item === "bigint" ? Number(item) : (item as number | string)));
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "number" || typeof value === "string") return value;
  // A key nobody has seen joins with nothing: the definition says that a count of nothing is 0.
  return aggregate === "count" ? 0 : null;
}

function isSame(a: FeatureValue, b: FeatureValue): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => Object.is(item, b[i]));
  // 0 and -0 are one number to a model.
  return a === b || Object.is(a, b);
}

function told(value: FeatureValue): FeatureValue {
  if (typeof value === "number" && Number.isNaN(value)) return "NaN";
  return Array.isArray(value) ? value.map((item: number | string) => (typeof item === "number" && Number.isNaN(item) ? "NaN" : item)) : value;
}
