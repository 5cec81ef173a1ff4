// `npm start`: from a fresh clone to the running flights project, in one command.
import { join } from "node:path";
import { become, buildConsole, install, root } from "./bootstrap.mjs";

install();
buildConsole();
become([join(root, "src", "cli", "main.ts"), "run", "--project", join(root, "examples", "flights"), ...process.argv.slice(2)]);
