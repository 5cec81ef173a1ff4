import { existsSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findTypes } from "../data/inspect.ts";
import { sourcePath } from "../data/relation.ts";
import type { SourceDefinition } from "../data/source.ts";
import { toErrorRecord } from "../kernel/error.ts";
import { sourcesOf } from "../project/definition.ts";
import { processesIn, readConfiguration, variables } from "../server/configuration.ts";
import { readRunning } from "../server/running.ts";
import { lookAtDataFolder } from "../storage/data-folder.ts";
import { openDuckDb } from "../storage/duckdb/duckdb.ts";
import { openRedis } from "../storage/kv/redis.ts";
import { openPostgres } from "../storage/sql/postgres.ts";
import { number, type FlagValues } from "./arguments.ts";
import { chooseProject, fullVariable } from "./project-folder.ts";

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
  {
    what: "machine",
    run: async () => [
      {
        what: "machine",
        state: totalmem() < 2 * gigabyte ? "note" : "good",
        found: `${availableParallelism()} cores, ${(totalmem() / gigabyte).toFixed(1)} GB memory`,
        ...(totalmem() < 2 * gigabyte ? { remedy: "A default run of examples/flights wants 2 GB." } : {}),
      },
    ],
  },
  { what: "DuckDB", run: duckDb },
  { what: "configuration", run: configuration },
  { what: "project", run: projectAndFolder },
  { what: "console", run: async () => [builtConsole()] },
  { what: "ports", run: ports },
];

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const recent = major > minNode[0] || (major === minNode[0] && minor >= minNode[1]);
  return {
    what: "Node",
    state: recent ? "good" : "wrong",
    found: process.versions.node,
    ...(recent ? {} : { remedy: `Use ${minNode.join(".")} or newer; from a clone, \`npm start\` brings its own.` }),
  };
}

async function duckDb(): Promise<Finding[]> {
  const duck = await openDuckDb();
  try {
    const [row] = await duck.rows("select version() as version");
    return [{ what: "DuckDB", state: "good", found: String(row?.["version"]) }];
  } finally {
    await duck.close();
  }
}

async function configuration(): Promise<Finding[]> {
  const findings: Finding[] = [];
  try {
    const found = readConfiguration(process.env);
    findings.push(
      await reach("metadata", found.databaseUrl, "SQLite in the data folder", async (url) => (await openPostgres(url)).close(), variables.databaseUrl.name),
    );
    findings.push(
      await reach(
        "online features",
        found.redisUrl,
        "LMDB in the data folder",
        async (url) => (await openRedis(url, { prefix: "karkhana:doctor:" })).close(),
        variables.redisUrl.name,
      ),
    );
    findings.push(servingProcesses(processesIn(found.servingProcesses ?? "1") ?? 1));
    findings.push(...unknownVariables());
  } catch (error) {
    const { message, remedy } = toErrorRecord(error);
    findings.push({ what: "configuration", state: "wrong", found: message, remedy });
  }
  return findings;
}

function servingProcesses(number: number): Finding {
  const what = "serving processes";
  const found = `${number} on the serving ports (${variables.servingProcesses.name}${number === 1 ? " is 1 or not set" : ""})`;
  if (number > 1 && process.platform !== "linux")
    return { what, state: "wrong", found, remedy: `Ports are shared on Linux only: unset ${variables.servingProcesses.name}, or run it there.` };
  return number > availableParallelism()
    ? { what, state: "note", found, remedy: `There are ${availableParallelism()} cores: more processes than cores only take each other's time.` }
    : { what, state: "good", found };
}

/** A misspelt variable would be passed over in silence. */
function unknownVariables(): Finding[] {
  const known = new Set([...Object.values(variables).map((variable) => variable.name), fullVariable]);
  return Object.keys(process.env).flatMap((name) =>
    !name.startsWith("KARKHANA_") || known.has(name)
      ? []
      : [
          {
            what: "configuration",
            state: "note" as const,
            found: `${name} is set, but means nothing to Karkhana`,
            remedy: `It reads ${[...known].join(", ")}; leave it if your project file reads it.`,
          },
        ],
  );
}

async function reach(what: string, url: string | undefined, embedded: string, connect: (url: string) => Promise<void>, variable: string): Promise<Finding> {
  if (url === undefined) return { what, state: "good", found: `${embedded} (${variable} is not set)` };
  const where = `${new URL(url).protocol}//${new URL(url).host}`;
  try {
    await connect(url);
    return { what, state: "good", found: `${where} answers` };
  } catch (error) {
    const { message, remedy } = toErrorRecord(error);
    return { what, state: "wrong", found: message.includes(where) ? message : `${where}: ${message}`, remedy: `${remedy} It is named by ${variable}.` };
  }
}

