import { expect, test } from "vitest";
import { fromMlflowAddress } from "./mlflow-address.ts";

test.each([
  ["#/experiments/1/runs/9f0c", "/runs/9f0c"],
  ["#/experiments/1/runs/9f0c?workspace=team-a", "/runs/9f0c?workspace=team-a"],
  ["#/experiments/12", "/runs?e=12"],
  ["#/experiments/12?workspace=team-a", "/runs?e=12&workspace=team-a"],
  ["#/experiments", "/experiments"],
  ["#/models", "/models"],
  ["#/models/a%20b", "/models/a%20b"],
  ["#/models/churn/versions/3", "/models/churn/versions/3"],
  ["#/models/%E0%A4%A", "/models/%25E0%25A4%25A"],
])("%s of MLflow's is %s here", (hash, address) => {
  expect(fromMlflowAddress(hash)).toBe(address);
});

test("what is no address of MLflow's stays", () => {
  for (const hash of ["", "#page", "#/traces", "#//evil.example"]) expect(fromMlflowAddress(hash)).toBeUndefined();
});
