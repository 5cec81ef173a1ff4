import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { sourcePath } from "../data/relation.ts";
import { toErrorRecord } from "../kernel/error.ts";
import { sourcesOf } from "../project/definition.ts";
import { readConfiguration, variables } from "../server/configuration.ts";
import { readRunning } from "../server/running.ts";
import { openDuckDb } from "../storage/duckdb/duckdb.ts";
import { openRedis } from "../storage/kv/redis.ts";
import { openPostgres } from "../storage/sql/postgres.ts";
import { number, type FlagValues } from "./arguments.ts";
import { chooseProject } from "./project-folder.ts";

export interface Finding {
  readonly what: string;
  readonly state: "good" | "note" | "wrong";
  readonly found: string;
  readonly remedy?: string;
}

interface Check {
  readonly what: string;
  readonly run: (values: FlagValues) => Promise<readonly Finding[]>;
}

const gigabyte = 1024 ** 3;
const minNode = [24, 12] as const;

export const checks: readonly Check[] = [
  { what: "Node", run: async () => [node()] },
  { what: "machine", run: async () => [{ what: "machine", state: totalmem() < 2 * gigabyte ? "note" : "good", found: `${availableParallelism()} cores, ${(totalmem() / gigabyte).toFixed(1)} GB memory`, ...(totalmem() < 2 * gigabyte ? { remedy: "A default run of examples/flights wants 2 GB." } : {}) }] },
  { what: "DuckDB", run: duckDb },
  { what: "configuration", run: configuration },
  { what: "project", run: projectAndFolder },
  { what: "console", run: async () => [builtConsole()] },
  { what: "ports", run: ports },
];

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const recent = major > minNode[0] || (major === minNode[0] && minor >= minNode[1]);
  return { what: "Node", state: recent ? "good" : "wrong", found: process.versions.node, ...(recent ? {} : { remedy: `Use ${minNode.join(".")} or newer; from a clone, \`npm start\` brings its own.` }) };
}

async function duckDb(): Promise<Finding[]> {
  const duck = await openDuckDb();
  const [row] = await duck.rows("select version() as version").finally(() => duck.close());
  return [{ what: "DuckDB", state: "good", found: String(row?.["version"]) }];
}

async function configuration(): Promise<Finding[]> {
  const findings: Finding[] = [];
  try {
    const found = readConfiguration(process.env);
    findings.push(await reach("metadata", found.databaseUrl, "SQLite in the data folder", async (url) => (await openPostgres(url)).close(), variables.databaseUrl.name));
    findings.push(await reach("online features", found.redisUrl, "LMDB in the data folder", async (url) => (await openRedis(url, { prefix: "karkhana:doctor:" })).close(), variables.redisUrl.name));
  } catch (error) {
    const { message, remedy } = toErrorRecord(error);
    findings.push({ what: "configuration", state: "wrong", found: message, remedy });
  }
  return findings;
}

async function reach(what: string, url: string | undefined, embedded: string, connect: (url: string) => Promise<void>, variable: string): Promise<Finding> {
  if (url === undefined) return { what, state: "good", found: `${embedded} (${variable} is not set)` };
  const where = `${new URL(url).protocol}//${new URL(url).host}`;
  try {
    await connect(url);
    return { what, state: "good", found: `${where} answers` };
  } catch (error) {
    return { what, state: "wrong", found: `${where}: ${error instanceof Error ? error.message : String(error)}`, remedy: `Start that server, or correct ${variable}.` };
  }
}

async function projectAndFolder(values: FlagValues): Promise<Finding[]> {
  let choice: Awaited<ReturnType<typeof chooseProject>>;
  try {
    choice = await chooseProject(values);
  } catch (error) {
    const { code, message, remedy } = toErrorRecord(error);
    return [{ what: "project", state: code === "PROJECT_NOT_FOUND" ? "note" : "wrong", found: message, remedy }];
  }
  const { project, dataFolder } = choice;
  const findings: Finding[] = [{ what: "project", state: "good", found: `${project.definition.name}: ${project.definition.models.map((m) => m.name).join(", ")}` }];
  for (const source of sourcesOf(project.definition)) {
    const path = sourcePath(source, project.folder);
    findings.push(existsSync(path) ? { what: `source ${source.name}`, state: "good", found: source.path } : { what: `source ${source.name}`, state: "wrong", found: `no file at ${path}`, remedy: "Correct the source's path in the project file, or run `npm ci` if it lies in node_modules." });
  }
  const running = readRunning(dataFolder);
  findings.push({ what: "data folder", state: "good", found: `${dataFolder}${existsSync(dataFolder) ? "" : " (made at the first start)"}${running === undefined ? "" : `, in use by process ${running.pid}`}` });
  const { bavail, bsize } = await statfs(existsSync(dataFolder) ? dataFolder : dirname(dataFolder));
  const free = (bavail * bsize) / gigabyte;
  findings.push({ what: "disk", state: free < 1 ? "wrong" : "good", found: `${free.toFixed(1)} GB free`, ...(free < 1 ? { remedy: "Free at least 1 GB, or choose another disk with --data." } : {}) });
  return findings;
}

function builtConsole(): Finding {
  const index = join(fileURLToPath(new URL("../../console/dist", import.meta.url)), "index.html");
  return existsSync(index) ? { what: "console", state: "good", found: "built" } : { what: "console", state: "note", found: "not built", remedy: "`npm start` builds it; by hand: npm run build -w console." };
}

async function ports(values: FlagValues): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const flag of ["port", "serving-port"]) {
    const port = number(values, flag);
    const free = port === 0 || (await canListen(port));
    findings.push({ what: `port ${port}`, state: free ? "good" : "note", found: free ? "free" : "in use", ...(free ? {} : { remedy: `If it is not Karkhana itself, choose another with --${flag}.` }) });
  }
  return findings;
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
