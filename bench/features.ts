/**
 * Features: lookups, pushes, loading and the point-in-time join beside a stock Feast (its Python feature server over SQLite and over Redis, and its
 * local engines), one after the other on this machine, over the same tables; then our two engines alone.
 *
 *   npm run bench -- features [--small] [--no-feast] [--only lookups,join,flights] [--full] [--out file.json] [--json]
 *
 * Installs Feast from PyPI into an environment of its own the first time; its Redis needs Debian's redis-server. Feast has no windows: lookups read
 * columns as they are, and the join is of latest values; our windows are measured alone.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { pythonEnvironment } from "../scripts/python-environment.ts";
import { machine } from "../src/cli/load/machine.ts";
import { openDuckDb } from "../src/storage/duckdb/duckdb.ts";
import { measureFlights } from "./features-flights.ts";
import { measureJoin, type JoinFigures } from "./features-join.ts";
import { measureLookups, type ServerFigures } from "./features-lookups.ts";
import { joinTable, lookupTable, ratiosOf } from "./features-table.ts";

const feastVersion = "0.67.0";

const sizes = {
  full: {
    lookups: { entities: 10_000, rowsEach: 20, seconds: 12, pushes: 300 },
    join: { events: 3_000_000, spines: [3000, 30_000, 300_000], seconds: 75 },
    days: 21,
    reads: 20_000,
  },
  small: {
    lookups: { entities: 500, rowsEach: 10, seconds: 2, pushes: 20 },
    join: { events: 200_000, spines: [1000, 5000], seconds: 60 },
    days: 2,
    reads: 2000,
  },
} as const;

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      small: { type: "boolean", default: false },
      feast: { type: "boolean", default: true },
      only: { type: "string", default: "lookups,join,flights" },
      full: { type: "boolean", default: false },
      out: { type: "string" },
      json: { type: "boolean", default: false },
    },
    allowNegative: true,
  });
  const size = values.small ? sizes.small : sizes.full;
  const wanted = new Set(values.only.split(","));
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const folder = mkdtempSync(path.join(tmpdir(), "karkhana-bench-"));
  const duck = await openDuckDb({ threads: 2, memoryLimitMb: 2500, tempFolder: path.join(folder, "spill") });
  try {
    const python = values.feast ? pythonEnvironment(`bench-feast-${feastVersion}`, [`feast[redis,duckdb]==${feastVersion}`]) : undefined;
    const servers: ServerFigures[] = wanted.has("lookups") ? await measureLookups(duck, folder, python, size.lookups, say) : [];
    const joins: JoinFigures[] = wanted.has("join") ? await measureJoin(duck, folder, python, size.join, say) : [];
    const flights = wanted.has("flights") ? await measureFlights(duck, { full: values.full, days: size.days, reads: size.reads }) : undefined;
    const versions = python === undefined ? {} : versionsOf(python);
    const report = {
      bench: "features",
      machine: machine(),
      versions,
      size: values.small ? "small" : "full",
      servers,
      joins,
      flights,
      ratios: ratiosOf(servers, joins),
    };
    if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(report, null, 1)}\n`);
    if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else {
      const { cpu, cores, os, node } = report.machine;
      const shown = [
        `${cores} cores ${cpu}, ${os}, Node ${node}; ${JSON.stringify(versions)}; clients on the same machine`,
        lookupTable(servers),
        joinTable(joins),
      ];
      process.stdout.write(`${shown.filter((text) => text !== "").join("\n\n")}\n`);
      if (flights !== undefined) process.stdout.write(`\nour engines on flights\n${JSON.stringify(flights, null, 1)}\n`);
    }
  } finally {
    await duck.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function versionsOf(python: string): Record<string, string> {
  const script =
    "import json, sys\nfrom importlib.metadata import version\nprint(json.dumps({'python': sys.version.split()[0], **{n: version(n) for n in ['feast', 'fastapi', 'uvicorn', 'redis', 'dask', 'duckdb', 'pandas']}}))";
  const found = JSON.parse(execFileSync(python, ["-c", script], { encoding: "utf8" })) as Record<string, string>;
  try {
    return { ...found, "redis-server": /v=(\S+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1] ?? "unknown" };
  } catch {
    return found;
  }
}
