import type { FeatureViewDefinition } from "../../src/features/definition.ts";
import { decodeHead, entryStride, ID, rowStride, toFloats } from "../../src/features/online/blocks.ts";
import { blockKey, isOfView } from "../../src/features/online/keys.ts";
import { tileId } from "../../src/features/online/tiles.ts";
import { planView } from "../../src/features/view-plan.ts";
import { openLmdb } from "../../src/storage/kv/lmdb.ts";

/** Every row that an LMDB store holds of these views, each as text, in order: how rows are cut into blocks is nobody's promise, which there are is. */
export async function featureRows(folder: string, views: readonly FeatureViewDefinition[]): Promise<string[]> {
  const store = openLmdb(folder);
  const all: string[] = [];
  try {
    for await (const { key, value } of store.range(Buffer.from("fh"), Buffer.from("fi"))) {
      const view = views.find((one) => isOfView(key, planView(one).hash));
      if (view === undefined) continue;
      const m = planView(view).measures.length;
      const { entries, open } = decodeHead(new Uint8Array(value), m);
      const take = (rows: Float64Array): void => {
        for (let at = 0; at < rows.length; at += rowStride(m))
          all.push(`${view.name} ${Buffer.from(key).toString("hex")} ${rows.subarray(at, at + rowStride(m)).join(" ")}`);
      };
      for (let at = 0; at < entries.length; at += entryStride(m))
        if (entries[at + ID] !== tileId) take(toFloats((await store.get(blockKey(key, entries[at + ID]!)))!));
      take(open);
    }
  } finally {
    await store.close();
  }
  return all.sort();
}
