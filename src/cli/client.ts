import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { optionalText } from "./arguments.ts";
import { clientSource } from "./client/source.ts";
import { projectFlags, type Command } from "./command.ts";
import { chooseProject } from "./project-folder.ts";

/** `karkhana client`: a typed client of the project's models, as one TypeScript file without dependencies. */
export const client: Command = {
  name: "client",
  summary: "Write a typed TypeScript client of the project's models",
  flags: { project: projectFlags["project"]!, out: { type: "string", value: "file", help: "File to write; default: print" } },
  run: async ({ values }) => {
    const { project } = await chooseProject(values);
    const source = clientSource(project.definition);
    const out = optionalText(values, "out");
    if (out === undefined) process.stdout.write(source);
    else {
      mkdirSync(path.dirname(path.resolve(out)), { recursive: true });
      writeFileSync(out, source);
      console.log(`${out} written`);
    }
    return 0;
  },
};
