import path from "node:path";
import { relationOf } from "../data/relation.ts";
import type { Datasets } from "../data/store.ts";
import type { FeatureViewDefinition } from "../features/definition.ts";
import type { KeyValueStore } from "../storage/kv/port.ts";
import { createEntityExplorer, type EntityExplorer } from "../workflows/explore-entity.ts";

interface Parts {
  readonly datasets: Datasets;
  readonly folder: string;
  readonly onlineStore: KeyValueStore;
}

export function openExplorer(views: readonly FeatureViewDefinition[], { datasets, folder, onlineStore }: Parts): EntityExplorer {
  return createEntityExplorer({
    views,
    relationOf: async (source) => {
      const version = await datasets.latest(source.name);
      return version === undefined ? undefined : relationOf(source, version, folder);
    },
    openOnlineStore: async () => onlineStore,
    tempFolder: path.join(folder, "spill"),
  });
}
