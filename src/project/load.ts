import { existsSync, statSync } from "node:fs";
import { registerHooks } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { KarkhanaError } from "../kernel/error.ts";
import { checkProject } from "./check.ts";
import type { ProjectDefinition } from "./definition.ts";

export interface LoadedProject {
  readonly definition: ProjectDefinition;
  /** Folder that relative paths of the project are resolved against. */
  readonly folder: string;
  readonly file: string;
}

const fileNames = ["karkhana.project.ts", "karkhana.project.js", "karkhana.project.mjs"];
const ownIndex = new URL("../index.ts", import.meta.url).href;
let hooked = false;

/**
 * Loads a project file: its default export, made with `project(...)`.
 * `import … from "karkhana"` in it means this very program, so that a project folder needs no node_modules of its own.
 * @throws PROJECT_NOT_FOUND, PROJECT_INVALID
 */
export async function loadProject(path: string): Promise<LoadedProject> {
  const file = findFile(resolve(path));
  if (!hooked) {
    registerHooks({
      resolve: (specifier, context, next) => (specifier === "karkhana" ? { url: existingIndex(), shortCircuit: true } : next(specifier, context)),
    });
    hooked = true;
  }
  const invalid = (problem: string, cause?: unknown): KarkhanaError => new KarkhanaError("PROJECT_INVALID", { file, problem }, { cause });
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (error) {
    throw invalid(`${messageOf(error)}${lineOf(error, file)}`, error);
  }
  const definition = loaded.default;
  if (!isProject(definition)) throw invalid("its default export is not made with project(…)");
  try {
    checkProject(definition);
  } catch (error) {
    throw invalid(messageOf(error), error);
  }
  return { definition, folder: dirname(file), file };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Where in the project file it went wrong, if the stack says so. */
function lineOf(error: unknown, file: string): string {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const [, after = ""] = stack.split(`${pathToFileURL(file).href}:`).length > 1 ? stack.split(`${pathToFileURL(file).href}:`) : stack.split(`${file}:`);
  const line = /^\d+/.exec(after)?.[0];
  return line === undefined ? "" : ` (line ${line})`;
}

function findFile(path: string): string {
  if (!existsSync(path)) throw new KarkhanaError("PROJECT_NOT_FOUND", { path });
  if (statSync(path).isFile()) return path;
  const found = fileNames.map((name) => join(path, name)).find((candidate) => existsSync(candidate));
  if (found === undefined) throw new KarkhanaError("PROJECT_NOT_FOUND", { path: join(path, fileNames[0]!) });
  return found;
}

/** From source the index is TypeScript, in the published package JavaScript. */
function existingIndex(): string {
  return existsSync(new URL(ownIndex)) ? ownIndex : new URL("../index.js", import.meta.url).href;
}

function isProject(value: unknown): value is ProjectDefinition {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "project" && "models" in value && Array.isArray(value.models);
}
