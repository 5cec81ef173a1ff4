import { expect, test } from "vitest";
import { describeScenarios } from "./mlflow-scenarios.ts";

// The stock client of a current MLflow against a running server: nothing of ours on its side but the address.

const scenarios = [
  "an experiment is made by name, found, renamed, tagged, deleted and restored",
  "experiments are searched by name, tag and order, page by page",
  "a run logged with the fluent API reads back as it was logged",
  "a run that fails says so, and one without a name gets one",
  "a param keeps its first value, and the refusal says which",
  "a batch of a thousand is stored whole, and sent twice is stored once",
  "a history of many pages comes whole and in order",
  "runs are searched to pandas with filters on metrics, params, tags and attributes, and ordered",
  "a deleted run leaves the searches, refuses writes and comes back",
  "nested runs name their parent and are found by it",
  "a run is resumed, renamed and ended again",
  "files, folders, texts and dicts go up, are listed and come down as they were",
  "a dataset a run read is named on it, once however often it is logged",
  "status codes and times given by the client are kept",
];

describeScenarios("MLflow's stock client", "mlflow-scenarios.py", scenarios, (served) => {
  test("what it logged is in the console's own pages", async () => {
    const experiments = (await (await fetch(`${served().control.url}/api/v1/experiments`)).json()) as { experimentId: string; name: string }[];
    const fluent = experiments.find((e) => e.name === "fluent");
    const { runs } = (await (await fetch(`${served().control.url}/api/v1/runs?experimentId=${fluent?.experimentId}`)).json()) as {
      runs: { name: string; params: Record<string, string> }[];
    };
    expect(runs.find((r) => r.name === "first")?.params["depth"]).toBe("3");
  });
});
