import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createOnlineFeatures } from "../../src/features/online/online-features.ts";
import { naiveVector } from "../../src/features/naive.ts";
import { batchRows, killStream } from "../../src/features/online/kill-writer.ts";
import { minute, tripService, tripViews } from "../../src/features/test-streams.ts";
import { codeOf } from "../../src/kernel/error.ts";
import { viewsOf } from "../../src/project/definition.ts";
import { loadProject } from "../../src/project/load.ts";
import { openLmdb } from "../../src/storage/kv/lmdb.ts";
import { scratchFolder } from "../contract/scratch-folder.ts";
import { karkhana, type Ended } from "../e2e/command.ts";
import { openShop, type Shop } from "../e2e/shop.ts";
import { featureRows } from "./feature-rows.ts";

const disk = path.join(scratchFolder(), "disk");
mkdirSync(disk, { recursive: true });

/** A disk of its own size needs root and a kernel that lets it mount. */
function mounted(): string | undefined {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const refusal = process.platform === "linux" ? mounted() : "tmpfs is Linux's";
if (refusal !== undefined) console.log(`features on a full disk are not tested here: ${refusal}`);
const isMounted = refusal === undefined;
const ballast = path.join(disk, "ballast");
let shop: Shop;
beforeAll(async () => {
  if (isMounted) shop = await openShop();
});
afterAll(() => {
  if (!isMounted) return;
  shop.close();
  execFileSync("umount", [disk]);
});

/** Leaves so many bytes free. */
function fillUpTo(free: number): void {
  const { bavail, bsize } = statfsSync(disk);
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - free)));
}

it.skipIf(!isMounted)("ingestion refuses what a full disk cannot hold, keeps what it acknowledged, and takes the same batch once there is room", async () => {
  const rows = killStream();
  const store = openLmdb(path.join(disk, "online"));
  const online = createOnlineFeatures({ store, views: tripViews });
  const push = (sequence: number): Promise<unknown> =>
    online.ingest(
      "trips",
      rows.slice(sequence * batchRows, (sequence + 1) * batchRows).map((row) => row.values),
      { producer: "p", sequence },
    );
  const expectFirst = async (numBatches: number): Promise<void> => {
    const taken = rows.slice(0, numBatches * batchRows);
    const [out, expected] = [new Float64Array(tripService.slots.length), new Float64Array(tripService.slots.length)];
    for (let m = 5; m < 100; m += 9) {
      const fields = { a: "12", b: "3", n: 1 };
      await online.reader(tripService)(1_000_000 * minute + m * minute, fields, out, 0);
      naiveVector(tripService, () => taken, 1_000_000 * minute + m * minute, fields, expected);
      expect([...out]).toEqual([...expected]);
    }
  };
  for (let sequence = 0; sequence < 40; sequence++) await push(sequence);
  fillUpTo(1_000_000);
  const refused = await push(40).then(
    () => "taken",
    (error: unknown) => codeOf(error),
  );
  expect(refused).toBe("DISK_FULL");
  expect(await online.appliedSequence("trips", "p")).toBe(39);
  await expectFirst(40);
  rmSync(ballast);
  for (let sequence = 40; sequence < rows.length / batchRows; sequence++) expect(await push(sequence)).toMatchObject({ applied: true });
  await expectFirst(rows.length / batchRows);
  await store.close();
});

it.skipIf(!isMounted)("materialize and backfill on a full disk end with its name, mark nothing as done, and go on once there is room", async () => {
  const { definition } = await loadProject(shop.project);
  const views = viewsOf(definition.models[0]!.service);
  const features = (action: string, data: string): Promise<Ended> =>
    karkhana(["features", action, "--project", shop.project, "--data", data, "--until", "2024-12-01", "--slice-rows", "700", "--json"]);
  const data = path.join(disk, "data");
  expect(await features("materialize", shop.at("calm"))).toMatchObject({ status: 0 });
  const expected = await featureRows(shop.at("calm", "online"), views);
  expect(expected.length).toBeGreaterThan(500);
  for (const action of ["materialize", "backfill"]) {
    // The folder and its database are there: what is refused is what the features need.
    expect(await features("list", data)).toMatchObject({ status: action === "materialize" ? 1 : 0 });
    mkdirSync(data, { recursive: true });
    fillUpTo(action === "materialize" ? 2_200_000 : 1_100_000);
    const { status, stderr, stdout } = await features(action, data);
    expect([action, status, `${stdout}${stderr}`]).toEqual([action, 1, expect.stringMatching(/full|No space left/i)]);
    rmSync(ballast);
    const again = await features(action, data);
    expect([action, again.status, again.stderr]).toEqual([action, 0, ""]);
    expect(await featureRows(path.join(data, "online"), views)).toEqual(expected);
  }
});
