import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { csv } from "../data/source.ts";
import { numeric } from "../features/definition.ts";
import { model, project } from "../project/definition.ts";
import type { LoadedProject } from "../project/load.ts";
import { loopRunId, trainRunId } from "./identity.ts";

let folders: string[] = [];
const newFolder = (rows: string): string => {
  const folder = mkdtempSync(join(tmpdir(), "karkhana-identity-"));
  folders.push(folder);
  writeFileSync(join(folder, "orders.csv"), rows);
  return folder;
};
beforeEach(() => (folders = []));
afterEach(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function loaded(folder: string, label = "amount > 10"): LoadedProject {
  const orders = csv("orders", { path: "orders.csv", schema: { at: "timestamp", amount: "float64" }, eventTime: "at" });
  const training = { from: "2001-01-01", validFrom: "2001-02-01", holdoutFrom: "2001-02-10", to: "2001-03-01" };
  const big = model("big", { spine: orders, request: ["amount"], label, features: [numeric("amount")], trainer: { gbdt: {} }, training });
  return {
    definition: project("shop", { models: [big], replay: { model: "big", from: "2001-03-01", to: "2001-04-01" } }),
    folder,
    file: join(folder, "karkhana.project.ts"),
  };
}

const idsOf = async (it: LoadedProject): Promise<string[]> => [await loopRunId(it, it.definition.models[0]!), await trainRunId(it, it.definition.models[0]!)];

test("a copied project is the same run, one whose file or definition changed is another", async () => {
  const first = await idsOf(loaded(newFolder("at,amount\n2001-01-01,1\n")));
  expect(await idsOf(loaded(newFolder("at,amount\n2001-01-01,1\n")))).toEqual(first);
  const replaced = await idsOf(loaded(newFolder("at,amount\n2001-01-01,2\n")));
  const relabelled = await idsOf(loaded(newFolder("at,amount\n2001-01-01,1\n"), "amount > 11"));
  for (const [i, id] of first.entries()) expect([replaced[i], relabelled[i]]).not.toContain(id);
});

test("a file that is not there is told by its path", async () => {
  const folder = newFolder("");
  rmSync(join(folder, "orders.csv"));
  await expect(idsOf(loaded(folder))).rejects.toMatchObject({ code: "SOURCE_UNREADABLE", details: { path: join(folder, "orders.csv") } });
});
