/** Replays the same requests to MLflow's own server and to this one, and writes docs/mlflow-differences.md. Ends with 1 if a difference is not explained. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { mlflowVersion } from "../src/tracking/mlflow/call.ts";
import { replayCases } from "../test/protocol/replay-cases.ts";
import { differencesPage, judge } from "../test/protocol/replay-explanations.ts";
import { replayBoth } from "../test/protocol/replay.ts";

const differences = await replayBoth(replayCases);
const { unexplained, unused } = judge(differences);
for (const { name, field, mlflow, karkhana } of unexplained) console.error(`not explained: ${name}, ${field}: MLflow says ${mlflow}, this program ${karkhana}`);
for (const reason of unused) console.error(`explains nothing: ${reason}`);
writeFileSync(
  path.join(import.meta.dirname, "..", "docs", "mlflow-differences.md"),
  differencesPage(differences, { numCases: replayCases.length, version: mlflowVersion }),
);
process.exitCode = unexplained.length === 0 ? 0 : 1;
