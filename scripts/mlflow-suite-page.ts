import { readFileSync } from "node:fs";
import path from "node:path";
import { mlflowVersion } from "../src/tracking/mlflow/call.ts";

export type SuiteResults = Readonly<Record<string, { readonly outcome: "passed" | "failed" | "skipped" | "expected failure"; readonly reason: string }>>;

const heading = "## `";

/** The page with the sections of the files that ran made anew; the others stay as they were. */
export function suitePage(results: SuiteResults, { checkout, before }: { checkout: string; before: string }): string {
  const kept = new Map(
    before
      .split(new RegExp(`^(?=${heading})`, "m"))
      .filter((part) => part.startsWith(heading))
      .map((part) => [part.slice(heading.length, part.indexOf("`", heading.length)), part.trimEnd()]),
  );
  const byFile = Map.groupBy(Object.entries(results), ([id]) => id.split("::")[0]!);
  for (const [file, tests] of byFile) kept.set(file, section(file, tests, versionOf(checkout)));
  const sections = [...kept.entries()].sort(([a], [b]) => (a < b ? 1 : -1)).map(([, text]) => text);
  return `# MLflow's own tests of its REST API, run against Karkhana

Made by \`node scripts/mlflow-suite.ts <checkout of MLflow>\`: the tests as MLflow's repository has them, the stock client ${mlflowVersion} from PyPI,
and only the fixture that starts a server replaced (\`test/protocol/mlflow_suite_plugin.py\`). The server hands out \`file:\` addresses of its own
artifact folder (\`KARKHANA_ARTIFACT_ACCESS=direct\`), as the replaced fixture's server does. The parameter \`[file]\` is MLflow's retired file
store, which MLflow skips itself.

${sections.join("\n\n")}
`;
}

function section(file: string, tests: readonly [string, SuiteResults[string]][], version: string): string {
  const count = (outcome: string): number => tests.filter(([, result]) => result.outcome === outcome).length;
  const rows = tests.map(([id, { outcome, reason }]) => `| \`${id.slice(id.indexOf("::") + 2)}\` | ${outcome} | ${reason.replaceAll("|", "\\|")} |`);
  return `${heading}${file}\`

MLflow ${version}: ${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped, ${count("expected failure")} expected to fail by MLflow itself.

| test | result | reason |
| --- | --- | --- |
${rows.join("\n")}`;
}

function versionOf(checkout: string): string {
  const text = readFileSync(path.join(checkout, "mlflow", "version.py"), "utf8");
  return /^VERSION = "(.+)"$/m.exec(text)?.[1] ?? "of an unknown version";
}
