#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { toErrorRecord } from "../kernel/error.ts";
import { KarkhanaError } from "../kernel/error.ts";
import { describeFlags, parseFlags } from "./arguments.ts";
import type { Command } from "./command.ts";
import { twoColumns } from "./help-text.ts";
import { wrapped } from "./terminal-text.ts";

/** Loaded on demand: `karkhana help` should not pay for DuckDB. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import("./init.ts")).init,
  up: async () => (await import("./up.ts")).up,
  run: async () => (await import("./run.ts")).run,
  train: async () => (await import("./train.ts")).train,
  features: async () => (await import("./features.ts")).features,
  restart: async () => (await import("./restart.ts")).restart,
  status: async () => (await import("./status.ts")).status,
  promote: async () => (await import("./promote.ts")).promote,
  traffic: async () => (await import("./traffic.ts")).traffic,
  compare: async () => (await import("./compare.ts")).compareCommand,
  rollback: async () => (await import("./rollback.ts")).rollback,
  import: async () => (await import("./import.ts")).importCommand,
  client: async () => (await import("./client.ts")).client,
  k8s: async () => (await import("./k8s.ts")).k8s,
  "load-test": async () => (await import("./load-test.ts")).loadTest,
  adopt: async () => (await import("./adopt.ts")).adopt,
  quantize: async () => (await import("./quantize.ts")).quantize,
  workspace: async () => (await import("./workspace.ts")).workspace,
  purge: async () => (await import("./purge.ts")).purge,
  auth: async () => (await import("./auth.ts")).auth,
  path: async () => (await import("./path.ts")).path,
  doctor: async () => (await import("./doctor.ts")).doctor,
};

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const [name = "help", ...rest] = args;
  const json = rest.includes("--json");
  try {
    if (name === "--version" || name === "-v" || name === "version") {
      console.log(version());
      return 0;
    }
    const isHelp = name === "help" || name === "--help" || name === "-h";
    const about = isHelp ? rest.find((word) => !word.startsWith("-")) : undefined;
    if (isHelp && about === undefined) return await help();
    const command = await commandNamed(about ?? name);
    if (about !== undefined || rest.includes("--help") || rest.includes("-h")) {
      console.log([...wrapped(usage(command), width()), "", ...wrapped(command.summary, width()), "", describeFlags(command.flags, width())].join("\n"));
      return 0;
    }
    return await command.run(parseFlags(command.flags, rest, command.positionals?.length ?? 0));
  } catch (error) {
    const record = toErrorRecord(error);
    if (json) console.log(JSON.stringify({ event: "error", error: record }));
    else
      console.error(
        `karkhana: ${record.code}: ${record.message}\n          ${record.remedy}${record.code === "INTERNAL" && error instanceof Error ? `\n${error.stack}` : ""}`,
      );
    return 1;
  }
}

async function commandNamed(name: string): Promise<Command> {
  const load = commands[name];
  if (load === undefined || !Object.hasOwn(commands, name)) throw new KarkhanaError("UNKNOWN_COMMAND", { command: name });
  return await load();
}

/** In a file or a pipe, what everybody can read. */
function width(): number {
  return Math.min(100, process.stdout.columns ?? 80);
}

function version(): string {
  const { version: own } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  return `karkhana ${own} (Node ${process.versions.node})`;
}

async function help(): Promise<number> {
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  const list = twoColumns(
    all.map((c) => [c.name, c.summary] as const),
    width(),
  );
  console.log(`karkhana <command> [flags]\n\n${list}\n\nkarkhana <command> --help says what a command takes.\nkarkhana --version says which program this is.`);
  return 0;
}

function usage(command: Command): string {
  return ["karkhana", command.name, ...(command.positionals ?? []).map((p, i) => (i < (command.required ?? 0) ? `<${p}>` : `[${p}]`)), "[flags]"].join(" ");
}
