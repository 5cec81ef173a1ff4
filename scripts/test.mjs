// `npm test`: installs what is missing and runs the suites that need nothing but Node.
import { join } from "node:path";
import { become, install, root } from "./bootstrap.mjs";

install();
process.chdir(root);
become([join(root, "node_modules", "vitest", "vitest.mjs"), "run", "--project", "unit", ...process.argv.slice(2)]);
