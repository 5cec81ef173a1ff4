import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { pureRooms, rooms } from "../scripts/rooms.ts";

// The second guard beside the lint rules: walks the real import graph, so a rule that silently stops matching is noticed.
const root = join(import.meta.dirname, "..", "src");
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".ts") && !f.endsWith(".test.ts"));
const importsOf = (file: string): { path: string; typeOnly: boolean }[] =>
  [...readFileSync(join(root, file), "utf8").matchAll(/^\s*(?:import|export)\s+(type\s)?[^;"']*?from\s+["']([^"']+)["']|^import\s+()["']([^"']+)["']/gms)].map(
    (m) => ({ path: m[2] ?? m[4] ?? "", typeOnly: m[1] !== undefined }),
  );
const resolveFrom = (file: string, path: string): string => relative(root, join(root, file, "..", path));
const roomOf = (file: string): string => file.split("/")[0] ?? "";

describe("the rooms of the house", () => {
  test("the walk sees the house: dozens of files in every room of the table", () => {
    expect(files.length).toBeGreaterThan(30);
    const seen = new Set(files.filter((f) => f.includes("/")).map(roomOf));
    expect([...seen].sort()).toEqual(Object.keys(rooms).sort());
  });

  test("every import goes in the declared direction", () => {
    const wrong = files
      .filter((file) => file.includes("/"))
      .flatMap((file) =>
        importsOf(file)
          .filter(({ path }) => path.startsWith("."))
          .map(({ path }) => resolveFrom(file, path))
          .filter((target) => roomOf(target) !== roomOf(file) && !(rooms[roomOf(file)] ?? []).includes(roomOf(target)))
          .map((target) => `${file} -> ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  test("no ring of modules import each other at run time", () => {
    const edges = new Map(
      files.map((file) => [
        file,
        importsOf(file)
          .filter((i) => !i.typeOnly && i.path.startsWith("."))
          .map((i) => resolveFrom(file, i.path)),
      ]),
    );
    const state = new Map<string, "open" | "done">();
    const rings: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (state.get(file) === "open") rings.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      if (state.has(file)) return;
      state.set(file, "open");
      for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
      state.set(file, "done");
    };
    for (const file of files) visit(file, []);
    expect(rings).toEqual([]);
  });

  test("pure rooms read no clock, no randomness and no Node module", () => {
    const wrong = files
      .filter((file) => pureRooms.includes(roomOf(file)))
      .flatMap((file) => {
        const text = readFileSync(join(root, file), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
        const found = [...text.matchAll(/\bnew Date\b|\bDate\.now\b|\bMath\.random\b|\bperformance\.now\b|["']node:[a-z_/]+["']/g)].map((m) => m[0]);
        return found.filter((what) => !(file === "kernel/hashing.ts" && what === '"node:crypto"')).map((what) => `${file}: ${what}`);
      });
    expect(wrong).toEqual([]);
  });

  test("no file holds more than 500 lines", () => {
    expect(files.filter((file) => readFileSync(join(root, file), "utf8").split("\n").length > 501)).toEqual([]);
  });
});
