import { describeScenarios } from "./mlflow-scenarios.ts";

const scenarios = [
  "a scikit-learn model is logged and loads back by every address",
  "a LightGBM model is logged and loads back by every address",
  "an XGBoost model is logged and loads back by every address",
  "an ONNX model is logged and loads back by every address",
  "autolog of scikit-learn keeps params, metrics, the dataset and the model",
  "autolog of LightGBM keeps params, a metric at every step, importances and the model",
  "autolog of XGBoost keeps params, a metric at every step, importances and the model",
  "a logged model is made, measured, tagged, searched, ended and deleted",
  "a model that a run used is named on the run",
  "an experiment kept at a place of its own below the server has its runs' and models' files there",
];

describeScenarios("models through MLflow's stock client", "mlflow-logged-models.py", scenarios);
