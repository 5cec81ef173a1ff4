import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { FastifyInstance } from "fastify";
import { Check, Errors } from "typebox/value";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDuckDb } from "../../storage/duckdb/duckdb.ts";
import type { ArtifactFolder, ArtifactPreview } from "../api-runs.ts";
import { createControlApp } from "../control.ts";
import { runSchemas } from "../schemas-runs.ts";
import { controlWorld, type ControlWorld } from "../test-world.ts";

let world: ControlWorld;
let app: FastifyInstance;
let runId: string;

const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");

beforeAll(async () => {
  world = await controlWorld(0);
  app = await createControlApp(world.rooms, { consoleFolder: "/dev/null/nowhere" });
  const { tracking } = world.rooms;
  const { run } = await tracking.runs.create({ experimentId: "0", name: "files", userId: "", startUs: 5, tags: {} });
  runId = run.runId;
  const folder = await mkdtemp(path.join(tmpdir(), "karkhana-parquet-"));
  const parquet = path.join(folder, "t.parquet");
  const duck = await openDuckDb({ threads: 1 });
  await duck.run(
    `copy (select i as id, 'name ' || i as name, case when i % 2 = 0 then null else i / 4.0::double end as x, date '2024-01-01' + i::int as day from range(5000) t(i)) to '${parquet}' (format parquet)`,
  );
  await duck.close();
  const files: Readonly<Record<string, string | Uint8Array>> = {
    "t.parquet": await readFile(parquet),
    "broken.parquet": "PAR1 and then nothing of the kind",
    "t.csv": 'a,b\n1,"x, y"\n2,\n',
    "long.csv": `n,word\n${Array.from({ length: 120_000 }, (_, i) => `${i},"a word"`).join("\n")}\n`,
    "page.html": "<script>document.title='mine'</script>",
    "conf.json": '{"a":[1,2]}',
    "long.txt": "é".repeat(200_000),
    "p.png": png,
    "not.png": "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "picture.svg": "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "model.pkl": "cos\nsystem\n(S'true'\ntR.",
    "noise.dat": Uint8Array.from({ length: 100 }, (_, i) => i),
    "deep/er/file.log": "line",
  };
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    await tracking.files.write(
      { experimentId: "0", runId, path: name },
      (async function* () {
        yield bytes;
      })(),
    );
  }
  await rm(folder, { recursive: true });
});

afterAll(async () => {
  await app.close();
  await world.close();
});

const headers = { host: "127.0.0.1:4700" };
const at = (what: string, file: string): string => `/api/v1/runs/${runId}/${what}?path=${encodeURIComponent(file)}`;

async function preview(file: string): Promise<ArtifactPreview> {
  const reply = await app.inject({ url: at("preview", file), headers });
  expect(reply.statusCode, reply.body).toBe(200);
  expect(Check(runSchemas.preview, reply.json()) ? [] : [...Errors(runSchemas.preview, reply.json())]).toEqual([]);
  return reply.json<ArtifactPreview>();
}

describe("a look into an artifact", () => {
  test("Parquet shows its first rows, its types and how many there are", async () => {
    const table = await preview("t.parquet");
    expect(table).toMatchObject({ kind: "table", totalRows: 5000, moreColumns: 0 });
    if (table.kind !== "table") return;
    expect(table.columns).toEqual([
      { name: "id", type: "BIGINT" },
      { name: "name", type: "VARCHAR" },
      { name: "x", type: "DOUBLE" },
      { name: "day", type: "DATE" },
    ]);
    expect(table.rows.length).toBe(200);
    expect(table.rows[1]?.[1]).toBe("name 1");
    expect(table.rows[0]?.[2]).toBe(null);
  });

  test("CSV shows rows as they are written, of a long one the beginning", async () => {
    expect(await preview("t.csv")).toMatchObject({
      kind: "table",
      columns: [{ name: "a" }, { name: "b" }],
      rows: [
        ["1", "x, y"],
        ["2", null],
      ],
      totalRows: 2,
    });
    expect(await preview("long.csv")).toMatchObject({ kind: "table", totalRows: null });
  });

  test("a table that is none says so and takes nothing down with it", async () => {
    expect(await preview("broken.parquet")).toMatchObject({ kind: "none" });
    expect((await app.inject({ url: "/health", headers })).body).toBe("OK");
  });

  test("text and JSON are text, a page's source too; the beginning of long ones, no character cut in two", async () => {
    expect(await preview("conf.json")).toMatchObject({ kind: "json", text: '{"a":[1,2]}' });
    expect(await preview("page.html")).toMatchObject({ kind: "text", text: "<script>document.title='mine'</script>" });
    const long = await preview("long.txt");
    expect(long).toMatchObject({ kind: "text", truncated: true, sizeBytes: 400_000 });
    expect(long.kind === "text" && /^é+$/.test(long.text)).toBe(true);
    expect(await preview("picture.svg")).toMatchObject({ kind: "text" });
  });

  test("what is neither is not shown, and says why", async () => {
    for (const file of ["model.pkl", "noise.dat", "not.png"]) expect(await preview(file), file).toMatchObject({ kind: "none" });
  });

  test("only a real picture is sent as one, and nothing in it may run", async () => {
    expect(await preview("p.png")).toMatchObject({ kind: "image" });
    const image = await app.inject({ url: at("image", "p.png"), headers });
    expect([image.statusCode, image.headers["content-type"], image.headers["content-security-policy"], image.headers["x-content-type-options"]]).toEqual([
      200,
      "image/png",
      "default-src 'none'; sandbox",
      "nosniff",
    ]);
    for (const file of ["not.png", "page.html", "picture.svg"]) expect((await app.inject({ url: at("image", file), headers })).statusCode, file).toBe(400);
  });

  test("a download is a file to keep, whatever it is", async () => {
    const reply = await app.inject({ url: at("download", "page.html"), headers });
    expect(reply.body).toBe("<script>document.title='mine'</script>");
    expect(reply.headers).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": expect.stringContaining("attachment"),
      "content-security-policy": "default-src 'none'; sandbox",
    });
  });
});

test("folders are listed one by one, folders first", async () => {
  const list = async (folder: string): Promise<ArtifactFolder> => (await app.inject({ url: at("artifacts", folder), headers })).json();
  expect((await list("")).entries.slice(0, 2).map((e) => [e.path, e.isFolder])).toEqual([
    ["deep", true],
    ["broken.parquet", false],
  ]);
  expect((await list("deep/er")).entries).toEqual([{ name: "file.log", path: "deep/er/file.log", isFolder: false, sizeBytes: 4 }]);
});

test.each(["../../../meta.db", "/etc/passwd", "a/../../x", "a//b", "%2e%2e/x", "a\\b", "nul\0"])(
  "a path that leads out of the run is refused everywhere: %j",
  async (file) => {
    for (const what of ["artifacts", "preview", "image", "download"]) {
      const reply = await app.inject({ url: at(what, file), headers });
      expect(reply.statusCode, what).toBe(400);
    }
  },
);
