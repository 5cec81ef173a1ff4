// Plain JavaScript for Node 20 and newer: it runs before anything is installed.
// Installs what is missing, builds the console when its sources changed, and runs the program on the Node the repository pins.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
const modules = join(root, "node_modules");
const isWindows = process.platform === "win32";

const say = (text) => process.stderr.write(`karkhana: ${text}\n`);

function fail(problem, remedy) {
  say(`${problem}\n          ${remedy}`);
  process.exit(1);
}

function digest(paths) {
  const hash = createHash("sha256");
  for (const path of paths.flatMap(filesUnder).sort()) hash.update(path.slice(root.length)).update("\0").update(readFileSync(path));
  return hash.digest("hex");
}

function filesUnder(path) {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  return readdirSync(path)
    .filter((name) => name !== "node_modules" && name !== "dist")
    .flatMap((name) => filesUnder(join(path, name)));
}

/** Runs `work` unless the stamp file already holds `wanted`; the stamp is written only after the work succeeded. */
function unlessDone(stamp, wanted, work) {
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  work();
  writeFileSync(stamp, wanted);
}

function runOrFail(command, args, problem, remedy) {
  // Standard output belongs to the program (it may be JSON lines): installers and builders talk on standard error.
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], shell: isWindows, env: { ...process.env, NODE_ENV: "" } });
  if (error !== undefined || status !== 0) fail(problem, remedy);
}

export function install() {
  const wanted = digest([join(root, "package.json"), join(root, "package-lock.json"), join(root, "console", "package.json")]);
  unlessDone(join(modules, ".karkhana-installed"), wanted, () => {
    say("installing dependencies (first run, or the lock file changed) …");
    const npm = process.env.npm_execpath;
    const [command, args] = npm?.endsWith(".js") ? [process.execPath, [npm]] : [isWindows ? "npm.cmd" : "npm", []];
    // Not `npm ci`: a registry that mirrors only some platforms' optional packages leaves the others out of the lock file, and `npm ci` then refuses
    // on every platform. `install` keeps to the lock file's versions and hashes all the same; --no-save leaves both files as they are.
    runOrFail(
      command,
      [...args, "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"],
      "npm install failed",
      "Check the network or the npm registry setting, then run the same command again.",
    );
  });
}

/** The Node to run the program with: the pinned one, or the present one when that is new enough. */
export function nodePath() {
  const pinned = join(modules, "node", "bin", isWindows ? "node.exe" : "node");
  if (existsSync(pinned) && spawnSync(pinned, ["--version"]).status === 0) return pinned;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 24 || (major === 24 && minor >= 12)) return process.execPath;
  return fail(
    "the pinned Node in node_modules/node is not there (its install script may have been switched off)",
    "Run `npm rebuild node`, or use Node 24.12 or newer.",
  );
}

export function buildConsole() {
  const output = join(root, "console", "dist");
  const wanted = digest([join(root, "console"), join(root, "src", "server", "api.ts"), join(root, "package-lock.json")]);
  const stamp = join(modules, ".karkhana-console");
  if (!existsSync(join(output, "index.html"))) writeFileSync(stamp, "");
  unlessDone(stamp, wanted, () => {
    say("building the console …");
    runOrFail(
      nodePath(),
      [join(modules, "vite", "bin", "vite.js"), "build", "--logLevel", "warn", join(root, "console")],
      "building the console failed",
      "The lines above say why; `npm run build -w console` repeats it.",
    );
  });
}

/** Runs a script on the pinned Node in place of this process: same streams, same signals, same exit status. */
export function become(args) {
  const child = spawn(nodePath(), args, {
    stdio: "inherit",
    env: { ...process.env, PATH: `${join(modules, ".bin")}${isWindows ? ";" : ":"}${process.env.PATH ?? ""}` },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 128 + (signal === "SIGINT" ? 2 : 15)));
}
