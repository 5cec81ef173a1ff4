"""Models of the libraries people use, logged, found and loaded back with MLflow's stock client, against the server in MLFLOW_TRACKING_URI.

Prints one JSON line a scenario, as mlflow-scenarios.py does.
"""

import json
import warnings

import lightgbm
import mlflow
import numpy
import onnx
import pandas
import xgboost
from mlflow import MlflowClient
from mlflow.entities import Metric
from onnx import TensorProto, helper
from sklearn.linear_model import LogisticRegression
from scenario import refused, run_all, scenario

warnings.simplefilter("ignore")
client = MlflowClient()
rng = numpy.random.default_rng(7)
X = pandas.DataFrame(rng.normal(size=(120, 4)), columns=["a", "b", "c", "d"])
y = (X["a"] + X["b"] > 0).astype(int)


def same_by_every_address(info, run_id, expected):
    """By its own id, by the run that made it, and as the file names it."""
    for uri in (f"models:/{info.model_id}", info.model_uri, f"runs:/{run_id}/{info.name}"):
        found = numpy.asarray(mlflow.pyfunc.load_model(uri).predict(X)).ravel()
        assert numpy.allclose(found, numpy.asarray(expected).ravel()), uri


def logged(flavor, model, **options):
    with mlflow.start_run() as run:
        mlflow.log_metric("auc", 0.75)
        info = getattr(mlflow, flavor).log_model(model, name="model", **options)
    model = client.get_logged_model(info.model_id)
    assert model.status == "READY" and model.name == "model" and model.source_run_id == run.info.run_id
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    assert [o.model_id for o in outputs] == [info.model_id]
    return run.info.run_id, info


@scenario("a scikit-learn model is logged and loads back by every address")
def _sklearn():
    mlflow.set_experiment("models")
    model = LogisticRegression().fit(X, y)
    run_id, info = logged("sklearn", model, input_example=X.head(2))
    same_by_every_address(info, run_id, model.predict(X))
    assert "MLmodel" in {f.path.split("/")[-1] for f in client.list_artifacts(run_id, "model")}


@scenario("a LightGBM model is logged and loads back by every address")
def _lightgbm():
    mlflow.set_experiment("models")
    model = lightgbm.train({"objective": "binary", "verbosity": -1}, lightgbm.Dataset(X, y), num_boost_round=5)
    run_id, info = logged("lightgbm", model)
    same_by_every_address(info, run_id, model.predict(X))


@scenario("an XGBoost model is logged and loads back by every address")
def _xgboost():
    mlflow.set_experiment("models")
    model = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(X, label=y), num_boost_round=5)
    run_id, info = logged("xgboost", model)
    same_by_every_address(info, run_id, model.predict(xgboost.DMatrix(X)))


@scenario("an ONNX model is logged and loads back by every address")
def _onnx():
    mlflow.set_experiment("models")
    weights = helper.make_tensor("w", TensorProto.FLOAT, [4, 1], [1.0, 2.0, 3.0, 4.0])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    run_id, info = logged("onnx", model)
    floats = X.to_numpy(dtype=numpy.float32)
    found = mlflow.pyfunc.load_model(f"models:/{info.model_id}").predict(floats)
    assert numpy.allclose(list(found.values())[0] if isinstance(found, dict) else found, floats @ numpy.array([[1], [2], [3], [4]], dtype=numpy.float32))


@scenario("autolog of scikit-learn keeps params, metrics, the dataset and the model")
def _autolog_sklearn():
    mlflow.set_experiment("autolog")
    mlflow.sklearn.autolog(silent=True)
    try:
        with mlflow.start_run() as run:
            LogisticRegression(C=0.5).fit(X, y)
    finally:
        mlflow.sklearn.autolog(disable=True)
    kept = client.get_run(run.info.run_id)
    assert kept.data.params["C"] == "0.5" and kept.data.metrics["training_accuracy_score"] > 0.5
    assert len(kept.inputs.dataset_inputs) == 1 and len(kept.outputs.model_outputs) == 1
    model = client.get_logged_model(kept.outputs.model_outputs[0].model_id)
    measured = {m.key: m for m in model.metrics}
    assert measured["training_accuracy_score"].run_id == run.info.run_id
    assert {f.path for f in client.list_artifacts(run.info.run_id)} >= {"estimator.html", "training_confusion_matrix.png"}


@scenario("autolog of LightGBM keeps params, a metric at every step, importances and the model")
def _autolog_lightgbm():
    mlflow.set_experiment("autolog")
    mlflow.lightgbm.autolog(silent=True)
    try:
        with mlflow.start_run() as run:
            data = lightgbm.Dataset(X, y)
            lightgbm.train({"objective": "binary", "metric": "auc", "verbosity": -1}, data, num_boost_round=6, valid_sets=[data], valid_names=["train"])
    finally:
        mlflow.lightgbm.autolog(disable=True)
    kept = client.get_run(run.info.run_id)
    assert kept.data.params["objective"] == "binary" and len(kept.outputs.model_outputs) == 1
    assert [m.step for m in client.get_metric_history(run.info.run_id, "train-auc")] == list(range(6))
    assert "feature_importance_split.json" in {f.path for f in client.list_artifacts(run.info.run_id)}


@scenario("autolog of XGBoost keeps params, a metric at every step, importances and the model")
def _autolog_xgboost():
    mlflow.set_experiment("autolog")
    mlflow.xgboost.autolog(silent=True)
    try:
        with mlflow.start_run() as run:
            data = xgboost.DMatrix(X, label=y)
            xgboost.train({"objective": "binary:logistic", "eval_metric": "auc"}, data, num_boost_round=6, evals=[(data, "train")], verbose_eval=False)
    finally:
        mlflow.xgboost.autolog(disable=True)
    kept = client.get_run(run.info.run_id)
    assert kept.data.params["objective"] == "binary:logistic" and len(kept.outputs.model_outputs) == 1
    assert [m.step for m in client.get_metric_history(run.info.run_id, "train-auc")] == list(range(6))
    assert "feature_importance_weight.json" in {f.path for f in client.list_artifacts(run.info.run_id)}


