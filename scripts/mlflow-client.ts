/**
 * Installs MLflow's stock client into an environment of its own, once a version, and prints that environment's Python:
 *   node scripts/mlflow-client.ts
 * Needs python3 with its venv module. Only the protocol tests use it. The libraries beside it are those whose models the tests log.
 */
import { mlflowVersion } from "../src/tracking/mlflow/call.ts";
import { pythonEnvironment } from "./python-environment.ts";

console.log(
  pythonEnvironment(`mlflow-${mlflowVersion}-models`, [
    `mlflow==${mlflowVersion}`,
    "lightgbm==4.7.0",
    "xgboost-cpu==3.2.0",
    "onnx==1.23.2",
    "onnxruntime==1.31.1",
  ]),
);
