"""Models logged and registered by the stock client, for `karkhana adopt` to serve without Python.

The features' names come in KARKHANA_SLOTS. Prints one JSON line a model: its registered name, and rows with what the library itself predicts.
"""

import json
import os
import warnings

import lightgbm
import mlflow
import numpy
import onnx
import xgboost
from mlflow import MlflowClient
from onnx import TensorProto, helper

warnings.simplefilter("ignore")
slots = json.loads(os.environ["KARKHANA_SLOTS"])
categories = {"karkhana.categories": {"origin": ["ATL", "BOS", "DEN"]}}
client = MlflowClient()
rng = numpy.random.default_rng(7)
table = rng.normal(size=(400, len(slots)))
table[rng.random(table.shape) < 0.1] = numpy.nan
labels = (numpy.nan_to_num(table[:, 0]) - numpy.nan_to_num(table[:, 2]) > 0).astype(int)
rows = table[:20]


def tell(name, info, predictions):
    version = mlflow.register_model(info.model_uri, name)
    client.set_registered_model_alias(name, "champion", version.version)
    plain = [[None if numpy.isnan(x) else float(x) for x in row] for row in rows]
    print(json.dumps({"name": name, "rows": plain, "predictions": [float(p) for p in numpy.ravel(predictions)]}), flush=True)


def loads_again(name, predictions):
    loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion").predict(rows)
    numpy.testing.assert_allclose(numpy.ravel(loaded), numpy.ravel(predictions), rtol=1e-5)


booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_leaves": 7}, lightgbm.Dataset(table, labels, feature_name=slots), 10)
tell("lightgbm", mlflow.lightgbm.log_model(booster, name="lgb", metadata=categories), booster.predict(rows))
loads_again("lightgbm", booster.predict(rows))

matrix = xgboost.DMatrix(table, labels, feature_names=slots)
for model_format in ("ubj", "json"):
    boosted = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, matrix, 10)
    info = mlflow.xgboost.log_model(boosted, name=f"xgb-{model_format}", model_format=model_format, metadata=categories)
    tell(f"xgboost {model_format}", info, boosted.predict(xgboost.DMatrix(rows, feature_names=slots)))

tree = helper.make_node(
    "TreeEnsembleRegressor",
    ["X"],
    ["Y"],
    domain="ai.onnx.ml",
    n_targets=1,
    nodes_treeids=[0, 0, 0],
    nodes_nodeids=[0, 1, 2],
    nodes_featureids=[2, 0, 0],
    nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
    nodes_values=[0.25, 0.0, 0.0],
    nodes_truenodeids=[1, 0, 0],
    nodes_falsenodeids=[2, 0, 0],
    nodes_hitrates=[1.0, 1.0, 1.0],
    nodes_missing_value_tracks_true=[1, 0, 0],
    target_treeids=[0, 0],
    target_nodeids=[1, 2],
    target_ids=[0, 0],
    target_weights=[0.125, 0.75],
)
graph = helper.make_graph(
    [tree],
    "tree",
    [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, len(slots)])],
    [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 1])],
)
exported = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)], ir_version=9)
onnx.checker.check_model(exported)
expected = numpy.where(numpy.isnan(rows[:, 2]) | (rows[:, 2] <= 0.25), 0.125, 0.75)
tell("onnx", mlflow.onnx.log_model(exported, name="onnx", metadata=categories, save_as_external_data=False), expected)

wrapped = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(table, labels)
tell("lightgbm wrapped", mlflow.lightgbm.log_model(wrapped, name="wrapped"), [])


class Doubles(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input


tell("python function", mlflow.pyfunc.log_model(name="function", python_model=Doubles()), [])
