"""Makes models-lightgbm.json.gz and models-xgboost.json.gz: small models of every kind, hard rows, and what the libraries answer.

    python -m pip install numpy scipy pandas lightgbm xgboost-cpu scikit-learn
    python test/reference/models.py [lightgbm] [xgboost]

Only needed to make the files again; the tests read the JSON. Numbers are base64 of little-endian float64, so nothing is rounded.
"""
import base64
import gzip
import json
import pathlib
import platform
import re
import sys
import tempfile
import warnings

import numpy as np

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
NUM_FEATURES = 5


def b64(values):
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode()


def write(name, versions, cases):
    versions = {"python": platform.python_version(), "numpy": np.__version__, **versions}
    content = json.dumps({"versions": versions, "script": "models.py", "cases": cases}, separators=(",", ":"))
    # mtime 0: the same models give the same file.
    (HERE / name).write_bytes(gzip.compress(content.encode(), 9, mtime=0))
    print(name, len(cases), "cases", (HERE / name).stat().st_size, "bytes")


def table(rng, rows=400, missing=True, zeros=True):
    x = rng.normal(size=(rows, NUM_FEATURES))
    x[:, 1] = np.round(x[:, 1] * 2)
    x[:, 2] = np.exp(2 * x[:, 2])
    if zeros:
        x[rng.random(rows) < 0.3, 3] = 0.0
    if missing:
        x[rng.random(rows) < 0.2, 0] = np.nan
        x[rng.random(rows) < 0.1, 3] = np.nan
    score = np.nan_to_num(x[:, 0]) + 0.7 * x[:, 1] * (np.nan_to_num(x[:, 3]) > 0) + np.log(x[:, 2]) * 0.3
    return x, score


HARD = [0.0, -0.0, 1e-35, -1e-35, 1.0000000180025095e-35, -1.0000000180025095e-35, 1.1e-35, -1.1e-35, 1e-36, 5e-324, -5e-324, 1e300, -1e300, 3.4e38, np.nan]


def hard_rows(rng, x, thresholds, count=20, extra=HARD):
    """Rows of the table, then rows of values that sit on thresholds, beside them, and around zero."""
    rows = x[:count].copy()
    values = np.array(thresholds, dtype=float)
    near = np.concatenate([values, np.nextafter(values, np.inf), np.nextafter(values, -np.inf), np.array(extra)])
    hard = rng.choice(near, size=(count, x.shape[1]))
    mixed = x[:count].copy()
    mask = rng.random(mixed.shape) < 0.4
    mixed[mask] = rng.choice(near, size=mask.sum())
    return np.concatenate([rows, hard, mixed])


