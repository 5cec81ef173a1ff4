"""Makes learn-metrics.json, learn-fits.json and learn-gbdt.json: what scikit-learn, SciPy and LightGBM give on small data.

    python -m pip install numpy scipy scikit-learn lightgbm
    python test/reference/learn.py

Only needed to make the files again; the tests read the JSON.
"""
import json
import pathlib
import platform

import lightgbm as lgb
import numpy as np
import scipy
import sklearn
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

HERE = pathlib.Path(__file__).parent
VERSIONS = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__, "lightgbm": lgb.__version__}


def plain(x):
    """NaN becomes null, arrays become lists."""
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, np.ndarray)):
        return [plain(v) for v in x]
    if isinstance(x, (np.integer, np.bool_)):
        return int(x)
    if isinstance(x, (float, np.floating)):
        return None if np.isnan(x) else float(x)
    return x


def write(name, content):
    (HERE / name).write_text(json.dumps(plain({"versions": VERSIONS, "script": "learn.py", **content}), separators=(",", ":")) + "\n")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def delong(scores, y):
    """DeLong et al. (1988) as written in the paper: the full kernel matrix, O(n^2). Returns AUCs and their covariance matrix."""
    pos, neg = np.where(y == 1)[0], np.where(y == 0)[0]
    v10, v01, aucs = [], [], []
    for s in scores:
        kernel = (s[pos][:, None] > s[neg][None, :]) + 0.5 * (s[pos][:, None] == s[neg][None, :])
        v10.append(kernel.mean(axis=1))
        v01.append(kernel.mean(axis=0))
        aucs.append(kernel.mean())
    return aucs, np.cov(v10) / len(pos) + np.cov(v01) / len(neg)


def metrics():
    rng = np.random.default_rng(7)
    cases = []
    for n, decimals in [(60, 1), (400, 2), (1500, 4)]:
        z = rng.normal(size=n)
        y = (rng.random(n) < sigmoid(z - 1)).astype(int)
        a = np.round(np.clip(sigmoid(z - 1 + 0.5 * rng.normal(size=n)), 0, 1), decimals)
        b = np.round(np.clip(sigmoid(0.7 * z - 1 + 0.8 * rng.normal(size=n)), 0, 1), decimals)
        aucs, cov = delong([a, b], y)
        of = lambda s: dict(auc=roc_auc_score(y, s), logLoss=log_loss(y, np.clip(s, 1e-15, 1 - 1e-15)), brier=brier_score_loss(y, s), averagePrecision=average_precision_score(y, s))
        cases.append(dict(labels=y, a=a, b=b, metricsA=of(a), metricsB=of(b), delongAucs=aucs, delongCovariance=cov))
    write("learn-metrics.json", {"cases": cases})


def fits():
    rng = np.random.default_rng(11)
    n = 500
    score = np.round(rng.normal(size=n), 2)
    y = (rng.random(n) < sigmoid(1.7 * score - 0.6)).astype(int)
    a, b = _sigmoid_calibration(score, y)
    grid = np.round(np.linspace(-4, 4, 81), 2)
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(score, y)
    x = np.round(rng.normal(size=(n, 3)) * [1, 50, 0.01] + [0, 300, 2], 4)
    x[rng.random((n, 3)) < 0.1] = np.nan
    code = rng.integers(0, 4, size=n).astype(float)
    code[rng.random(n) < 0.05] = np.nan
    truth = np.nan_to_num(x[:, 0]) - 0.01 * np.nan_to_num(x[:, 1], nan=300) + 2 + np.where(code == 2, 1.0, 0.0)
    y2 = (rng.random(n) < sigmoid(truth)).astype(int)
    mean, scale = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
    design = np.hstack([np.nan_to_num((x - mean) / scale, nan=0.0), np.stack([code == k for k in range(4)], axis=1).astype(float)])
    fit = LogisticRegression(C=0.5, tol=1e-12, max_iter=100000).fit(design, y2)
    write("learn-fits.json", {
        "calibration": dict(scores=score, labels=y, sigmoid=dict(slope=-a, intercept=-b), grid=grid, isotonic=isotonic.predict(grid)),
        "logistic": dict(columns=np.hstack([x, code[:, None]]).T, labels=y2, l2=2, weights=fit.coef_[0], intercept=fit.intercept_[0], means=mean, scales=scale, probabilities=fit.predict_proba(design)[:, 1]),
    })


