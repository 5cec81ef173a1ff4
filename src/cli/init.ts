import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { KarkhanaError } from "../kernel/error.ts";
import { isSet, optionalText } from "./arguments.ts";
import type { Command } from "./command.ts";
import { inspectFile } from "./inspect-file.ts";
import { ownCommand } from "./own-command.ts";
import { projectText } from "./project-text.ts";

/** `karkhana init <folder> --file trips.csv`: a project file made from one's own file, ready to run. */
export const init: Command = {
  name: "init",
  summary: "Start a new project for your own file",
  positionals: ["folder"],
  flags: {
    file: { type: "string", value: "path", help: "Your Parquet, CSV or JSON lines file; its columns become the schema" },
    time: { type: "string", value: "column", help: "Column that says when a row happened; default: the first timestamp" },
    label: { type: "string", value: "condition", help: 'What to predict, such as "amount > 100"; default: the first true/false or 0/1 column' },
    known: { type: "string", value: "time", help: 'When the outcome is known, such as "closed_at" or "day + days(30)"; default: an hour after the row' },
    key: {
      type: "string",
      value: "column",
      help: "Column whose past predicts its future, such as customer; default: the one with most values that come again",
    },
    json: { type: "boolean", help: "Print as JSON" },
  },
  run: async ({ values, positionals }) => {
    const folder = resolve(positionals[0] ?? ".");
    const file = optionalText(values, "file");
    if (file === undefined)
      throw new KarkhanaError("INVALID_CONFIG", { field: "--file", problem: "is required: the file to build the project on", value: "nothing" });
    refuseTaken(folder);
    const path = resolve(file);
    // Nothing is written before the file has shown that it can carry a project.
    const shape = await inspectFile(path, {
      time: optionalText(values, "time"),
      label: optionalText(values, "label"),
      known: optionalText(values, "known"),
      key: optionalText(values, "key"),
    });
    const projectFile = join(folder, "karkhana.project.ts");
    mkdirSync(folder, { recursive: true });
    writeFileSync(projectFile, projectText(basename(folder) || "project", relative(folder, path), shape), { flag: "wx" });
    writeIfAbsent(join(folder, ".gitignore"), ".karkhana*/\n");
    const settings = editorSettings(folder);
    if (settings !== undefined) writeIfAbsent(join(folder, "tsconfig.json"), settings);
    if (isSet(values, "json")) {
      const { rows, columns, label, key, time, remarks } = shape;
      console.log(
        JSON.stringify({ event: "project", projectFile, rows, columns: columns.map(({ name, type }) => ({ name, type })), label, key, time, remarks }),
      );
      return 0;
    }
    console.log(
      [
        `${projectFile} written: ${shape.rows.toLocaleString("en")} rows, ${shape.columns.length} columns.`,
        `It asks: ${shape.label}, for each ${shape.key}, at ${shape.time}.`,
        ...shape.remarks.map((remark) => `Note: ${remark}`),
        "Read it, correct what only you can know (above all when the outcome becomes known), then:",
        `  ${ownCommand("run", "--project", folder)}`,
      ].join("\n"),
    );
    return 0;
  },
};

function refuseTaken(folder: string): void {
  if (!existsSync(folder)) return;
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw new KarkhanaError("INVALID_CONFIG", { field: "folder", problem: "is not a folder that can be read", value: folder }, { cause: error });
  }
  if (names.some((name) => name.startsWith("karkhana.project.")))
    throw new KarkhanaError("INVALID_CONFIG", { field: "folder", problem: "already holds a project; choose another, or edit that one", value: folder });
}

function writeIfAbsent(path: string, text: string): void {
  if (!existsSync(path)) writeFileSync(path, text);
}

/** From a clone, an editor is told where "karkhana" and its types lie; an installed package needs no telling. */
function editorSettings(folder: string): string | undefined {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  if (!import.meta.url.endsWith(".ts")) return undefined;
  const to = (path: string): string => relative(folder, join(root, path));
  return `${JSON.stringify(
    {
      extends: to("tsconfig.json"),
      // A lone folder has no package.json that would call its files modules.
      compilerOptions: {
        isolatedDeclarations: false,
        declaration: false,
        verbatimModuleSyntax: false,
        typeRoots: [to("node_modules/@types")],
        paths: { karkhana: [to("src/index.ts")] },
      },
      include: ["*.ts"],
      exclude: [],
    },
    null,
    2,
  )}\n`;
}
