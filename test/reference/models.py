"""Makes models-lightgbm.json.gz, models-xgboost.json.gz and models-onnx.json.gz: small models of every kind, hard rows, and what the libraries answer.

    python -m pip install numpy scipy pandas lightgbm xgboost-cpu scikit-learn skl2onnx onnxmltools onnx onnxruntime
    python test/reference/models.py [lightgbm] [xgboost] [onnx]

With xgboost-cpu 2 in place of 3 it makes models-xgboost-2.json.gz.
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


def xgboost_cases():
    import xgboost as xgb

    cases = []

    def add(name, params, rounds=6, data=None, label=None, rows=None, ubj=False, missing=np.nan, types=None, iterations=None, shap=True, frame=None, **dmatrix):
        rng = np.random.default_rng(len(cases) + 1)
        x, score = data if data is not None else table(rng)
        y = label(score, rng) if label else score
        params = {"max_depth": 3, "eta": 0.3, "nthread": 1, "seed": 3, **params}
        train = xgb.DMatrix(frame(x) if frame else x, y, missing=missing, feature_types=types, **dmatrix)
        booster = xgb.train(params, train, rounds)
        raw = bytes(booster.save_raw("ubj" if ubj else "json"))
        loaded = xgb.Booster(model_file=bytearray(raw))
        dump = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
        trees = dump.get("gbtree", dump)["model"].get("trees", [])
        thresholds = [c for t in trees for c, l in zip(t["split_conditions"], t["left_children"]) if l != -1] or [0.0]
        rows = (rows or (lambda r, x, t: f32_rows(hard_rows(r, x, t), t, r)))(rng, x, thresholds)
        d = xgb.DMatrix(rows, missing=missing, feature_types=types, feature_names=booster.feature_names)
        kw = {"iteration_range": iterations} if iterations else {}
        case = {"name": name, "numRows": len(rows), "rows": b64(rows), "raw": b64(loaded.predict(d, output_margin=True, **kw)), "predict": b64(loaded.predict(d, **kw))}
        case.update({"modelBase64": base64.b64encode(raw).decode()} if ubj else {"model": raw.decode()})
        if iterations:
            case["range"] = {"begin": iterations[0], "count": iterations[1] - iterations[0]}
        if not np.isnan(missing):
            case["missing"] = missing
        if shap:
            first = xgb.DMatrix(rows[:8], missing=missing, feature_types=types, feature_names=booster.feature_names)
            case["contributions"] = b64(loaded.predict(first, pred_contribs=True, **kw))
        cases.append(case)

    def f32_rows(rows, thresholds, rng):
        """Values half-way between float32s go to the threshold or beside it only after rounding: the trap of comparing in float64."""
        values = np.array(thresholds, dtype=np.float32)
        near = np.concatenate([np.nextafter(values, np.float32(np.inf)), np.nextafter(values, np.float32(-np.inf))]).astype(float)
        halves = (np.concatenate([values, values]).astype(float) + near) / 2
        near = np.concatenate([near, halves, values.astype(float)])
        mask = rng.random(rows.shape) < 0.3
        rows[mask] = rng.choice(near, size=mask.sum())
        rows[np.abs(rows) > 3e38] = 3.4e38
        return rows

    positive = lambda s, r: np.exp(0.3 * s) + 0.05
    zero_one = lambda s, r: (s + r.normal(size=len(s)) > 0.2).astype(int)
    classes = lambda s, r: np.digitize(s, [-0.8, 0.8])
    share = lambda s, r: 1 / (1 + np.exp(-s))
    for objective in ["reg:squarederror", "reg:pseudohubererror", "reg:absoluteerror"]:
        add(objective, {"objective": objective})
    add("reg:squaredlogerror", {"objective": "reg:squaredlogerror"}, label=positive)
    add("reg:quantileerror", {"objective": "reg:quantileerror", "quantile_alpha": 0.7})
    add("reg:quantileerror, three quantiles", {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]}, rounds=3, shap=False)
    add("reg:logistic", {"objective": "reg:logistic"}, label=share)
    for seed, ubj in [(1, False), (2, True), (3, False), (4, True)]:
        add(f"binary:logistic {seed}", {"objective": "binary:logistic"}, label=zero_one, ubj=ubj)
    add("binary:logistic, base_score 0.1", {"objective": "binary:logistic", "base_score": 0.1}, label=zero_one)
    add("binary:logistic, base_score 0.993", {"objective": "binary:logistic", "base_score": 0.993}, label=zero_one)
    add("binary:logitraw", {"objective": "binary:logitraw"}, label=zero_one)
    add("binary:hinge", {"objective": "binary:hinge"}, label=zero_one)
    for objective in ["count:poisson", "reg:gamma", "reg:tweedie"]:
        add(objective, {"objective": objective}, label=positive)
    add("survival:cox", {"objective": "survival:cox"}, label=lambda s, r: positive(s, r) * r.choice([1, -1], len(s)))
    y = positive(table(np.random.default_rng(9))[1], None)
    add("survival:aft", {"objective": "survival:aft"}, label=lambda s, r: None, label_lower_bound=y, label_upper_bound=y + 1)
    add("multi:softprob", {"objective": "multi:softprob", "num_class": 3}, rounds=3, label=classes)
    add("multi:softmax", {"objective": "multi:softmax", "num_class": 3}, rounds=3, label=classes, ubj=True)
    for objective in ["rank:pairwise", "rank:ndcg", "rank:map"]:
        grade = (lambda s, r: (s > 0.5).astype(int)) if objective == "rank:map" else (lambda s, r: np.digitize(s, [-0.5, 0.5, 1.2]))
        add(objective, {"objective": objective}, label=grade, qid=np.repeat(np.arange(10), 40))
    add("two targets, one tree each", {"objective": "reg:squarederror"}, rounds=3, label=lambda s, r: np.stack([s, s**2], 1), shap=False)
    add("dart", {"booster": "dart", "objective": "binary:logistic", "rate_drop": 0.5}, rounds=10, label=zero_one)
    add("dart, multi:softprob", {"booster": "dart", "objective": "multi:softprob", "num_class": 3, "rate_drop": 0.5}, rounds=4, label=classes, ubj=True)
    add("gblinear", {"booster": "gblinear", "objective": "binary:logistic"}, label=zero_one, shap=False)
    add("gblinear, multi:softprob", {"booster": "gblinear", "objective": "multi:softprob", "num_class": 3}, label=classes, shap=False)
    add("random forest", {"objective": "binary:logistic", "num_parallel_tree": 4, "subsample": 0.6, "eta": 1}, rounds=1, label=zero_one)
    add("boosted forest, iterations 1 to 2", {"objective": "reg:squarederror", "num_parallel_tree": 2, "subsample": 0.6}, rounds=4, iterations=(1, 3), shap=False)
    add("multi:softprob, iterations 1 to 2", {"objective": "multi:softprob", "num_class": 3}, rounds=4, label=classes, iterations=(1, 3), shap=False)
    add("missing value -999", {"objective": "reg:squarederror"}, data=(lambda t: (np.nan_to_num(t[0], nan=-999), t[1]))(table(np.random.default_rng(31))), missing=-999.0)
    add("no missing value in training", {"objective": "reg:squarederror"}, data=table(np.random.default_rng(32), missing=False))
    add("exact tree method, deep", {"objective": "reg:squarederror", "tree_method": "exact", "max_depth": 5}, rounds=3)
    add("lossguide, base score given", {"objective": "reg:squarederror", "grow_policy": "lossguide", "max_leaves": 9, "max_depth": 0, "base_score": 0.1234567})
    add("trees of one leaf", {"objective": "binary:logistic", "min_child_weight": 1e6}, label=zero_one)

    def with_codes(rng):
        x, score = table(rng)
        x[:, 1] = rng.integers(0, 70, len(x))
        x[:, 4] = rng.choice([0, 1, 2, 3], len(x))
        x[rng.random(len(x)) < 0.1, 4] = np.nan
        return x, score + np.sin(x[:, 1]) * 2 + np.nan_to_num(x[:, 4] % 3)

    def code_rows(rng, x, thresholds):
        rows = f32_rows(hard_rows(rng, x, thresholds), thresholds, rng)
        for column, odd in ((1, [0.0, 0.5, 31.0, 32.0, 63.0, 64.0, 69.0, 70.0, 95.0, 96.0, 500.0, 16777215.0, np.nan]), (4, [0.0, 1.0, 2.5, 3.0, 4.0, 31.0, 32.0, np.nan])):
            rows[:, column] = rng.choice(odd, len(rows))
        return rows

    kinds = ["q", "c", "q", "q", "c"]
    for name, onehot in {"categorical, sets": 1, "categorical, one-hot": 100}.items():
        add(name, {"objective": "reg:squarederror", "max_cat_to_onehot": onehot, "max_depth": 5}, data=with_codes(np.random.default_rng(5)), rows=code_rows, types=kinds, enable_categorical=True)
    add("categorical, dart, UBJSON", {"booster": "dart", "objective": "binary:logistic", "max_cat_to_onehot": 2, "rate_drop": 0.3}, data=with_codes(np.random.default_rng(6)), label=zero_one, rows=code_rows, types=kinds, enable_categorical=True, ubj=True)
    add("exact tree method, pruned", {"objective": "reg:squarederror", "tree_method": "exact", "max_depth": 4, "gamma": 4}, rounds=3)

    def scikit_learn(name, **more):
        """What the classes save, and answer: of training that was stopped early, the iterations up to the best."""
        x, score = table(np.random.default_rng(51))
        other, other_score = table(np.random.default_rng(52), rows=100)
        model = xgb.XGBRegressor(n_estimators=60, max_depth=2, learning_rate=0.9, n_jobs=1, random_state=3, early_stopping_rounds=4, **more)
        model.fit(x, score, eval_set=[(other, other_score)], verbose=False)
        assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "model.json")
            model.save_model(file)
            text = file.read_text()
        rows = np.clip(hard_rows(np.random.default_rng(53), x, [0.0]), -3.4e38, 3.4e38)
        cases.append({"name": name, "numRows": len(rows), "rows": b64(rows), "raw": b64(model.predict(rows, output_margin=True)), "predict": b64(model.predict(rows)), "model": text})

    scikit_learn("saved by scikit-learn's class, stopped early")
    scikit_learn("saved by scikit-learn's class, stopped early, forests", num_parallel_tree=2, subsample=0.7)

    if xgb.__version__.startswith("2."):
        # Its categorical splits are written in another way; everything else is the same.
        write("models-xgboost-2.json.gz", {"xgboost": xgb.__version__}, [case for case in cases if case["name"].startswith("categorical")])
    else:
        write("models-xgboost.json.gz", {"xgboost": xgb.__version__}, cases)


def onnx_cases():
    import lightgbm as lgb
    import onnx
    import onnxmltools
    import onnxruntime as ort
    import sklearn
    import xgboost as xgb
    from onnx import TensorProto, helper, numpy_helper
    from onnxmltools.convert.common.data_types import FloatTensorType as OmFloat
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn import ensemble, linear_model, pipeline, preprocessing, tree

    cases = []
    x, score = table(np.random.default_rng(1), missing=False)
    x = x.astype(np.float32)
    rng = np.random.default_rng(2)
    two = (score + rng.normal(size=len(score)) > 0.2).astype(int)
    three = np.digitize(score, [-0.8, 0.8])
    names = np.array(["late", "on time", "early"])[three]

    def add(name, model, engine, rows=None):
        raw = model.SerializeToString()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        session = ort.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
        put = session.get_inputs()[0]
        dtype = {"tensor(float)": np.float32, "tensor(double)": np.float64}[put.type]
        if rows is None:
            rows = x[:24].copy()
            hard = [0.0, -0.0, 1e-35, 1e30, -1e30, 0.5, 1.0] + list(x[:40].ravel())
            mask = rng.random(rows.shape) < 0.4
            rows[mask] = rng.choice(hard, mask.sum())
        rows = rows.astype(dtype)
        outputs = []
        for info, values in zip(session.get_outputs(), session.run(None, {put.name: rows})):
            if isinstance(values, list):
                values = np.array([list(v.values()) for v in values], dtype=np.float32)
            kind = {"f": "FP32", "d": "FP64", "i": "INT64", "U": "BYTES", "O": "BYTES"}[values.dtype.kind if values.dtype != np.float64 else "d"]
            outputs.append({"name": info.name, "datatype": kind, "shape": list(values.shape), **({"texts": [str(v) for v in values.ravel()]} if kind == "BYTES" else {"values": b64(values)})})
        cases.append({"name": name, "engine": engine, "modelBase64": base64.b64encode(raw).decode(), "input": put.name, "double": dtype == np.float64, "numRows": len(rows), "rows": b64(rows), "outputs": outputs})

    floats = [("X", FloatTensorType([None, NUM_FEATURES]))]
    small = {"n_estimators": 6, "max_depth": 4, "random_state": 1}
    sk = lambda m, **kw: to_onnx(m, initial_types=floats, **kw)
    add("random forest, two classes", sk(ensemble.RandomForestClassifier(**small).fit(x, two)), "trees")
    add("random forest, three classes, without ZipMap", sk(ensemble.RandomForestClassifier(**small).fit(x, three), options={"zipmap": False}), "trees")
    add("random forest, text labels", sk(ensemble.RandomForestClassifier(**small).fit(x, names)), "trees")
    add("random forest regressor", sk(ensemble.RandomForestRegressor(**small).fit(x, score)), "trees")
    add("extra trees regressor, two targets", sk(ensemble.ExtraTreesRegressor(**small).fit(x, np.stack([score, score**2], 1))), "trees")
    add("decision tree", sk(tree.DecisionTreeClassifier(max_depth=5, random_state=1).fit(x, two)), "trees")
    boosted = {"n_estimators": 6, "max_depth": 3, "random_state": 1}
    add("gradient boosting, two classes", sk(ensemble.GradientBoostingClassifier(**boosted).fit(x, two)), "trees")
    add("gradient boosting, three classes", sk(ensemble.GradientBoostingClassifier(**boosted).fit(x, three)), "trees")
    add("gradient boosting regressor", sk(ensemble.GradientBoostingRegressor(**boosted).fit(x, score)), "trees")
    holes = x.copy()
    holes[np.random.default_rng(3).random(x.shape) < 0.15] = np.nan
    lgbm = lgb.LGBMClassifier(n_estimators=6, num_leaves=7, verbose=-1).fit(holes, two)
    add("LightGBM by onnxmltools", onnxmltools.convert_lightgbm(lgbm, initial_types=[("X", OmFloat([None, NUM_FEATURES]))], target_opset=15), "trees", rows=holes[:30])
    xgbr = xgb.XGBRegressor(n_estimators=6, max_depth=3, base_score=0.5).fit(holes, score)
    add("XGBoost by onnxmltools", onnxmltools.convert_xgboost(xgbr, initial_types=[("X", OmFloat([None, NUM_FEATURES]))], target_opset=15), "trees", rows=holes[:30])
    for opset, engine in ((1, "trees"), (3, "trees")):
        add(f"random forest, ai.onnx.ml {opset}", sk(ensemble.RandomForestClassifier(**small).fit(x, two), target_opset={"": 15, "ai.onnx.ml": opset}), engine)
    add("logistic regression", sk(linear_model.LogisticRegression().fit(x, three)), "runtime")
    add("linear regression", sk(linear_model.LinearRegression().fit(x, score)), "runtime")
    add("scaler and logistic regression", sk(pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()).fit(x, names)), "runtime")
    add("scaler and random forest", sk(pipeline.make_pipeline(preprocessing.StandardScaler(), ensemble.RandomForestClassifier(**small)).fit(x, two)), "runtime")

    r = np.random.default_rng(4)
    weights = [numpy_helper.from_array(r.normal(size=s).astype(np.float32), n) for n, s in (("w1", (NUM_FEATURES, 64)), ("b1", (64,)), ("w2", (64, 3)), ("b2", (3,)))]
    nodes = [
        helper.make_node("MatMul", ["X", "w1"], ["h0"]), helper.make_node("Add", ["h0", "b1"], ["h1"]), helper.make_node("Relu", ["h1"], ["h2"]),
        helper.make_node("Gemm", ["h2", "w2", "b2"], ["h3"]), helper.make_node("Softmax", ["h3"], ["probabilities"], axis=1),
    ]
    value = lambda n, t, s: helper.make_tensor_value_info(n, t, s)
    graph = helper.make_graph(nodes, "mlp", [value("X", TensorProto.FLOAT, [None, NUM_FEATURES])], [value("probabilities", TensorProto.FLOAT, [None, 3])], weights)
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(network)
    add("network of two layers", network, "runtime")
    versions = {"onnxruntime": ort.__version__, "scikit-learn": sklearn.__version__, "onnx": onnx.__version__, "lightgbm": lgb.__version__, "xgboost": xgb.__version__}
    write("models-onnx.json.gz", versions, cases)


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["lightgbm", "xgboost", "onnx"]
    for library in wanted:
        globals()[f"{library}_cases"]()