PARAMS = dict(objective="binary", num_threads=1, deterministic=True, force_col_wise=True, verbosity=-1, seed=1, min_data_in_leaf=20, min_sum_hessian_in_leaf=1e-3, learning_rate=0.1)


def tree(node):
    if "leaf_value" in node:
        return dict(leaf=node["leaf_value"], count=node.get("leaf_count"))
    t = node["threshold"]
    split = dict(categories=sorted(int(c) for c in t.split("||"))) if node["decision_type"] == "==" else dict(threshold=t, defaultLeft=node["default_left"], missing=node["missing_type"])
    return dict(feature=node["split_feature"], gain=node["split_gain"], **split, left=tree(node["left_child"]), right=tree(node["right_child"]))


def structure_case(name, x, y, categorical, trees, **params):
    """Few distinct values, all positive, so that both find the same bins: trees must be equal."""
    data = lgb.Dataset(x, y, categorical_feature=categorical, params={"verbosity": -1})
    booster = lgb.train({**PARAMS, **params}, data, trees)
    dumped = [tree(t["tree_structure"]) for t in booster.dump_model()["tree_info"]]
    return dict(name=name, columns=x.T, labels=y, categorical=categorical, trees=dumped, params=params, rawScores=booster.predict(x, raw_score=True))


def holdout_case(name, x, y, categorical, trees, numTrain, **params):
    data = lgb.Dataset(x[:numTrain], y[:numTrain], categorical_feature=categorical, params={"verbosity": -1})
    booster = lgb.train({**PARAMS, **params}, data, trees)
    p = booster.predict(x[numTrain:])
    return dict(name=name, columns=x.T, labels=y, categorical=categorical, numTrain=numTrain, numIterations=trees, params=params, auc=roc_auc_score(y[numTrain:], p), logLoss=log_loss(y[numTrain:], p))


def gbdt():
    rng = np.random.default_rng(3)
    few = rng.integers(1, 13, size=(900, 4)).astype(float)
    y = (rng.random(900) < sigmoid(0.4 * (few[:, 0] - 6) + 0.3 * (few[:, 1] > 7) * (few[:, 2] - 5))).astype(int)
    gaps = few.copy()
    gaps[rng.random(gaps.shape) < 0.15] = np.nan
    y_gaps = (rng.random(900) < sigmoid(np.where(np.isnan(gaps[:, 0]), 1.5, 0.4 * (np.nan_to_num(gaps[:, 0]) - 6)))).astype(int)
    cats = few.copy()
    cats[:, 3] = rng.integers(0, 9, size=900)
    cats[:, 2] = rng.integers(0, 3, size=900)
    y_cats = (rng.random(900) < sigmoid(0.2 * (cats[:, 0] - 6) + np.where(np.isin(cats[:, 3], [1, 4, 7]), 1.2, -0.5) + np.where(cats[:, 2] == 1, 1.0, 0.0))).astype(int)
    structures = [
        structure_case("numeric", few, y, [], 3, num_leaves=8),
        structure_case("missing", gaps, y_gaps, [], 3, num_leaves=8, lambda_l2=1.5),
        structure_case("categorical", cats, y_cats, [2, 3], 3, num_leaves=7, min_gain_to_split=0.1),
    ]
    n = 3000
    x = np.round(rng.normal(size=(n, 5)), 3)
    truth = x[:, 0] - 0.8 * x[:, 1] ** 2 + 1.2 * np.sin(2 * x[:, 2]) + 0.5 * x[:, 3] * x[:, 0]
    missing = x.copy()
    missing[rng.random(x.shape) < 0.2] = np.nan
    cat = x.copy()
    cat[:, 4] = np.minimum(rng.geometric(0.07, size=n) - 1, 39)
    effect = rng.normal(size=40) * 1.3
    y_cat = (rng.random(n) < sigmoid(truth + effect[cat[:, 4].astype(int)])).astype(int)
    y_num = (rng.random(n) < sigmoid(truth)).astype(int)
    holdouts = [
        holdout_case("numeric", x, y_num, [], 60, 2000, num_leaves=15),
        holdout_case("missing", missing, y_num, [], 60, 2000, num_leaves=15),
        holdout_case("categorical", cat, y_cat, [4], 60, 2000, num_leaves=15),
    ]
    write("learn-gbdt.json", {"params": PARAMS, "structures": structures, "holdouts": holdouts})


metrics()
fits()
gbdt()
