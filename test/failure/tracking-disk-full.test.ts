import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { scratchFolder } from "../contract/scratch-folder.ts";
import { startServerProcess, type ServerProcess } from "../protocol/server-process.ts";
import { mlflowGet, mlflowPost } from "./mlflow-requests.ts";

const scratch = scratchFolder();
const disk = path.join(scratch, "disk");
mkdirSync(disk, { recursive: true });

/** A disk of its own size needs root and a kernel that lets it mount. */
function mounted(): string | undefined {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", disk], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const refusal = process.platform === "linux" ? mounted() : "tmpfs is Linux's";
if (refusal !== undefined) console.log(`tracking on a full disk is not tested here: ${refusal}`);
const isMounted = refusal === undefined;
let server: ServerProcess | undefined;
let url = "";

beforeAll(async () => {
  if (!isMounted) return;
  server = startServerProcess();
  url = await server.open(path.join(disk, "data"));
});
afterAll(async () => {
  await server?.end();
  if (isMounted) execFileSync("umount", [disk]);
});

it.skipIf(!isMounted)("a full disk refuses batches and files by name, keeps what it acknowledged, and takes them again once there is room", async () => {
  const { run } = (await mlflowPost(url, "runs/create", { experiment_id: "0", start_time: 1 })) as { run: { info: { run_id: string } } };
  const runId = run.info.run_id;
  const artifact = `${url}/api/2.0/mlflow-artifacts/artifacts/0/${runId}/artifacts/`;
  const small = await fetch(`${artifact}small.bin`, { method: "PUT", body: "x".repeat(3_000_000) });
  expect(small.status).toBe(200);

  const large = await fetch(`${artifact}large.bin`, { method: "PUT", body: "x".repeat(20_000_000) });
  expect([large.status, await large.json()]).toEqual([503, { error_code: "TEMPORARILY_UNAVAILABLE", message: expect.stringContaining("No space left") }]);
  expect(await mlflowGet(url, `artifacts/list?run_id=${runId}`)).toMatchObject({ files: [{ path: "small.bin", file_size: 3_000_000 }] });

  const batch = (n: number): object => ({
    run_id: runId,
    metrics: Array.from({ length: 900 }, (_, i) => ({ key: "m", value: i, timestamp: 1, step: n * 900 + i })),
    tags: [{ key: `t${n}`, value: "1" }],
  });
  let acknowledged = 0;
  let refused = "";
  for (; acknowledged < 500; acknowledged++) {
    try {
      await mlflowPost(url, "runs/log-batch", batch(acknowledged));
    } catch (error) {
      refused = error instanceof Error ? error.message : String(error);
      break;
    }
  }
  expect(refused).toMatch(/^503: .*No space left/);
  expect(acknowledged).toBeGreaterThan(0);
  const stored = async (): Promise<[number, number]> => {
    const { metrics } = (await mlflowGet(url, `metrics/get-history?run_id=${runId}&metric_key=m`)) as { metrics: object[] };
    const read = (await mlflowGet(url, `runs/get?run_id=${runId}`)) as { run: { data: { tags: { key: string }[] } } };
    return [metrics.length, read.run.data.tags.filter(({ key }) => /^t\d/.test(key)).length];
  };
  expect(await stored()).toEqual([acknowledged * 900, acknowledged]);

  expect((await fetch(`${artifact}small.bin`, { method: "DELETE" })).status).toBe(200);
  await mlflowPost(url, "runs/log-batch", batch(acknowledged));
  expect(await stored()).toEqual([(acknowledged + 1) * 900, acknowledged + 1]);
});
