import path from "node:path";
import { pathToFileURL } from "node:url";

export interface Shot {
  /** The line of its output after which it is shot. */
  readonly line: number;
  /** How long after it, at most `more` lines further. */
  readonly afterMs: number;
  readonly more: number;
}

/** For `spawn` of Node: flags before the program's file, and the environment. See `children/shot.mjs`. */
export function shotFlags(): string[] {
  return ["--import", pathToFileURL(path.join(import.meta.dirname, "children/shot.mjs")).href];
}

export function shotEnvironment({ line, afterMs, more }: Shot): NodeJS.ProcessEnv {
  return { ...process.env, KARKHANA_TEST_SHOT: `${line} ${afterMs} ${more}` };
}
