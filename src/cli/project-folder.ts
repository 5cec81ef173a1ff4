import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { KarkhanaError } from "../kernel/error.ts";
import { loadProject, type LoadedProject } from "../project/load.ts";
import { isSet, optionalText, text, type FlagValues } from "./arguments.ts";

/** Tells a project file to take all its rows. */
export const fullVariable = "KARKHANA_FULL";

export interface ProjectChoice {
  readonly project: LoadedProject;
  readonly dataFolder: string;
}

/** The project and data folder the flags name. `--full` is told to the project file through `fullVariable` before it is loaded. */
export async function chooseProject(values: FlagValues): Promise<ProjectChoice> {
  const full = isSet(values, "full");
  if (full) process.env[fullVariable] = "1";
  const project = await loadProject(text(values, "project"));
  const data = optionalText(values, "data");
  return { project, dataFolder: data === undefined ? join(project.folder, full ? ".karkhana-full" : ".karkhana") : resolve(data) };
}

/** For commands that only look or change: they make no data folder where none is. @throws DATA_DIR_NOT_FOUND */
export function requireDataFolder(path: string): void {
  const isThere = existsSync(path) && !(statSync(path).isDirectory() && readdirSync(path).length === 0);
  if (!isThere) throw new KarkhanaError("DATA_DIR_NOT_FOUND", { path });
}

/** The model a command works on: the one named, or the only one. @throws MODEL_NOT_IN_PROJECT */
export function chooseModel(project: LoadedProject, name: string | undefined): string {
  const names = project.definition.models.map((m) => m.name);
  const chosen = name ?? (names.length === 1 ? names[0] : undefined);
  if (chosen === undefined || !names.includes(chosen))
    throw new KarkhanaError("MODEL_NOT_IN_PROJECT", { model: name ?? "(none named)", models: names.join(", ") });
  return chosen;
}
