/**
 * Deploys one new version after another, each loaded, checked, swapped in and let go of, with questions in between; tells how much memory
 * is held after each tenth. `leak` keeps every file that was read: what a loader that lets nothing go would do.
 *   node --expose-gc reload-models.ts <reloads> <keep | leak>
 */
import { lateRide, openWorld, predictPath, question, stump } from "../../../src/serving/test-world.ts";
import { statusOf } from "../../../src/server/error-status.ts";
import type { GbdtModel } from "../../../src/learn/model.ts";

const [reloads, kind] = [Number(process.argv[2]), process.argv[3]];
const kept: Uint8Array[] = [];
const world = await openWorld({
  statusOf,
  wrapBlobs: (blobs) => ({
    ...blobs,
    get: async (path) => {
      const bytes = await blobs.get(path);
      if (kind === "leak") kept.push(bytes);
      return bytes;
    },
  }),
});

/** A stump many times over: about 150 kB of file. */
function large(version: number): GbdtModel {
  const one = stump(version);
  const { ensemble } = one;
  const numTrees = 800;
  const times = <T extends Float64Array | Int32Array | Uint8Array>(array: T): T => {
    const all = new (array.constructor as new (length: number) => T)(array.length * numTrees);
    for (let i = 0; i < numTrees; i++) all.set(array, i * array.length);
    return all;
  };
  return {
    ...one,
    ensemble: {
      ...ensemble,
      numTrees,
      treeOffsets: Int32Array.from({ length: numTrees + 1 }, (_, i) => 2 * i),
      leafOffsets: Int32Array.from({ length: numTrees + 1 }, (_, i) => 3 * i),
      splitFeature: times(ensemble.splitFeature),
      threshold: times(ensemble.threshold),
      leftChild: times(ensemble.leftChild),
      rightChild: times(ensemble.rightChild),
      defaultLeft: times(ensemble.defaultLeft),
      isCategorical: times(ensemble.isCategorical),
      splitGain: times(ensemble.splitGain),
      categoryOffsets: Int32Array.from({ length: 2 * numTrees + 1 }, (_, i) => Math.floor(i / 2)),
      categoryBits: new Uint32Array(numTrees).fill(1),
      leafValue: times(ensemble.leafValue).map((value) => value / numTrees),
      leafCount: times(ensemble.leafCount),
    },
  };
}

const heldMb = (): number => {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
};

const held: number[] = [];
for (let version = 2; version < reloads + 2; version++) {
  await world.addVersion(version, undefined, large(version));
  world.registry.deploy({ champion: version, previous: version - 1 });
  await world.post("/v1/admin/refresh", {});
  const { status, body } = await world.post(predictPath, question(`q${version}`));
  if (status !== 200 || body.predictions[0]?.version !== version) throw new Error(`${lateRide.name} ${version}: ${status} ${JSON.stringify(body)}`);
  world.registry.versions.delete(version - 1);
  for (const name of ["model.json", "manifest.json"]) await world.blobs.delete(`versions/${version - 1}/${name}`);
  if ((version - 1) % Math.ceil(reloads / 10) === 0) held.push(heldMb());
}
await world.close();
process.stdout.write(`${JSON.stringify({ held, keptFiles: kept.length })}\n`);
