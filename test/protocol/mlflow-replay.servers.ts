import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { mlflowVersion } from "../../src/tracking/mlflow/call.ts";
import { replayCases } from "./replay-cases.ts";
import { differencesPage, judge } from "./replay-explanations.ts";
import { replayBoth, type Difference } from "./replay.ts";

let differences: Difference[];
beforeAll(async () => {
  differences = await replayBoth(replayCases);
});

describe("the same requests to MLflow's own server and to this one", () => {
  test("are answered alike but for what is explained, and nothing is explained that is not so", () => {
    expect(judge(differences)).toEqual({ unexplained: [], unused: [] });
  });

  test("and docs/mlflow-differences.md says all of it", () => {
    const page = readFileSync(path.join(import.meta.dirname, "..", "..", "docs", "mlflow-differences.md"), "utf8");
    expect(differencesPage(differences, { numCases: replayCases.length, version: mlflowVersion })).toBe(page);
  });
});