@scenario("a logged model is made, measured, tagged, searched, ended and deleted")
def _logged_models():
    experiment = client.create_experiment("logged models")
    run = client.create_run(experiment)
    models = [client.create_logged_model(experiment, name=f"m{i}", params={"depth": str(i)}, tags={"odd": str(i % 2)}, model_type="tree") for i in range(4)]
    for i, model in enumerate(models):
        assert model.model_id.startswith("m-") and model.status == "PENDING"
        assert model.artifact_location == f"mlflow-artifacts:/{experiment}/models/{model.model_id}/artifacts"
        client.log_metric(run.info.run_id, "auc", i / 10, model_id=model.model_id, dataset_name="holdout", dataset_digest="d1")
        client.log_metric(run.info.run_id, "auc", 1 - i / 10, model_id=model.model_id, dataset_name="live", dataset_digest="d2", step=1)
    client.log_batch(run.info.run_id, metrics=[Metric("f1", 0.5, 1, 0, model_id=models[1].model_id)] * 2)
    read = client.get_logged_model(models[1].model_id)
    assert sorted((m.key, m.value, m.dataset_name, m.dataset_digest, m.run_id) for m in read.metrics) == [
        ("auc", 0.1, "holdout", "d1", run.info.run_id),
        ("auc", 0.9, "live", "d2", run.info.run_id),
        ("f1", 0.5, None, None, run.info.run_id),
    ]

    def names(filter_string=None, **more):
        more.setdefault("order_by", [{"field_name": "name", "ascending": False}])
        return [m.name for m in client.search_logged_models([experiment], filter_string, **more)]

    assert names() == ["m3", "m2", "m1", "m0"]
    assert names("params.depth = '2'") == ["m2"] and names("tags.odd = '1' AND name != 'm3'") == ["m1"]
    assert names("name IN ('m0', 'm3')") == ["m3", "m0"] and names("name LIKE 'm%' OR name = 'x'") == ["m3", "m2", "m1", "m0"]
    assert names("metrics.auc > 0.85") == ["m1", "m0"]
    assert names("metrics.auc > 0.15", datasets=[{"dataset_name": "holdout"}]) == ["m3", "m2"]
    assert names(datasets=[{"dataset_name": "holdout", "dataset_digest": "other"}]) == []
    by = lambda dataset, ascending: [{"field_name": "metrics.auc", "ascending": ascending, "dataset_name": dataset}]
    assert names(order_by=by("holdout", True)) == ["m0", "m1", "m2", "m3"] and names(order_by=by("live", True)) == ["m3", "m2", "m1", "m0"]
    page = client.search_logged_models([experiment], max_results=3, order_by=[{"field_name": "name", "ascending": True}])
    rest = client.search_logged_models([experiment], max_results=3, order_by=[{"field_name": "name", "ascending": True}], page_token=page.token)
    assert [m.name for m in [*page, *rest]] == ["m0", "m1", "m2", "m3"] and rest.token is None
    assert names("creation_timestamp > 1") == names() and names("status = 'PENDING'") == names()

    client.log_model_params(models[0].model_id, {f"p{i}": str(i) for i in range(150)})
    client.set_logged_model_tags(models[0].model_id, {"odd": "no", "more": "1"})
    client.delete_logged_model_tag(models[0].model_id, "more")
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.delete_logged_model_tag(models[0].model_id, "more"))
    read = client.finalize_logged_model(models[0].model_id, "READY")
    assert read.status == "READY" and read.tags == {"odd": "no"} and len(read.params) == 151
    client.delete_logged_model(models[0].model_id)
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_logged_model(models[0].model_id))
    assert names() == ["m3", "m2", "m1"]
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.log_metric(run.info.run_id, "x", 1, model_id="m-" + "0" * 32))
    assert "x" not in client.get_run(run.info.run_id).data.metrics
    for bad in ("name = 5", "nothing.x = 1", "metrics.auc = 'x'"):
        refused("INVALID_PARAMETER_VALUE", lambda: names(bad))


@scenario("a model that a run used is named on the run")
def _inputs():
    experiment = client.create_experiment("model inputs")
    model = client.create_logged_model(experiment)
    run = client.create_run(experiment)
    from mlflow.entities import LoggedModelInput

    for _ in range(2):
        client.log_inputs(run.info.run_id, models=[LoggedModelInput(model.model_id)])
    assert [m.model_id for m in client.get_run(run.info.run_id).inputs.model_inputs] == [model.model_id]


@scenario("an experiment kept at a place of its own below the server has its runs' and models' files there")
def _custom_location():
    experiment = client.create_experiment("kept elsewhere", artifact_location="mlflow-artifacts:/team/a b")
    mlflow.set_experiment("kept elsewhere")
    with mlflow.start_run() as run:
        assert run.info.artifact_uri == f"mlflow-artifacts:/team/a b/{run.info.run_id}/artifacts"
        mlflow.log_text("here", "note.txt")
        info = mlflow.sklearn.log_model(LogisticRegression().fit(X, y), name="model")
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/note.txt") == "here"
    assert {f.path for f in client.list_artifacts(run.info.run_id)} >= {"note.txt"}
    same_by_every_address(info, run.info.run_id, LogisticRegression().fit(X, y).predict(X))
    assert client.get_experiment(experiment).artifact_location == "mlflow-artifacts:/team/a b"


run_all()
