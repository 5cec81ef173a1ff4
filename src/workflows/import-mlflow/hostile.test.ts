import { createServer, type Server } from "node:http";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf } from "../../kernel/error.ts";
import type { Metric } from "../../tracking/port.ts";
import { openFolderSource } from "./folder-source.ts";
import { openHttpSource } from "./http-source.ts";
import type { MlflowSource, SourceFile } from "./source.ts";
import { openSqliteSource } from "./sqlite-source.ts";

// Sources that someone else made, with everything in them that could lead outside or never end.

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "karkhana-hostile-"));
  mkdirSync(path.join(folder, "outside"));
  writeFileSync(path.join(folder, "outside", "secret"), "not for you");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(file: string, text: string): void {
  const at = path.join(folder, "mlruns", file);
  mkdirSync(path.dirname(at), { recursive: true });
  writeFileSync(at, text);
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const runA = "a".repeat(32);
const runB = "b".repeat(32);
const why = (source: MlflowSource): string => source.refused.map((r) => `${r.what}: ${r.why}`).join("\n");

describe("a folder", () => {
  beforeEach(() => {
    put("1/meta.yaml", "name: one\nexperiment_id: '1'\nlifecycle_stage: active\n");
    put(`1/${runA}/meta.yaml`, `run_id: ${runA}\nrun_name: a\nstatus: 3\nstart_time: 5\nartifact_uri: file://${folder}/outside\n`);
    put(`1/${runA}/artifacts/fine.txt`, "fine");
  });

  test("is read only below itself: a link is refused by name, whatever an artifact location says", async () => {
    symlinkSync(path.join(folder, "outside"), path.join(folder, "mlruns", "1", runA, "artifacts", "link"));
    symlinkSync(path.join(folder, "outside", "secret"), path.join(folder, "mlruns", "1", runA, "artifacts", "file-link"));
    mkdirSync(path.join(folder, "mlruns", "1", runA, "params"));
    symlinkSync(path.join(folder, "outside", "secret"), path.join(folder, "mlruns", "1", runA, "params", "stolen"));
    symlinkSync(path.join(folder, "outside"), path.join(folder, "mlruns", "1", runB));
    const source = await openFolderSource(path.join(folder, "mlruns"));
    const runs = await all(source.runs("1"));
    expect(runs.map((r) => [r.runId, r.params])).toEqual([[runA, {}]]);
    const files = await all(source.runFiles(runA));
    expect(files.map((f) => f.path)).toEqual(["fine.txt"]);
    expect(why(source)).toContain("file-link: it is a link");
    expect(why(source)).toContain("link: it is a link");
  });

  test("whose whole artifact folder is a link that leads outside gives nothing of it", async () => {
    put(`1/${runB}/meta.yaml`, `run_id: ${runB}\nstatus: 3\nstart_time: 5\n`);
    symlinkSync(path.join(folder, "outside"), path.join(folder, "mlruns", "1", runB, "artifacts"));
    const source = await openFolderSource(path.join(folder, "mlruns"));
    await all(source.runs("1"));
    expect(await all(source.runFiles(runB))).toEqual([]);
  });

  test.each([
    ["aliases that multiply", `run_id: ${runB}\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n`, /alias/i],
    ["a tag that names code", `run_id: ${runB}\nx: !!python/object/apply:os.system ['true']\n`, /tag/i],
    ["the same key twice", `run_id: ${runB}\nrun_id: ${runA}\n`, /unique|once/i],
    ["more than any run has", `run_id: ${runB}\nx: ${"y".repeat(300_000)}\n`, /larger/],
    ["no fields", "- 1\n- 2\n", /fields/],
    ["another run's id", `run_id: ${runA}\n`, /says it is run/],
  ])("with YAML of %s loses that run and no other", async (_name, yaml, problem) => {
    put(`1/${runB}/meta.yaml`, yaml);
    const source = await openFolderSource(path.join(folder, "mlruns"));
    expect((await all(source.runs("1"))).map((r) => r.runId)).toEqual([runA]);
    expect(why(source)).toMatch(problem);
  });

  test("a line of a history that is no point is named, the others come", async () => {
    put(`1/${runA}/metrics/loss`, "1700000000000 0.5 1\nnonsense\n1700000000001 nan 2\n1700000000002 -inf 3\n");
    const source = await openFolderSource(path.join(folder, "mlruns"));
    await all(source.runs("1"));
    const points = (await all(source.history(runA, "loss"))).flat();
    expect(points.map((p: Metric) => [p.step, String(p.value)])).toEqual([
      [1, "0.5"],
      [2, "NaN"],
      [3, "-Infinity"],
    ]);
    expect(why(source)).toContain("nonsense");
  });

  test("without an experiment is refused before anything is written", async () => {
    await expect(openFolderSource(path.join(folder, "outside"))).rejects.toSatisfy((e) => codeOf(e) === "IMPORT_SOURCE_REFUSED");
  });
});

describe("a SQLite file", () => {
  const make = (artifactUri: string): string => {
    const file = path.join(folder, "data", "ml.db");
    mkdirSync(path.dirname(file), { recursive: true });
    const database = new DatabaseSync(file);
    database.exec(
      `create table experiments (experiment_id integer, name text, lifecycle_stage text, creation_time integer);
       create table runs (run_uuid text, name text, user_id text, status text, start_time integer, end_time integer, lifecycle_stage text, artifact_uri text, experiment_id integer);
       create table latest_metrics (key text, value real, timestamp integer, step integer, is_nan integer, run_uuid text)`,
    );
    database.prepare("insert into experiments values (1, 'one', 'active', 5)").run();
    database.prepare("insert into runs values (?, 'a', 'me', 'FINISHED', 5, 6, 'active', ?, 1)").run(runA, artifactUri);
    database.close();
    return file;
  };

  test.each(["outside", "relative", "climbing"])("names artifacts outside its folder (%s): they are not read", async (kind) => {
    const location = { outside: `file://${folder}/outside`, relative: "../outside", climbing: "mlflow-artifacts:/../outside" }[kind] ?? "";
    const source = await openSqliteSource(make(location), undefined);
    expect((await all(source.runs("1"))).map((r) => r.runId)).toEqual([runA]);
    expect((await all(source.runFiles(runA))).map((f: SourceFile) => f.path)).toEqual([]);
    await source.close();
  });

  test("names a bucket: the run comes, and it is said where its files are", async () => {
    const source = await openSqliteSource(make("s3://bucket/1/artifacts"), undefined);
    expect(await all(source.runFiles(runA))).toEqual([]);
    expect(why(source)).toContain("s3://bucket");
    await source.close();
  });

  test("that is none, or is another program's, is refused", async () => {
    for (const file of [path.join(folder, "outside", "secret"), path.join(folder, "absent.db")])
      await expect(openSqliteSource(file, undefined)).rejects.toSatisfy((e) => codeOf(e) === "IMPORT_SOURCE_REFUSED");
    const other = path.join(folder, "other.db");
    new DatabaseSync(other).exec("create table t (x)");
    await expect(openSqliteSource(other, undefined)).rejects.toSatisfy((e) => codeOf(e) === "IMPORT_SOURCE_REFUSED");
  });
});

describe("a server", () => {
  let server: Server;
  let answer: (url: string) => { status?: number; headers?: Record<string, string>; body: unknown };
  let asked: string[];

  beforeEach(async () => {
    asked = [];
    server = createServer((request, response) => {
      asked.push(request.url ?? "");
      const { status = 200, headers = {}, body } = answer(request.url ?? "");
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });

  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const open = (): Promise<MlflowSource> => {
    const address = server.address();
    return openHttpSource(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`, { pause: async () => {} });
  };

  test("that lists files outside their folder, or a folder within itself, is not followed there", async () => {
    answer = (url) => {
      const below = new URL(url, "http://x").searchParams.get("path") ?? "";
      if (!url.includes("artifacts/list")) return { body: {} };
      if (below === "")
        return {
          body: {
            files: ["../up", "/etc/passwd", "a/b", "..", "fine.txt"]
              .map((p) => ({ path: p, is_dir: false, file_size: 1 }))
              .concat([{ path: "loop", is_dir: true, file_size: 0 }]),
          },
        };
      return {
        body: {
          files: [
            { path: "loop", is_dir: true },
            { path: "", is_dir: true },
            { path: `${below}/x`, is_dir: true },
          ],
        },
      };
    };
    const source = await open();
    expect((await all(source.runFiles(runA))).map((f) => f.path)).toEqual(["fine.txt"]);
    expect(source.refused.length).toBeGreaterThan(5);
    // The folder nested in itself ends at the depth that any folder ends at.
    expect(asked.length).toBeLessThan(80);
  });

  test("that leads elsewhere, asks who we are, or is no MLflow is refused", async () => {
    for (const reply of [
      { status: 302, headers: { location: "http://169.254.169.254/latest" }, body: "" },
      { status: 401, body: "" },
      { status: 200, body: "<html>" },
      { status: 404, body: "{}" },
      { status: 500, body: "{}" },
    ]) {
      answer = () => reply;
      await expect(open()).rejects.toSatisfy((e) => codeOf(e) === "IMPORT_SOURCE_REFUSED");
    }
  });

  test("that gives the same page for ever is left after its second", async () => {
    answer = (url) =>
      url.includes("experiments/search") ? { body: { experiments: [{ experiment_id: "1", name: "one" }], next_page_token: "again" } } : { body: {} };
    const source = await open();
    expect((await all(source.experiments())).length).toBe(2);
  });
});
