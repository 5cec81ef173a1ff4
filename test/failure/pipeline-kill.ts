import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { openSqlite } from "../../src/storage/sql/sqlite.ts";
import { tables } from "../../src/storage/sql/tables.ts";
import { startChild, type Child } from "../contract/child.ts";

const program = path.join(import.meta.dirname, "children", "pipeline-program.ts");
const stepIds = ["read", "part/a", "part/b", "part/c", "train/0", "train/1", "train/2"];
const transactIds = ["register", "commit/0", "commit/1", "commit/2"];

export function freshFolder(scratch: string): string {
  return mkdtempSync(path.join(scratch, "run-"));
}

export function startProgram(folder: string, mode: "start" | "recover", killAt = ""): Child {
  return startChild(program, [folder, mode, killAt]);
}

export function outputOf(said: readonly string[]): string | undefined {
  return said.findLast((line) => line.startsWith("output "))?.slice("output ".length);
}

/** Runs the program to its end. */
export async function finish(folder: string, mode: "start" | "recover"): Promise<string[]> {
  const { code, said, errors } = await startProgram(folder, mode).exit();
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  return said;
}

/** Steps that had begun and were not known to have ended when their process said its last. */
function inFlight(said: readonly string[]): string[] {
  return stepIds.filter((id) => said.includes(`before ${id}`) && !said.includes(`after ${id}`));
}

/**
 * The promise: every transacted effect once; every step's effect once, or once more for each kill that found it in flight.
 * @param killed what each killed process had said
 */
export async function expectEffects(folder: string, killed: readonly (readonly string[])[]): Promise<void> {
  const log = path.join(folder, "effects.log");
  const effects = existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : [];
  for (const id of stepIds) {
    const count = effects.filter((name) => name === id).length;
    const found = killed.filter((said) => inFlight(said).includes(id)).length;
    expect(count, `effects of step ${id}`).toBeGreaterThanOrEqual(1);
    expect(count, `effects of step ${id}, in flight at ${found} kills`).toBeLessThanOrEqual(1 + found);
  }
  const database = await openSqlite(path.join(folder, "meta.db"));
  const rows = await tables<{ effects: { name: string } }>(database.db).selectFrom("effects").select("name").orderBy("name").execute();
  await database.close();
  expect(rows.map((row) => row.name)).toEqual([...transactIds].sort());
}