async function projectAndFolder(values: FlagValues): Promise<Finding[]> {
  let choice: Awaited<ReturnType<typeof chooseProject>>;
  try {
    choice = await chooseProject(values);
  } catch (error) {
    const { code, message, remedy } = toErrorRecord(error);
    // Without --project a folder that holds no project is nobody's mistake.
    const isAsked = values["project"] !== ".";
    return [{ what: "project", state: code === "PROJECT_NOT_FOUND" && !isAsked ? "note" : "wrong", found: message, remedy }];
  }
  const { project, dataFolder } = choice;
  const findings: Finding[] = [
    { what: "project", state: "good", found: `${project.definition.name}: ${project.definition.models.map((m) => m.name).join(", ")}` },
  ];
  for (const source of sourcesOf(project.definition)) findings.push(await sourceFile(source, project.folder));
  findings.push(await folder(dataFolder), await disk(dataFolder));
  return findings;
}

/** Reads the file's columns, not its rows. */
async function sourceFile(source: SourceDefinition, projectFolder: string): Promise<Finding> {
  const what = `source ${source.name}`;
  const path = sourcePath(source, projectFolder);
  if (!existsSync(path))
    return {
      what,
      state: "wrong",
      found: `no file at ${path}`,
      remedy: "Correct the source's path in the project file; if it lies in node_modules, `npm start` in the clone installs it.",
    };
  const duck = await openDuckDb();
  try {
    await findTypes(duck, source, projectFolder);
    return { what, state: "good", found: `${source.path}: every declared column is there` };
  } catch (error) {
    const { code, message, remedy } = toErrorRecord(error);
    const isFile = code === "QUERY_FAILED";
    return {
      what,
      state: "wrong",
      found: isFile ? `${path} cannot be read: ${message}` : message,
      remedy: isFile ? "Check that the file is whole and has the declared format." : remedy,
    };
  } finally {
    await duck.close();
  }
}

/** Looks without touching: a doctor that makes or migrates a data folder would be part of the trouble. */
async function folder(dataFolder: string): Promise<Finding> {
  const what = "data folder";
  const running = readRunning(dataFolder);
  if (running !== undefined) {
    const serving = running.servingProcesses ?? 1;
    return { what, state: "good", found: `${dataFolder}, in use by process ${running.pid} with ${serving} serving ${serving === 1 ? "process" : "processes"}` };
  }
  try {
    const format = await lookAtDataFolder(dataFolder);
    return { what, state: "good", found: `${dataFolder}${format === "new" ? " (made at the first start)" : ""}` };
  } catch (error) {
    const { message, remedy } = toErrorRecord(error);
    return { what, state: "wrong", found: message, remedy };
  }
}

async function disk(dataFolder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(nearestFolder(dataFolder));
  const free = (bavail * bsize) / gigabyte;
  return {
    what: "disk",
    state: free < 1 ? "wrong" : "good",
    found: `${free.toFixed(1)} GB free`,
    ...(free < 1 ? { remedy: "Free at least 1 GB, or choose another disk with --data." } : {}),
  };
}

/** The folder itself, or the one that it would be made in. */
function nearestFolder(path: string): string {
  return existsSync(path) && statSync(path).isDirectory() ? path : nearestFolder(dirname(path));
}

function builtConsole(): Finding {
  const index = join(fileURLToPath(new URL("../../console/dist", import.meta.url)), "index.html");
  return existsSync(index)
    ? { what: "console", state: "good", found: "built" }
    : { what: "console", state: "note", found: "not built", remedy: "`npm start` builds it; by hand: npm run build -w console." };
}

async function ports(values: FlagValues): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const flag of ["port", "serving-port"]) {
    const port = number(values, flag);
    const problem = port === 0 ? undefined : await listenProblem(port);
    findings.push(
      problem === undefined
        ? { what: `port ${port}`, state: "good", found: "free" }
        : {
            what: `port ${port}`,
            state: "note",
            found: problem === "EADDRINUSE" ? "in use" : `cannot be opened (${problem})`,
            remedy:
              problem === "EADDRINUSE"
                ? `If it is not Karkhana itself, choose another with --${flag}.`
                : `Choose another with --${flag}; those below 1024 belong to the administrator.`,
          },
    );
  }
  return findings;
}

/** The operating system's code for why a port cannot be listened on. */
function listenProblem(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(undefined)));
  });
}
