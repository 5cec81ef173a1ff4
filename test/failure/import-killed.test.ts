import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStores } from "../../src/server/compose.ts";
import type { ImportReport } from "../../src/workflows/import-mlflow/report.ts";
import { shotEnvironment, shotFlags } from "./shot.ts";

// kill -9 while an import writes: the next one goes on where it ended, and what is here in the end is what is there, once.

const cli = path.join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");
const runs = 60;
const points = 120;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-import-killed-"));
  const put = (file: string, text: string): void => {
    const at = path.join(folder, "mlruns", file);
    mkdirSync(path.dirname(at), { recursive: true });
    writeFileSync(at, text);
  };
  put("1/meta.yaml", "name: one\nlifecycle_stage: active\ncreation_time: 5\n");
  for (let i = 0; i < runs; i++) {
    const run = i.toString(16).padStart(32, "0");
    put(
      `1/${run}/meta.yaml`,
      `run_id: '${run}'\nrun_name: run ${i}\nstatus: 3\nstart_time: ${1_700_000_000_000 + i}\nend_time: ${1_700_000_000_500 + i}\nlifecycle_stage: active\n`,
    );
    put(`1/${run}/params/lr`, String(i));
    put(`1/${run}/metrics/loss`, Array.from({ length: points }, (_, step) => `${1_700_000_000_000 + step} ${1 / (step + i + 1)} ${step}`).join("\n"));
    for (let f = 0; f < 4; f++) put(`1/${run}/artifacts/files/${f}.txt`, `file ${f} of run ${i}`.repeat(100));
  }
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** @param killAfterLine of its progress; undefined lets it end */
function importRuns(killAfterLine: number | undefined): Promise<{ killed: boolean; report: ImportReport | undefined }> {
  const args = [cli, "import", "mlflow", path.join(folder, "mlruns"), "--data", path.join(folder, "data"), "--json"];
  const child = spawn(process.execPath, [...shotFlags(), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: killAfterLine === undefined ? process.env : shotEnvironment({ line: killAfterLine, afterMs: killAfterLine, more: 10 }),
  });
  let report: ImportReport | undefined;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const event: { event: string } & ImportReport = JSON.parse(line);
    if (event.event === "imported") report = event;
  });
  return new Promise((resolve) => child.once("close", (_code, signal) => resolve({ killed: signal === "SIGKILL", report })));
}

test("an import that is killed again and again ends with every run once, whole, and counted", async () => {
  let kills = 0;
  for (const line of [1, 17, 35]) kills += (await importRuns(line)).killed ? 1 : 0;
  expect(kills).toBe(3);
  const { report } = await importRuns(undefined);
  expect(report).toMatchObject({ refused: [], failed: 0 });
  expect(report?.runsHereBefore).toBeGreaterThanOrEqual(35);
  expect(report?.runsHereBefore).toBeLessThan(runs);
  expect(report?.verified).toMatchObject({ experiments: 1, runs, params: runs, "metric points": runs * points, "artifact files": runs * 4 });
  const stores = await openStores(path.join(folder, "data"), {});
  try {
    const { items } = await stores.tracking.runs.search({ experimentIds: ["1"], view: "ALL", limit: 1000 });
    expect(items.length).toBe(runs);
    for (const { run } of items.slice(0, 10)) {
      const history = await stores.tracking.metricHistory(run.runId, "loss");
      expect(history.map((m) => m.step)).toEqual(Array.from({ length: points }, (_, step) => step));
      expect((await stores.tracking.listArtifacts(run.runId, "files")).length).toBe(4);
    }
  } finally {
    await stores.close();
  }
});
