import { existsSync, statSync } from "node:fs";
import { registerHooks } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { KarkhanaError } from "../kernel/error.ts";
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
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (error) {
    throw new KarkhanaError("PROJECT_INVALID", { file, problem: error instanceof Error ? error.message : String(error) }, { cause: error });
  }
  const definition = loaded.default;
  if (!isProject(definition)) throw new KarkhanaError("PROJECT_INVALID", { file, problem: "its default export is not made with project(…)" });
  return { definition, folder: dirname(file), file };
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
