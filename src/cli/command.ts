import type { Flags, Parsed } from "./arguments.ts";

/** One command of the command line; a file each. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Names of arguments without a flag, for the help text. */
  readonly positionals?: readonly string[];
  readonly flags: Flags;
  /** Resolves with the exit status. Errors are thrown; `main.ts` prints them. */
  readonly run: (parsed: Parsed) => Promise<number>;
}

/** Flags that mean the same in every command that works on a project. */
export const projectFlags: Flags = {
  project: { type: "string", value: "folder", help: "Project folder or file", default: "." },
  data: { type: "string", value: "folder", help: "Data folder; default .karkhana in the project's folder (.karkhana-full with --full)" },
};

export const portFlags: Flags = {
  port: { type: "integer", value: "n", help: "Control port: console, API", default: 4700, max: 65_535 },
  "serving-port": { type: "integer", value: "n", help: "Serving port: predictions", default: 4710, max: 65_535 },
  "grpc-port": { type: "integer", value: "n", help: "Serving port of gRPC (default the one after the serving port)", max: 65_535 },
};
