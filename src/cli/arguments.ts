import { parseArgs, type ParseArgsConfig } from "node:util";
import { KarkhanaError } from "../kernel/error.ts";
import { twoColumns } from "./help-text.ts";

/** One flag of a command: how it is written, what it takes, what it means. Help text and parser read the same table. */
export interface Flag {
  readonly type: "string" | "boolean" | "integer";
  readonly help: string;
  readonly value?: string;
  readonly default?: string | number | boolean;
  readonly min?: number;
  readonly max?: number;
}

export type Flags = Readonly<Record<string, Flag>>;
export type FlagValues = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Parsed {
  readonly values: FlagValues;
  readonly positionals: readonly string[];
}

/** @throws INVALID_CONFIG naming the flag */
export function parseFlags(flags: Flags, args: readonly string[], maxPositionals: number): Parsed {
  const options: NonNullable<ParseArgsConfig["options"]> = {};
  for (const [name, flag] of Object.entries(flags)) options[name] = { type: flag.type === "boolean" ? "boolean" : "string" };
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw problemWith(flags, args, error);
  }
  if (parsed.positionals.length > maxPositionals)
    throw new KarkhanaError("INVALID_CONFIG", {
      field: "arguments",
      problem: maxPositionals === 0 ? "this command takes flags only" : `takes at most ${maxPositionals} without a flag`,
      value: parsed.positionals.join(" "),
    });
  const values: Record<string, string | number | boolean | undefined> = {};
  for (const [name, flag] of Object.entries(flags)) {
    const given = parsed.values[name] as string | boolean | undefined;
    values[name] = given === undefined ? flag.default : flag.type === "integer" ? integer(name, flag, String(given)) : given;
  }
  return { values, positionals: parsed.positionals };
}

/** What Node's parser found, in the words of this program. */
function problemWith(flags: Flags, args: readonly string[], error: unknown): KarkhanaError {
  const message = error instanceof Error ? error.message : "cannot be read";
  const named = /'(?:-\w, )?(--?[^'= ]+)/.exec(message)?.[1] ?? "arguments";
  const names = Object.keys(flags).map((name) => `--${name}`);
  const given = args.find((arg) => arg === named || arg.startsWith(`${named}=`)) ?? args.join(" ");
  const flag = flags[named.replace(/^--/, "")];
  if (flag === undefined)
    return new KarkhanaError("INVALID_CONFIG", { field: named, problem: `there is no such flag; there are ${names.join(", ")}`, value: given });
  const problem = flag.type === "boolean" ? "takes no value" : `needs a value: ${named} <${flag.value ?? flag.type}>`;
  return new KarkhanaError("INVALID_CONFIG", { field: named, problem, value: given });
}

function integer(name: string, flag: Flag, text: string): number {
  const value = Number(text);
  const [min, max] = [flag.min ?? 0, flag.max ?? Number.MAX_SAFE_INTEGER];
  if (text.trim() === "" || !Number.isInteger(value) || value < min || value > max)
    throw new KarkhanaError("INVALID_CONFIG", { field: `--${name}`, problem: `must be a whole number from ${min} to ${max}`, value: text });
  return value;
}

/** A flag's text. @throws INVALID_CONFIG if it is required and missing */
export function text(values: FlagValues, name: string): string {
  const value = values[name];
  if (typeof value !== "string" || value === "")
    throw new KarkhanaError("INVALID_CONFIG", { field: `--${name}`, problem: "is required", value: value ?? "nothing" });
  return value;
}

export function optionalText(values: FlagValues, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** A whole number. @throws INVALID_CONFIG if it is required and missing */
export function number(values: FlagValues, name: string): number {
  const value = values[name];
  if (typeof value !== "number") throw new KarkhanaError("INVALID_CONFIG", { field: `--${name}`, problem: "is required", value: "nothing" });
  return value;
}

export function isSet(values: FlagValues, name: string): boolean {
  return values[name] === true;
}

export function describeFlags(flags: Flags, width: number): string {
  const rows = Object.entries(flags).map(
    ([name, flag]) =>
      [
        `--${name}${flag.type === "boolean" ? "" : ` <${flag.value ?? flag.type}>`}`,
        `${flag.help}${flag.default === undefined || flag.default === false ? "" : ` (default ${flag.default})`}`,
      ] as const,
  );
  return twoColumns(rows, width);
}
