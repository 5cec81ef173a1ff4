import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { errorCatalogue } from "./error-catalogue.ts";

const docs = readFileSync(join(import.meta.dirname, "..", "..", "docs", "errors.md"), "utf8");
const documented = [...docs.matchAll(/^\| `([A-Z_]+)` \| (.*?) \| (.*?) \| (yes|no) \|$/gm)];

test("docs/errors.md lists exactly the codes of the catalogue, with their texts and remedies (npm run errors writes it)", () => {
  const expected = Object.entries(errorCatalogue).map(([code, e]) => [code, e.text, e.remedy, e.retryable ? "yes" : "no"]);
  expect(documented.map((m) => m.slice(1))).toEqual(expected);
});

test("every text ends a thought: a remedy says what to do, in a sentence", () => {
  for (const [code, entry] of Object.entries(errorCatalogue)) expect(entry.remedy, code).toMatch(/^[A-Z`].*[.]$/s);
});
