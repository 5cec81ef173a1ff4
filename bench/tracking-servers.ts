/** Both servers as a person would start them, on a database each, and what memory their processes take together. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { pythonEnvironment } from "../scripts/python-environment.ts";
import { mlflowVersion } from "../src/tracking/mlflow/call.ts";
import { startStockMlflow } from "../test/protocol/stock-mlflow.ts";
import { seed, type SeedSize } from "./tracking-seed.ts";

export type Database = "sqlite" | "postgres";

export interface TrackingServer {
  readonly name: "karkhana" | "mlflow";
  readonly url: string;
  /** Of all its processes together: shared pages are counted once. */
  memoryMb(): number;
  /** Seconds all its processes have computed; of PostgreSQL, which both share, nothing. */
  cpuSeconds(): number;
  end(): Promise<void>;
}

/** @param folder for its data; a PostgreSQL server gets a database of its own in the server at `postgresUrl` */
export async function startServer(
  name: TrackingServer["name"],
  { folder, database, size, postgresUrl }: { folder: string; database: Database; size: SeedSize; postgresUrl: string | undefined },
): Promise<TrackingServer> {
  mkdirSync(folder, { recursive: true });
  const address =
    database === "postgres" ? await makeDatabase(postgresUrl ?? "", name) : path.join(folder, name === "karkhana" ? path.join("data", "meta.db") : "mlflow.db");
  // Once to make the schema, once more after the rows are in: so neither server remembers anything of the seeding.
  const first = await start(name, folder, address);
  await first.end();
  await seed(address, name, size);
  return start(name, folder, address);
}

async function start(name: TrackingServer["name"], folder: string, address: string): Promise<TrackingServer> {
  if (name === "mlflow") {
    const python = pythonEnvironment(`mlflow-${mlflowVersion}-bench`, [`mlflow==${mlflowVersion}`, "psycopg2-binary==2.9.11"]);
    const store = address.startsWith("postgres") ? address.replace(/^postgres:/, "postgresql+psycopg2:") : `sqlite:///${address}`;
    // Its defaults: four workers.
    const stock = await startStockMlflow(python, folder, store);
    return { name, url: stock.url, memoryMb: () => memoryMb(stock.pid), cpuSeconds: () => cpuSeconds(stock.pid), end: () => stock.end() };
  }
  const program = path.join(import.meta.dirname, "..", "test", "protocol", "children", "mlflow-server.ts");
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.write(`open ${path.join(folder, "data")}${address.startsWith("postgres") ? ` ${address}` : ""}\n`);
  return {
    name,
    url: await firstLine(child),
    memoryMb: () => memoryMb(child.pid!),
    cpuSeconds: () => cpuSeconds(child.pid!),
    end: async () => {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.stdin.end();
      await ended;
    },
  };
}

function memoryMb(root: number): number {
  return treeOf(root).reduce((sum, pid) => sum + proportionalKb(pid), 0) / 1024;
}

/** The clock of /proc counts in hundredths on every Linux there is. */
function cpuSeconds(root: number): number {
  return treeOf(root).reduce((sum, pid) => sum + ticks(pid), 0) / 100;
}

function ticks(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
    // User and system time, and those of children that have ended. @see proc_pid_stat(5)
    return [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0);
  } catch {
    return 0;
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout!.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes("\n")) resolve(text.split("\n")[0]!);
    });
    child.once("exit", () => reject(new Error("the server ended before it said where it is")));
  });
}

async function makeDatabase(server: string, name: string): Promise<string> {
  const database = `bench_${name}_${process.pid}`;
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(`drop database if exists ${database}`);
    await client.query(`create database ${database}`);
  } finally {
    await client.end();
  }
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

function treeOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || !existsSync(`/proc/${name}/stat`)) continue;
    try {
      parents.set(Number(name), Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "utf8"))?.[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

function proportionalKb(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
