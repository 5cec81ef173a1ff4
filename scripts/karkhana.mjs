// `npm run karkhana -- <command>`: the command line from a clone.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { become, buildConsole, install, root } from "./bootstrap.mjs";

install();
if (["up", "run"].includes(process.argv[2])) buildConsole();
// npm runs scripts in the clone's root; paths on the command line are meant from where the person stands.
const standing = process.env.INIT_CWD;
if (standing !== undefined && existsSync(standing)) process.chdir(standing);
become([join(root, "src", "cli", "main.ts"), ...process.argv.slice(2)]);
