/** Writes docs/errors.md from the catalogue; a test fails when the two differ. */
import { writeFileSync } from "node:fs";
import { errorCatalogue } from "../src/kernel/error-catalogue.ts";

const rows = Object.entries(errorCatalogue).map(([code, e]) => `| \`${code}\` | ${e.text} | ${e.remedy} | ${e.retryable ? "yes" : "no"} |`);
const text = `# Errors

Every error carries a code, a text, a remedy and whether trying again can help. Match on the code: texts may be reworded, codes never change.
Over HTTP the shape is \`{ "error": { "code", "message", "remedy", "details" } }\`; on the command line the exit status is 1 and \`--json\` prints the same object.
Words in braces are filled in. This page is written from \`src/kernel/error-catalogue.ts\` by \`npm run errors\`.

| code | text | what to do | retry helps |
| --- | --- | --- | --- |
${rows.join("\n")}
`;
writeFileSync(new URL("../docs/errors.md", import.meta.url), text);
