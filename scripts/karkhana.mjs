// `npm run karkhana -- <command>`: the command line from a clone.
import { join } from "node:path";
import { become, buildConsole, install, root } from "./bootstrap.mjs";

install();
if (["up", "run"].includes(process.argv[2])) buildConsole();
become([join(root, "src", "cli", "main.ts"), ...process.argv.slice(2)]);
