import { createOnlineFeatures } from "../features/online/online-features.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Alert } from "../monitoring/alert.ts";
import { judgeFreshness, type ViewFreshness } from "../monitoring/freshness.ts";
import { viewsOf, type ModelDefinition } from "../project/definition.ts";
import type { KeyValueStore } from "../storage/kv/port.ts";
import type { SqlDatabase } from "../storage/sql/port.ts";

export interface FreshnessWatchOptions {
  readonly models: readonly ModelDefinition[];
  readonly database: SqlDatabase;
  readonly openOnlineStore: () => Promise<KeyValueStore>;
  /** The replay's clock while it runs. */
  readonly clock: Clock;
  readonly onAlert: (alert: Alert) => void;
}

/** Holds the newest event of each view that declares a `freshness` against the clock, and raises and resolves alerts. A view without rows is not judged. */
export interface FreshnessWatch {
  check(): Promise<void>;
  close(): Promise<void>;
}

export function createFreshnessWatch({ models, database, openOnlineStore, clock, onAlert }: FreshnessWatchOptions): FreshnessWatch {
  const watched = models
    .map(({ name, service }) => ({ name, views: viewsOf(service).filter((view) => view.freshnessUs !== undefined) }))
    .filter(({ views }) => views.length > 0);
  let store: KeyValueStore | undefined;
  let last: Promise<void> = Promise.resolve();
  const check = async (): Promise<void> => {
    store ??= await openOnlineStore();
    for (const { name, views } of watched) {
      const online = createOnlineFeatures({ store, views });
      const ages: ViewFreshness[] = [];
      for (const view of views) {
        const { newestEventUs } = await online.counters(view.source.name);
        if (newestEventUs !== null) ages.push({ view: view.name, ageUs: Math.max(0, clock.nowUs() - newestEventUs), limitUs: view.freshnessUs! });
      }
      const alert = ages.length === 0 ? undefined : await judgeFreshness(database, name, ages, clock.nowUs());
      if (alert !== undefined) onAlert(alert);
    }
  };
  return {
    check: () => {
      if (watched.length === 0) return Promise.resolve();
      const result = last.then(check);
      last = result.catch(() => undefined);
      return result;
    },
    close: async () => {
      await last;
      await store?.close();
    },
  };
}
