import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { statusOf } from "../../server/error-status.ts";
import { openWorld, rideProject, scoreOf, type World } from "../../serving/test-world.ts";
import { clientSource } from "./source.ts";

let folder: string;
let world: World | undefined;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "karkhana-client-"));
  await writeFile(path.join(folder, "package.json"), '{"type":"module"}');
  await writeFile(path.join(folder, "client.ts"), clientSource(rideProject));
});
afterEach(async () => {
  await world?.close();
  world = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** What the compiler says of a program beside the client, strictly; nothing if it is well typed. */
async function compile(program: string): Promise<string> {
  await writeFile(
    path.join(folder, "program.ts"),
    `import { createClient } from "./client.ts";\nconst client = createClient({ url: "http://127.0.0.1" });\n${program}\n`,
  );
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
  try {
    return execFileSync(compiler, [...flags, "program.ts"], { cwd: folder, encoding: "utf8" });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

test("a sound program compiles; a wrong field, type, value or model does not", async () => {
  const sound = [
    'await client.predict("late_ride", { zone: "AAA", miles: 3, shared: false });',
    'await client.predict("late_ride", { zone: "AAA", miles: null, shared: false });',
  ];
  expect(await compile(sound.join("\n"))).toBe("");
  const wrong = [
    ['await client.predict("late_ride", { zoom: "AAA", miles: 3, shared: false });', "'zoom' does not exist"],
    ['await client.predict("late_ride", { zone: "AAA", shared: false });', "miles"],
    ['await client.predict("late_ride", { zone: null, miles: 3, shared: false });', "'null' is not assignable to type 'string'"],
    ['await client.predict("late_ride", { zone: "AAA", miles: "3", shared: false });', "'string' is not assignable to type 'number'"],
    ['await client.predict("late_rides", { zone: "AAA", miles: 3, shared: false });', '"late_ride"'],
    [
      'export const { score }: { score: string } = await client.predict("late_ride", { zone: "AAA", miles: 3, shared: false });',
      "'Prediction' is not assignable",
    ],
  ] as const;
  const said = (await compile(wrong.map(([line]) => line).join("\n"))).split("\n");
  // Two lines stand before the program.
  for (const [i, [line, reason]] of wrong.entries()) expect(said.filter((text) => text.startsWith(`program.ts(${i + 3},`)).join("\n"), line).toContain(reason);
});

test("it asks the server, in order, and throws what the server refuses with", async () => {
  world = await openWorld({ statusOf });
  const { createClient } = (await import(pathToFileURL(path.join(folder, "client.ts")).href)) as { createClient: (options: { url: string }) => Client };
  const client = createClient({ url: `${world.url}/` });
  const fields = { zone: "AAA", miles: 3, shared: false };
  expect(await client.predict("late_ride", fields, { id: "q" })).toEqual({ id: "q", version: 1, role: "champion", score: scoreOf(1, -0.5) });
  const both = await client.predictAll("late_ride", [{ fields }, { fields: { ...fields, miles: 30 } }]);
  expect(both.map(({ score }) => score)).toEqual([scoreOf(1, -0.5), scoreOf(1, 0.25)]);
  await client.label("late_ride", "q", 1);
  expect((await world.log.labels(0, 1))[0]?.record).toMatchObject({ id: "q", label: 1 });
  expect(await client.check()).toEqual([]);
  await expect(client.predict("late_ride", { ...fields, miles: -1 })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    status: 400,
    message: expect.stringContaining("miles"),
  });
});

interface Client {
  predict(model: string, fields: object, options?: object): Promise<{ readonly score: number }>;
  predictAll(model: string, questions: readonly object[]): Promise<readonly { readonly score: number }[]>;
  label(model: string, id: string, label: 0 | 1): Promise<void>;
  check(): Promise<readonly string[]>;
}
