import { createInterface } from "node:readline/promises";
import { KarkhanaError } from "../kernel/error.ts";
import { defaultWorkspace } from "../kernel/workspace.ts";
import { openStores } from "../server/compose.ts";
import { readConfiguration } from "../server/configuration.ts";
import type { Deleted } from "../tracking/deleted.ts";
import type { Purging } from "../tracking/purge.ts";
import { isSet, optionalText } from "./arguments.ts";
import { projectFlags, type Command } from "./command.ts";
import { chooseProject } from "./project-folder.ts";

/** `karkhana purge`: what was deleted goes for good, rows and files, once a person has seen what that is and said yes. */
export const purge: Command = {
  name: "purge",
  summary: "Delete for good what was deleted: experiments with their runs, and runs; frees names and disk",
  flags: {
    ...projectFlags,
    experiment: { type: "string", value: "id", help: "Only of this experiment; default: of all" },
    workspace: { type: "string", value: "name", help: "Whose; default: default" },
    yes: { type: "boolean", help: "Do not ask" },
    "dry-run": { type: "boolean", help: "Say what would be deleted, and delete nothing" },
    json: { type: "boolean", help: "Print as JSON; asks nothing, so it needs --yes or --dry-run" },
  },
  run: async ({ values }) => {
    const [json, yes, dryRun] = [isSet(values, "json"), isSet(values, "yes"), isSet(values, "dry-run")];
    if (!yes && !dryRun && (json || !process.stdin.isTTY))
      throw new KarkhanaError("INVALID_CONFIG", {
        field: "--yes",
        problem: "is required where nobody can be asked; --dry-run shows what would go",
        value: "nothing",
      });
    const { dataFolder } = await chooseProject(values);
    const stores = await openStores(dataFolder, readConfiguration(process.env));
    try {
      const workspace = optionalText(values, "workspace") ?? defaultWorkspace;
      await stores.workspaces.get(workspace);
      const { purging } = stores.tracking.inWorkspace(workspace);
      const only = optionalText(values, "experiment");
      const found = (await purging.deleted()).filter((row) => only === undefined || row.experimentId === only);
      if (!json) for (const line of linesOf(found)) console.log(line);
      if (found.length === 0 || dryRun || !(yes || (await isAgreed(found)))) {
        if (json) console.log(JSON.stringify({ deleted: found, purged: false }));
        return 0;
      }
      const { runs, inUse } = await purgeAll(purging, found);
      if (json) console.log(JSON.stringify({ deleted: found, purged: true, runs, inUse }));
      else {
        console.log(`Deleted for good: ${runs} runs.`);
        if (inUse > 0) console.log(`${inUse} runs stay: registered versions use their files.`);
      }
      return 0;
    } finally {
      await stores.close();
    }
  },
};

async function purgeAll(purging: Purging, found: readonly Deleted[]): Promise<{ runs: number; inUse: number }> {
  let [runs, inUse] = [0, 0];
  for (const { kind, experimentId } of found) {
    const gone = kind === "runs" ? await purging.purgeRunsOf(experimentId) : { ...(await purging.purgeExperiment(experimentId)), inUse: 0 };
    runs += gone.runs;
    inUse += gone.inUse;
  }
  return { runs, inUse };
}

function linesOf(found: readonly Deleted[]): string[] {
  if (found.length === 0) return ["Nothing is deleted."];
  return found.map(({ kind, experimentId, name, runs, loggedModels, files, bytes, isCounted }) => {
    const what =
      kind === "experiment"
        ? `experiment ${experimentId} "${name}", its ${runs} runs and ${loggedModels} logged models`
        : `${runs} deleted runs of experiment ${experimentId} "${name}"`;
    return `${what}: ${isCounted ? "" : "more than "}${files} files, ${sizeText(bytes)}`;
  });
}

export function sizeText(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let [size, unit] = [bytes, 0];
  for (; size >= 1000 && unit < units.length - 1; unit++) size /= 1000;
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

async function isAgreed(found: readonly Deleted[]): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await lines.question(`Delete ${found.length === 1 ? "this" : `these ${found.length}`} for good? Nothing brings it back. Type "yes": `);
    return answer.trim() === "yes";
  } finally {
    lines.close();
  }
}
