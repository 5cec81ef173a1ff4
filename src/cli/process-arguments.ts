import { KarkhanaError } from "../kernel/error.ts";

/** What the supervisor tells a process, as one JSON argument. */
export interface ProcessArguments {
  readonly projectFile: string;
  readonly dataFolder: string;
  readonly host: string;
  readonly port: number;
  /** Serving only: port of gRPC. */
  readonly grpcPort?: number;
  /** Serving only: which of how many that share the ports; default the only one. */
  readonly process?: number;
  readonly processes?: number;
  /** Control only: address of the serving process, whatever port it got. */
  readonly servingPort?: number;
  /** Control only: run the project's loop once ready. */
  readonly loop?: boolean;
}

export function toProcessArguments(args: ProcessArguments): string[] {
  return [JSON.stringify(args)];
}

export function readProcessArguments(argv: readonly string[]): ProcessArguments {
  const [text] = argv.slice(2);
  if (text === undefined) throw new KarkhanaError("INVALID_CONFIG", { field: "arguments", problem: "this file is started by `karkhana up`", value: "nothing" });
  return JSON.parse(text) as ProcessArguments;
}
