"""Makes an MLflow with something of everything, and tells how two of them differ. Run by import-mlflow.servers.ts with the stock client.

  mlflow-import.py make <tracking uri>
  mlflow-import.py compare <tracking uri> <tracking uri>
"""

import hashlib
import json
import os
import sys
import tempfile

import mlflow
import numpy
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType


class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: list[str]):
        return model_input


def make(uri):
    mlflow.set_tracking_uri(uri)
    client = MlflowClient()
    mlflow.set_experiment("alpha / ü")
    client.set_experiment_tag(client.get_experiment_by_name("alpha / ü").experiment_id, "owner", "team red")
    with mlflow.start_run(run_name="one") as run:
        mlflow.log_params({"lr": "0.1", "a/b": "x y", "long": "p" * 500})
        many = [Metric("loss", 1.0 / (step + 1), 1_700_000_000_000 + step, step) for step in range(3000)]
        for start in range(0, 3000, 1000):
            client.log_batch(run.info.run_id, metrics=many[start : start + 1000])
        client.log_batch(
            run.info.run_id,
            metrics=[Metric("deep/er key", -1.5, 5, -3), Metric("odd", float("nan"), 7, 0), Metric("big", float("inf"), 7, 0), Metric("same", 1, 9, 1)],
            params=[Param("seed", "7")],
            tags=[RunTag("team", "red"), RunTag("mlflow.note.content", "line one\nline two")],
        )
        mlflow.log_text("hello", "notes/a.txt")
        mlflow.log_dict({"k": [1, 2]}, "notes/deep/b.json")
        mlflow.log_input(mlflow.data.from_numpy(numpy.arange(6).reshape(3, 2), name="arr"), context="training")
        with mlflow.start_run(run_name="child", nested=True):
            mlflow.log_metric("auc", 0.75)
    with mlflow.start_run(run_name="gone") as gone:
        mlflow.log_param("x", "1")
    client.delete_run(gone.info.run_id)
    try:
        with mlflow.start_run(run_name="fails"):
            raise ValueError("on purpose")
    except ValueError:
        pass
    with mlflow.start_run(run_name="model"):
        for _ in range(3):
            mlflow.pyfunc.log_model(name="m", python_model=Echo(), registered_model_name="reg", pip_requirements=[])
    client.delete_model_version("reg", "2")
    client.set_registered_model_alias("reg", "prod", "1")
    client.set_registered_model_tag("reg", "k", "v")
    client.set_model_version_tag("reg", "3", "q", "w")
    client.update_registered_model("reg", description="a model")
    client.update_model_version("reg", "3", description="the third")
    client.transition_model_version_stage("reg", "3", "Staging")
    client.create_registered_model("empty")
    client.delete_experiment(client.create_experiment("deleted one"))


def described(uri):
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = MlflowClient(uri, uri)
    found = {}
    for experiment in client.search_experiments(view_type=ViewType.ALL):
        name = experiment.name
        found[f"experiment {name}"] = [experiment.lifecycle_stage, experiment.tags, experiment.creation_time if name != "Default" else 0]
        for run in client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL):
            info, run_id = run.info, run.info.run_id
            key = f"run {run_id}"
            found[key] = [name, info.run_name, info.status, info.lifecycle_stage, info.user_id, info.start_time, info.end_time]
            found[f"{key} params"] = run.data.params
            found[f"{key} tags"] = run.data.tags
            found[f"{key} datasets"] = sorted(
                [d.dataset.name, d.dataset.digest, d.dataset.source_type, d.dataset.source, d.dataset.schema, d.dataset.profile, sorted([t.key, t.value] for t in d.tags)]
                for d in (run.inputs.dataset_inputs if run.inputs else [])
            )
            found[f"{key} outputs"] = sorted([m.model_id, m.step] for m in (run.outputs.model_outputs if run.outputs else []))
            for metric in run.data.metrics:
                history = client.get_metric_history(run_id, metric)
                found[f"{key} metric {metric}"] = sorted([m.timestamp, m.step, shown(m.value)] for m in history)
            found[f"{key} files"] = hashed(lambda to: client.download_artifacts(run_id, "", to)) if info.lifecycle_stage == "active" and client.list_artifacts(run_id) else {}
        if experiment.lifecycle_stage == "active":
            for model in client.search_logged_models([experiment.experiment_id]):
                found[f"model {model.model_id}"] = [name, model.name, model.status.value, model.source_run_id, model.params, model.tags, model.creation_timestamp]
                found[f"model {model.model_id} files"] = hashed(lambda to: mlflow.artifacts.download_artifacts(f"models:/{model.model_id}", dst_path=to))
    for model in client.search_registered_models():
        found[f"registered {model.name}"] = [model.description or "", model.tags, {a: int(v) for a, v in client.get_registered_model(model.name).aliases.items()}, model.creation_timestamp]
        for version in client.search_model_versions(f"name = '{model.name}'"):
            key = f"version {model.name} {version.version}"
            found[key] = [version.current_stage, version.description or "", version.tags, version.run_id, version.creation_timestamp]
            found[f"{key} files"] = hashed(lambda to: mlflow.artifacts.download_artifacts(f"models:/{model.name}/{version.version}", dst_path=to))
    return found


def shown(value):
    # MLflow's SQL store keeps infinities as the largest number.
    return "nan" if value != value else str(max(-sys.float_info.max, min(sys.float_info.max, value)))


def hashed(download):
    with tempfile.TemporaryDirectory() as folder:
        download(folder)
        files = {}
        for at, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(at, name)
                # Written by the client when it downloads a registered version.
                if name != "registered_model_meta":
                    files[os.path.relpath(path, folder)] = hashlib.sha256(open(path, "rb").read()).hexdigest()
        return files


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    there, here = described(sys.argv[2]), described(sys.argv[3])
    differences = {key: [there.get(key), here.get(key)] for key in sorted(there.keys() | here.keys()) if json.dumps(there.get(key), sort_keys=True) != json.dumps(here.get(key), sort_keys=True)}
    print("RESULT " + json.dumps({"compared": len(there), "differences": differences}))
