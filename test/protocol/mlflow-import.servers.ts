import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ImportReport } from "../../src/workflows/import-mlflow/report.ts";
import { runProgram } from "./run-program.ts";
import { startStockMlflow, type StockMlflow } from "./stock-mlflow.ts";

// Each of MLflow's ways to keep things, made by its stock client, imported, and compared by the stock client with what it was made from.

const here = import.meta.dirname;
const script = path.join(here, "mlflow-import.py");
const cli = path.join(here, "..", "..", "src", "cli", "main.ts");
const env = {
  ...process.env,
  MLFLOW_DISABLE_TELEMETRY: "true",
  DO_NOT_TRACK: "true",
  GIT_PYTHON_REFRESH: "quiet",
  // Releases since 3.13 refuse to write the old folders unless told to.
  MLFLOW_ALLOW_FILE_STORE: "true",
  MLFLOW_HTTP_REQUEST_MAX_RETRIES: "1",
};

let folder: string;
let python: string;
let stock: StockMlflow | undefined;
let ours: ChildProcess | undefined;
let answers: AsyncIterator<string>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-import-"));
  python = (await runProgram(process.execPath, [path.join(here, "..", "..", "scripts", "mlflow-client.ts")], { env })).trim();
  ours = spawn(process.execPath, [path.join(here, "children", "mlflow-server.ts")], { stdio: ["pipe", "pipe", "inherit"] });
  answers = createInterface({ input: ours.stdout! })[Symbol.asyncIterator]();
});

afterAll(async () => {
  ours?.stdin?.end();
  await stock?.end();
  await rm(folder, { recursive: true, force: true });
});

async function startStockServer(): Promise<string> {
  const data = path.join(folder, "server");
  await mkdir(data);
  stock = await startStockMlflow(python, data, `sqlite:///${data}/ml.db`, ["--workers", "1"]);
  return stock.url;
}

async function imported(source: string, into: string): Promise<ImportReport> {
  const out = await runProgram(process.execPath, [cli, "import", "mlflow", source, "--data", path.join(folder, into), "--json"], { env });
  const last: { event: string } & ImportReport = JSON.parse(out.trim().split("\n").at(-1) ?? "{}");
  expect(last.event).toBe("imported");
  return last;
}

async function opened(into: string): Promise<string> {
  ours?.stdin?.write(`open ${path.join(folder, into)}\n`);
  return String((await answers.next()).value);
}

async function differences(there: string, into: string): Promise<{ compared: number; differences: object }> {
  const url = await opened(into);
  const out = await runProgram(python, [script, "compare", there, url], { env, cwd: folder });
  return JSON.parse(out.split("RESULT ").at(-1) ?? "{}");
}

describe.each([
  ["an mlruns folder", "folder"],
  ["a SQLite file", "sqlite"],
  ["a running server", "http"],
] as const)("%s", (_name, kind) => {
  test("comes across whole: the stock client finds no difference, and a second import brings nothing", async () => {
    const uri = kind === "folder" ? `file://${folder}/mlruns` : kind === "sqlite" ? `sqlite:///${folder}/ml.db` : await startStockServer();
    await runProgram(python, [script, "make", uri], { env, cwd: folder });
    const source = kind === "folder" ? `${folder}/mlruns` : kind === "sqlite" ? `${folder}/ml.db` : uri;
    const report = await imported(source, kind);
    expect(report).toMatchObject({ refused: [], failed: 0, runsHereBefore: 0 });
    expect(report.verified).toMatchObject({
      experiments: 3,
      runs: 5,
      params: 5,
      "metric points": 3005,
      datasets: 1,
      "logged models": 3,
      "registered models": 2,
      versions: 2,
      aliases: 1,
    });
    expect(report.verified["artifact files"]).toBeGreaterThanOrEqual(17);
    const compared = await differences(uri, kind);
    expect(compared.differences).toEqual({});
    expect(compared.compared).toBeGreaterThanOrEqual(50);
    expect(await imported(source, kind)).toEqual({ ...report, runsHereBefore: 5 });
  });
});

test("what was imported is imported from here again, and is still what it was", async () => {
  const report = await imported(await opened("folder"), "again");
  expect(report).toMatchObject({ refused: [], failed: 0 });
  expect((await differences(`file://${folder}/mlruns`, "again")).differences).toEqual({});
});
