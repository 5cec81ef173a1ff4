import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openStores } from "../../src/server/compose.ts";
import { karkhana } from "./command.ts";
import { writeFile } from "./made-files.ts";

/** A temporary folder with a file of customers and the project that `karkhana init` makes of it. */
export interface Shop {
  at(...names: string[]): string;
  readonly project: string;
  readonly projectFile: string;
  /** A copy of the project with one thing changed, beside it, so that relative paths hold. */
  variant(name: string, text: string, replacement: string): string;
  close(): void;
}

export async function openShop(): Promise<Shop> {
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-shop-"));
  const at = (...names: string[]): string => path.join(folder, ...names);
  const projectFile = at("shop", "karkhana.project.ts");
  const variant = (name: string, text: string, replacement: string): string => {
    const before = readFileSync(projectFile, "utf8");
    if (!before.includes(text)) throw new Error(`the project file does not hold ${text}`);
    mkdirSync(at(name), { recursive: true });
    writeFileSync(at(name, "karkhana.project.ts"), before.replace(text, replacement));
    return at(name);
  };
  await writeFile(at("churn.csv"));
  const { status, stderr } = await karkhana(["init", "shop", "--file", "churn.csv"], { cwd: folder });
  if (status !== 0 || stderr !== "") throw new Error(`init: ${stderr}`);
  // What only its owner can know of a file.
  variant("shop", "expect: {", `expect: { "amount": { min: 0, max: 1000 },`);
  return { at, project: at("shop"), projectFile, variant, close: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface Kept {
  readonly accepted: number;
  readonly versions: number;
  /** States of the pipeline runs. */
  readonly runs: readonly string[];
}

/** What a data folder holds of a model once the command has ended. */
export async function keptIn(dataFolder: string): Promise<Kept> {
  const stores = await openStores(dataFolder, {});
  try {
    const accepted = (await stores.datasets.listVersions()).filter((version) => version.status === "accepted").length;
    const versions = (await stores.registry.listVersions("outcome")).length;
    return { accepted, versions, runs: (await stores.pipelines.listRuns()).map((run) => run.state) };
  } finally {
    await stores.close();
  }
}