def lightgbm_cases():
    import lightgbm as lgb

    cases = []

    def add(name, params, rounds=6, data=None, label=None, fobj=None, rows=None, predict=None, save=None, shap=True, **dataset):
        rng = np.random.default_rng(len(cases) + 1)
        x, score = data if data is not None else table(rng)
        y = label(score, rng) if label else score
        params = {"verbose": -1, "num_leaves": 7, "min_data_in_leaf": 5, "learning_rate": 0.3, "num_threads": 1, "deterministic": True, "seed": 3, **params}
        if fobj:
            params["objective"] = fobj
        booster = lgb.train(params, lgb.Dataset(x, y, params=params, **dataset), rounds)
        text = booster.model_to_string(**(save or {}))
        loaded = lgb.Booster(model_str=text)
        thresholds = [float(t) for line in re.findall(r"^threshold=(.+)$", text, re.M) for t in line.split()] or [0.0]
        rows = hard_rows(rng, x, thresholds) if rows is None else rows(rng, x, thresholds)
        kw = {"num_threads": 1, **(predict or {})}
        case = {"name": name, "model": text, "numRows": len(rows), "rows": b64(rows), "raw": b64(loaded.predict(rows, raw_score=True, **kw)), "predict": b64(loaded.predict(rows, **kw))}
        if predict:
            case["range"] = {"begin": predict.get("start_iteration", 0), **({"count": predict["num_iteration"]} if "num_iteration" in predict else {})}
        if shap:
            case["contributions"] = b64(loaded.predict(rows[:8], pred_contrib=True, **kw))
        cases.append(case)

    positive = lambda s, r: np.exp(0.3 * s) + 0.05
    zero_one = lambda s, r: (s + r.normal(size=len(s)) > 0.2).astype(int)
    classes = lambda s, r: np.digitize(s, [-0.8, 0.8])
    share = lambda s, r: 1 / (1 + np.exp(-s))
    for objective in ["regression", "regression_l1", "huber", "fair", "quantile", "mape"]:
        add(objective, {"objective": objective}, label=(lambda s, r: s + 5) if objective == "mape" else None)
    add("regression with reg_sqrt", {"objective": "regression", "reg_sqrt": True})
    for objective in ["poisson", "gamma", "tweedie"]:
        add(objective, {"objective": objective}, label=positive)
    add("binary", {"objective": "binary"}, label=zero_one)
    add("binary with sigmoid 2.5", {"objective": "binary", "sigmoid": 2.5, "scale_pos_weight": 3}, label=zero_one)
    add("binary without boost_from_average", {"objective": "binary", "boost_from_average": False}, label=zero_one)
    add("multiclass", {"objective": "multiclass", "num_class": 3}, rounds=4, label=classes)
    add("multiclassova", {"objective": "multiclassova", "num_class": 3, "sigmoid": 1.7}, rounds=4, label=classes)
    add("cross_entropy", {"objective": "cross_entropy"}, label=share)
    add("cross_entropy_lambda", {"objective": "cross_entropy_lambda"}, label=share)
    for objective in ["lambdarank", "rank_xendcg"]:
        add(objective, {"objective": objective}, label=lambda s, r: np.digitize(s, [-0.5, 0.5, 1.2]), group=[40] * 10)
    add("custom objective", {}, fobj=lambda p, d: (p - d.get_label(), np.ones(len(p))))
    add("missing none: use_missing=false", {"objective": "regression", "use_missing": False})
    add("missing none: no missing value in training", {"objective": "regression"}, data=table(np.random.default_rng(77), missing=False))
    add("zero_as_missing", {"objective": "regression", "zero_as_missing": True}, rounds=10)
    add("zero_as_missing, binary", {"objective": "binary", "zero_as_missing": True}, label=zero_one)
    add("dart", {"objective": "binary", "boosting": "dart", "drop_rate": 0.5}, rounds=10, label=zero_one)
    add("rf", {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}, label=zero_one)
    add("rf, multiclass", {"objective": "multiclass", "num_class": 3, "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}, rounds=3, label=classes)
    add("goss", {"objective": "regression", "data_sample_strategy": "goss"})
    add("extra trees, deep", {"objective": "regression", "extra_trees": True, "num_leaves": 31, "min_data_in_leaf": 1}, rounds=3)
    add("linear_tree", {"objective": "regression", "linear_tree": True, "num_leaves": 4}, shap=False)
    add("linear_tree, no missing value in training", {"objective": "regression", "linear_tree": True, "num_leaves": 4}, data=table(np.random.default_rng(78), missing=False), shap=False)
    add("linear_tree, binary", {"objective": "binary", "linear_tree": True, "num_leaves": 4}, label=zero_one, shap=False)
    add("trees of one leaf", {"objective": "regression", "min_data_in_leaf": 399})
    add("trees of one leaf, multiclass", {"objective": "multiclass", "num_class": 3, "min_data_in_leaf": 399}, rounds=2, label=classes)
    add("some trees of one leaf", {"objective": "binary", "min_gain_to_split": 8}, label=zero_one, rounds=10)
    add("iterations 2 to 4", {"objective": "regression"}, rounds=8, predict={"start_iteration": 2, "num_iteration": 3})
    add("iterations from 5", {"objective": "multiclass", "num_class": 3}, rounds=7, label=classes, predict={"start_iteration": 5})
    add("rf, iterations 1 to 2", {"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}, predict={"start_iteration": 1, "num_iteration": 2})
    add("saved with 3 of 8 iterations", {"objective": "regression"}, rounds=8, save={"num_iteration": 3})

    def with_codes(rng):
        x, score = table(rng)
        x[:, 1] = rng.integers(0, 90, len(x))
        x[:, 4] = rng.choice([0, 1, 2, 3, 31, 32, 33, 64, 1000], len(x))
        x[rng.random(len(x)) < 0.1, 4] = np.nan
        return x, score + np.sin(x[:, 1]) * 2 + np.nan_to_num(x[:, 4] % 3)

    def code_rows(rng, x, thresholds):
        rows = hard_rows(rng, x, thresholds)
        odd = [-1.0, -0.5, -0.0, 0.5, 1.9, 31.0, 31.999, 32.0, 63.0, 64.0, 89.0, 90.0, 95.0, 96.0, 127.0, 128.0, 999.0, 1000.0, 1023.0, 1e9, 2147483647.0, 2147483648.0, 1e18, -1e18, np.nan]
        for column in (1, 4):
            rows[:, column] = np.where(rng.random(len(rows)) < 0.6, rng.choice(odd, len(rows)), rows[:, column])
        return rows

    codes = {"categorical_feature": [1, 4]}
    for name, more in {"categorical": {}, "categorical, sets": {"max_cat_to_onehot": 1, "cat_smooth": 1, "cat_l2": 0, "min_data_per_group": 1}}.items():
        add(name, {"objective": "regression", **more}, data=with_codes(np.random.default_rng(5)), rows=code_rows, **codes)
    add("categorical, zero_as_missing", {"objective": "regression", "zero_as_missing": True, "cat_smooth": 1}, data=with_codes(np.random.default_rng(6)), rows=code_rows, **codes)
    add("categorical, use_missing=false", {"objective": "binary", "use_missing": False, "cat_smooth": 1}, data=with_codes(np.random.default_rng(7)), label=zero_one, rows=code_rows, **codes)
    add("categorical, dart", {"objective": "regression", "boosting": "dart", "cat_smooth": 1, "min_data_per_group": 1}, data=with_codes(np.random.default_rng(8)), rows=code_rows, **codes)
    write("models-lightgbm.json.gz", {"lightgbm": lgb.__version__}, cases)


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["lightgbm", "xgboost"]
    for library in wanted:
        globals()[f"{library}_cases"]()
