import { setTimeout as wait } from "node:timers/promises";
import path from "node:path";
import { expect, it } from "vitest";
import { seededRng } from "../../src/kernel/rng.ts";
import { scratchFolder } from "../contract/scratch-folder.ts";
import { startServerProcess } from "../protocol/server-process.ts";
import { mlflowGet, mlflowPost } from "./mlflow-requests.ts";

const kills = Number(process.env["KARKHANA_TRACKING_KILLS"] ?? 4);
const scratch = scratchFolder();
const lanes = 8;

/** What lane `lane` says in its batch `n`: 20 points of one metric, a param and a tag that name the batch. */
function batchOf(runId: string, lane: number, n: number): object {
  return {
    run_id: runId,
    metrics: Array.from({ length: 20 }, (_, i) => ({ key: `lane-${lane}`, value: n + i / 100, timestamp: 1000 + n, step: n * 20 + i })),
    params: [{ key: `p-${lane}-${n}`, value: String(n) }],
    tags: [{ key: `t-${lane}-${n}`, value: String(n) }],
  };
}

it.skipIf(process.platform !== "linux")(
  `a tracking server killed ${kills} times under ${lanes} clients that log: every acknowledged batch and file is there, none is there in part, and one sent twice is stored once`,
  async () => {
    const folder = path.join(scratch, "data");
    const rng = seededRng("tracking-killed");
    let server = startServerProcess();
    let url = await server.open(folder);
    const { run } = (await mlflowPost(url, "runs/create", { experiment_id: "0", start_time: 1 })) as { run: { info: { run_id: string } } };
    const runId = run.info.run_id;
    const acknowledged = Array.from({ length: lanes }, () => new Set<number>());
    const sent = Array.from({ length: lanes }, () => 0);
    const files = new Set<string>();

    for (let kill = 0; kill <= kills; kill++) {
      const isLast = kill === kills;
      const isOver = { now: false };
      const log = async (lane: number): Promise<void> => {
        while (!isOver.now) {
          const n = sent[lane]!++;
          try {
            await mlflowPost(url, "runs/log-batch", batchOf(runId, lane, n));
            acknowledged[lane]!.add(n);
            if (n % 5 !== 0) continue;
            const file = `${lane}/${n}.txt`;
            const put = await fetch(`${url}/api/2.0/mlflow-artifacts/artifacts/0/${runId}/artifacts/${file}`, { method: "PUT", body: file.repeat(1000) });
            if (put.ok) files.add(file);
          } catch {
            // The kill: this batch may be there or not.
            return;
          }
        }
      };
      const logging = Promise.all(Array.from({ length: lanes }, (_, lane) => log(lane)));
      const enough = acknowledged.reduce((sum, own) => sum + own.size, 0) + 40 + rng.int(60);
      while (acknowledged.reduce((sum, own) => sum + own.size, 0) < enough) await wait(5);
      if (isLast) isOver.now = true;
      else {
        const ended = new Promise((resolve) => server.child.once("exit", resolve));
        server.child.kill("SIGKILL");
        await ended;
      }
      await logging;
      if (isLast) break;
      server = startServerProcess();
      url = await server.open(folder);
    }

    const { run: kept } = (await mlflowGet(url, `runs/get?run_id=${runId}`)) as { run: { data: { params: { key: string }[]; tags: { key: string }[] } } };
    const params = new Set(kept.data.params.map(({ key }) => key));
    const tags = new Set(kept.data.tags.map(({ key }) => key));
    for (let lane = 0; lane < lanes; lane++) {
      const steps = await history(url, runId, lane);
      const stored = new Set(steps.map((step) => Math.floor(step / 20)));
      expect([...acknowledged[lane]!].filter((n) => !stored.has(n))).toEqual([]);
      for (const n of stored) {
        expect([lane, n, steps.filter((step) => Math.floor(step / 20) === n).length, params.has(`p-${lane}-${n}`), tags.has(`t-${lane}-${n}`)]).toEqual([
          lane,
          n,
          20,
          true,
          true,
        ]);
      }
      expect(params.size).toBe(tags.size - 1);
      // What a client does that heard no answer: it sends everything once more.
      for (let n = 0; n < sent[lane]!; n++) await mlflowPost(url, "runs/log-batch", batchOf(runId, lane, n));
      expect(await history(url, runId, lane)).toEqual(Array.from({ length: sent[lane]! * 20 }, (_, i) => i));
    }
    expect(files.size).toBeGreaterThan(0);
    for (const file of files) {
      const read = await fetch(`${url}/api/2.0/mlflow-artifacts/artifacts/0/${runId}/artifacts/${file}`);
      expect([file, await read.text()]).toEqual([file, file.repeat(1000)]);
    }
    await server.end();
  },
);

async function history(url: string, runId: string, lane: number): Promise<number[]> {
  const { metrics = [] } = (await mlflowGet(url, `metrics/get-history?run_id=${runId}&metric_key=lane-${lane}`)) as { metrics?: { step: number }[] };
  return metrics.map(({ step }) => step).sort((a, b) => a - b);
}
