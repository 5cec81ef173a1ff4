/**
 * Runs MLflow's own tests of its REST API against this program and writes what came of each to docs/mlflow-suite.md:
 *   node scripts/mlflow-suite.ts <checkout of MLflow> [tracking | registry | webhooks] [--stock] [-k <expression>]
 * The checkout is kept outside this repository and only its `tests` folder is read; the client is the stock one from PyPI.
 * --stock leaves MLflow's own server in place: what fails there too says nothing about us. Neither it nor -k writes the page.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { mlflowVersion } from "../src/tracking/mlflow/call.ts";
import { outOfScope } from "./mlflow-suite-scope.ts";
import { suitePage, type SuiteResults } from "./mlflow-suite-page.ts";
import { pythonEnvironment } from "./python-environment.ts";

const files = new Map([
  ["tracking", "tests/tracking/test_rest_tracking.py"],
  ["registry", "tests/tracking/test_model_registry.py"],
  ["webhooks", "tests/tracking/test_client_webhooks.py"],
]);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { stock: { type: "boolean", default: false }, k: { type: "string", short: "k" } },
});
const [checkout, which] = positionals;
const chosen = which === undefined ? [...files.values()] : [files.get(which) ?? ""];
if (checkout === undefined || !chosen.every((file) => file !== "" && existsSync(path.join(checkout, file)))) {
  console.error(`usage: node scripts/mlflow-suite.ts <checkout of MLflow> [${[...files.keys()].join(" | ")}] [--stock] [-k <expression>]`);
  process.exit(2);
}

const here = path.join(import.meta.dirname, "..");
const python = pythonEnvironment(`mlflow-suite-${mlflowVersion}`, [
  `mlflow==${mlflowVersion}`,
  "pytest==9.0.2",
  "pytest-asyncio==1.5.0",
  "pytest-timeout==2.4.0",
]);
// Only the tests are seen from here, so that `import mlflow` finds the installed client and not the checkout's sources.
const folder = mkdtempSync(path.join(tmpdir(), "karkhana-mlflow-suite-"));
try {
  symlinkSync(path.resolve(checkout, "tests"), path.join(folder, "tests"));
  const results = path.join(folder, "results.json");
  const run = spawnSync(
    python,
    [
      "-m",
      "pytest",
      "-p",
      "mlflow_suite_plugin",
      "-p",
      "no:cacheprovider",
      "-q",
      "--timeout=120",
      ...chosen,
      ...(values.k === undefined ? [] : ["-k", values.k]),
    ],
    {
      cwd: folder,
      stdio: "inherit",
      env: {
        ...process.env,
        PYTHONPATH: [folder, path.join(here, "test", "protocol")].join(path.delimiter),
        PYTHONDONTWRITEBYTECODE: "1",
        MLFLOW_DISABLE_TELEMETRY: "true",
        // A server's 503 shall show as a failure, not as minutes of waiting.
        MLFLOW_HTTP_REQUEST_MAX_RETRIES: "1",
        KARKHANA_SUITE_RESULTS: results,
        ...(values.stock
          ? {}
          : {
              KARKHANA_SUITE_NODE: process.execPath,
              KARKHANA_SUITE_SERVER: path.join(here, "test", "protocol", "children", "mlflow-server.ts"),
              KARKHANA_SUITE_OUT_OF_SCOPE: JSON.stringify(outOfScope),
            }),
      },
    },
  );
  if (!existsSync(results)) throw new Error("pytest ended before it ran a test");
  const found = JSON.parse(readFileSync(results, "utf8")) as SuiteResults;
  const page = path.join(here, "docs", "mlflow-suite.md");
  if (!values.stock && values.k === undefined) writeFileSync(page, suitePage(found, { checkout, before: existsSync(page) ? readFileSync(page, "utf8") : "" }));
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
