import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { KarkhanaError } from "../kernel/error.ts";
import { defaultWorkspace } from "../kernel/workspace.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import { openFolderSource } from "../workflows/import-mlflow/folder-source.ts";
import { openHttpSource } from "../workflows/import-mlflow/http-source.ts";
import { importMlflow, type ImportProgress } from "../workflows/import-mlflow/import.ts";
import type { ImportReport } from "../workflows/import-mlflow/report.ts";
import type { MlflowSource } from "../workflows/import-mlflow/source.ts";
import { openSqliteSource } from "../workflows/import-mlflow/sqlite-source.ts";
import { isSet, optionalText } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { chooseProject } from "./project-folder.ts";

/** `karkhana import mlflow <address, SQLite file or mlruns folder>`: an existing MLflow's records and files, compared one by one. */
export const importCommand: Command = {
  name: "import",
  summary: "Bring experiments, runs, models and files of an MLflow over, and compare them",
  positionals: ["mlflow", "source"],
  required: 2,
  flags: {
    ...projectFlags,
    artifacts: { type: "string", value: "folder", help: "Where a SQLite source's artifacts lie; default: below the file's own folder" },
    workspace: { type: "string", value: "name", help: "Where it goes; default: default" },
    json: { type: "boolean", help: "Print one JSON event a line" },
  },
  run: async ({ values, positionals }) => {
    const [kind, from] = positionals;
    if (kind !== "mlflow" || from === undefined)
      throw new KarkhanaError("INVALID_CONFIG", {
        field: "arguments",
        problem: "expected `mlflow` and what to import: an address, a SQLite file or an mlruns folder",
        value: positionals.join(" ") || "nothing",
      });
    const json = isSet(values, "json");
    // Before the data folder is made: a mistyped source leaves nothing behind.
    const source = await openSource(from, optionalText(values, "artifacts"));
    try {
      const data = optionalText(values, "data");
      const dataFolder = data ?? (await chooseProject(values)).dataFolder;
      const stores = await openStores(dataFolder, readConfiguration(process.env));
      try {
        const { name } = await stores.workspaces.get(optionalText(values, "workspace") ?? defaultWorkspace);
        const [tracking, catalog] = [stores.tracking.inWorkspace(name), stores.catalog.inWorkspace(name)];
        const report = await importMlflow(source, { ...stores, tracking, catalog, onProgress: progressTo(json) });
        if (json) console.log(JSON.stringify({ event: "imported", ...report }));
        else console.log(reportText(report));
        return report.failed === 0 && report.refused.length === 0 ? 0 : 1;
      } finally {
        await stores.close();
      }
    } finally {
      await source.close();
    }
  },
};

function openSource(from: string, artifacts: string | undefined): Promise<MlflowSource> {
  if (/^https?:\/\//i.test(from))
    return openHttpSource(from, {
      token: process.env["MLFLOW_TRACKING_TOKEN"],
      username: process.env["MLFLOW_TRACKING_USERNAME"],
      password: process.env["MLFLOW_TRACKING_PASSWORD"],
      pause: (attempt) => wait(500 * 2 ** attempt),
    });
  const path = from.replace(/^sqlite:\/{3}/i, "").replace(/^file:\/\//i, "");
  if (!existsSync(path)) throw new KarkhanaError("IMPORT_SOURCE_REFUSED", { source: from, problem: "there is no such file, folder or http address" });
  if (!statSync(path).isDirectory()) return openSqliteSource(path, artifacts);
  // The folder that holds an mlruns is often what people name.
  return openFolderSource(existsSync(join(path, "mlruns")) && !existsSync(join(path, "0", "meta.yaml")) ? join(path, "mlruns") : path);
}

/** A JSON line for each run; for people a few lines a second, since an import is not to wait for the terminal. */
function progressTo(json: boolean): (progress: ImportProgress) => void {
  let lastMs = 0;
  return (progress) => {
    if (json) {
      console.log(JSON.stringify({ event: "progress", ...progress }));
      return;
    }
    const nowMs = performance.now();
    if (nowMs - lastMs < (process.stderr.isTTY ? 200 : 2000)) return;
    lastMs = nowMs;
    const text = `  ${progress.experiment}: ${progress.runs} runs, ${progress.points} points, ${progress.files} files, ${(progress.bytes / 1e6).toFixed(1)} MB`;
    process.stderr.write(process.stderr.isTTY ? `\r\u001b[2K${text}` : `${text}\n`);
  };
}

function reportText({ verified, runsHereBefore, refused, failed, source }: ImportReport): string {
  const rows = Object.entries(verified).map(([what, n]) => `  ${what.padEnd(18)} ${n.toLocaleString("en").padStart(16)}`);
  const shown = refused.slice(0, 20).map(({ what, why }) => `  ${what}: ${why}`);
  return [
    `${process.stderr.isTTY ? "\r\u001b[2K" : ""}Imported from ${source}. Here, and equal to what is there by count and hash:`,
    ...rows,
    ...(runsHereBefore === 0 ? [] : [`  ${runsHereBefore} of the runs had come across before.`]),
    ...(refused.length === 0
      ? ["Nothing was refused."]
      : [
          `${refused.length} not taken${failed === 0 ? "" : `, ${failed} of them whole records`}:`,
          ...shown,
          ...(refused.length > 20 ? [`  and ${refused.length - 20} more (--json lists them)`] : []),
        ]),
  ].join("\n");
}
