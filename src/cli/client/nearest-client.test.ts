import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv } from "../../data/source.ts";
import { embedding, entity, featureView, latest, numeric } from "../../features/definition.ts";
import { model, project } from "../../project/definition.ts";
import { clientSource } from "./source.ts";

const songs = csv("songs", {
  path: "songs.csv",
  eventTime: "at",
  schema: { at: "timestamp", song: "string", live: "boolean", sound: "float32[3]", mood: "string", plays: "int64" },
});
const song = featureView("song", {
  entity: entity("song", { keys: ["song", "live"] }),
  source: songs,
  on: { song: "song", live: "live" },
  features: { sound: embedding("sound", { dimensions: 3, metric: "cosine" }), mood: latest("mood") },
});
const hits = project("songs", {
  models: [
    model("hit", {
      spine: songs,
      request: ["song", "live", "plays"],
      label: "plays > 100",
      features: [numeric("plays"), song.at({ song: "song", live: "live" })],
      trainer: { gbdt: {} },
      training: { from: "2024-01-01", validFrom: "2024-02-01", holdoutFrom: "2024-03-01", to: "2024-04-01" },
    }),
  ],
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-nearest-client-"));
  await writeFile(path.join(folder, "package.json"), '{"type":"module"}');
  await writeFile(path.join(folder, "client.ts"), clientSource(hits));
});
afterAll(() => rm(folder, { recursive: true }));

test("neighbours are asked for with the view's keys, attributes and length of vectors, or it does not compile", async () => {
  const lines = [
    'import { createClient } from "./client.ts";',
    'const client = createClient({ url: "http://127.0.0.1" });',
    'export const [near] = await client.nearest("song", { vector: [0.1, 0.2, 0.3], k: 5, where: { mood: "calm" } });',
    "const list: number[] = []; const name: string | undefined = near?.key.song;",
    'await client.nearest("song", { vector: list }); await client.nearest("song", { key: { song: name ?? "", live: near?.key.live ?? true }, feature: "sound" });',
    'await client.nearest("song", { vector: [0.1, 0.2] });',
    'await client.nearest("song", { key: { song: 7, live: true } });',
    'await client.nearest("song", { key: { song: "a", live: 1 } });',
    'await client.nearest("sing", { vector: list });',
    'await client.nearest("song", { vector: list, feature: "noise" });',
    'await client.nearest("song", { vector: list, where: { loud: 1 } });',
  ];
  await writeFile(path.join(folder, "program.ts"), lines.join("\n"));
  const flags = [
    "--noEmit",
    "--strict",
    "--target",
    "esnext",
    "--module",
    "nodenext",
    "--lib",
    "esnext,dom",
    "--allowImportingTsExtensions",
    "--noUncheckedIndexedAccess",
    "--exactOptionalPropertyTypes",
    "--types",
    "",
  ];
  const compiler = path.join(import.meta.dirname, "..", "..", "..", "node_modules", ".bin", "tsc");
  let said = "";
  try {
    execFileSync(compiler, [...flags, "program.ts"], { cwd: folder, encoding: "utf8" });
  } catch (error) {
    said = (error as { stdout: string }).stdout;
  }
  const wrongLines = [...said.matchAll(/^(\w+)\.ts\((\d+),/gm)].map(([, file, line]) => `${file} ${line}`);
  expect([...new Set(wrongLines)], said).toEqual(["program 6", "program 7", "program 8", "program 9", "program 10", "program 11"]);
  expect(said).toContain("expected 3 numbers");
});

test("a vector of another length is refused before it is sent", async () => {
  const { createClient } = (await import(pathToFileURL(path.join(folder, "client.ts")).href)) as {
    createClient: (options: { url: string }) => { nearest: (view: string, question: { vector: number[] }) => Promise<unknown> };
  };
  await expect(createClient({ url: "http://127.0.0.1:1" }).nearest("song", { vector: [1, 2] })).rejects.toThrow("song: expected a vector of 3 numbers, got 2");
});
