import { describeScenarios } from "./mlflow-scenarios.ts";

// Workspaces as MLflow's stock client knows them, against a running server that asks nobody who they are.

const scenarios = [
  "a workspace is created, listed, described and read",
  "the same names in two workspaces are two experiments, runs and models",
  "a scikit-learn model is logged and loaded back in a workspace",
  "MLFLOW_WORKSPACE is enough for a script that knows nothing of workspaces",
  "a workspace is deleted empty, moved to default, or with all that is in it",
];

describeScenarios("workspaces of MLflow's stock client", "mlflow-workspaces.py", scenarios);
