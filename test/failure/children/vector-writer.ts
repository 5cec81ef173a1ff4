/** A process that pushes vectors and removes replaced ones in turn, to be killed: node vector-writer.ts <folder>. Says what it has done. */
import { createOnlineFeatures } from "../../../src/features/online/online-features.ts";
import { releaseVectors } from "../../../src/features/online/release-vectors.ts";
import { openLmdb } from "../../../src/storage/kv/lmdb.ts";
import { vectorBatch, vectorBatches, vectorView } from "../vector-rows.ts";

const store = openLmdb(process.argv[2]!);
const online = createOnlineFeatures({ store, views: [vectorView] });
for (let sequence = 0; sequence < vectorBatches; sequence++) {
  await online.ingest("songs", vectorBatch(sequence), { producer: "p", sequence });
  process.stdout.write(`pushed ${sequence}\n`);
  const released = await releaseVectors({ store, view: vectorView, nowUs: Number.MAX_SAFE_INTEGER });
  process.stdout.write(`released ${released?.released}\n`);
}
await store.close();
