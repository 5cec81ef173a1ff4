import { maxServingProcesses } from "../server/configuration.ts";
import type { Flags, Parsed } from "./arguments.ts";

/** One command of the command line; a file each. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Names of arguments without a flag, for the help text. */
  readonly positionals?: readonly string[];
  /** How many of them must be there; the others are optional. */
  readonly required?: number;
  readonly flags: Flags;
  /** Resolves with the exit status. Errors are thrown; `main.ts` prints them. */
  readonly run: (parsed: Parsed) => Promise<number>;
}

/** Flags that mean the same in every command that works on a project. */
export const projectFlags: Flags = {
  project: { type: "string", value: "folder", help: "Project folder or file", default: "." },
  data: { type: "string", value: "folder", help: "Data folder; default .karkhana in the project's folder (.karkhana-full with --full)" },
};

export const servingProcessesFlag: Flags = {
  "serving-processes": {
    type: "integer",
    value: "n",
    help: "Serving processes on the serving ports, on Linux (default KARKHANA_SERVING_PROCESSES, else 1)",
    min: 1,
    max: maxServingProcesses,
  },
};

export const portFlags: Flags = {
  port: { type: "integer", value: "n", help: "Control port: console, API", default: 4700, max: 65_535 },
  "serving-port": { type: "integer", value: "n", help: "Serving port: predictions", default: 4710, max: 65_535 },
  "grpc-port": { type: "integer", value: "n", help: "Serving port of gRPC (default the one after the serving port)", max: 65_535 },
};
