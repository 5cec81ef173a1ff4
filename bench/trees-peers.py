"""Trains one LightGBM model, then times who can answer it: LightGBM itself, ONNX Runtime, lleaves, treelite; what is not installed is left out.

    python bench/trees-peers.py <folder>     (plan.json in it; writes model.txt, rows.f64, scores.f64; prints JSON)
"""
import ctypes
import importlib
import json
import pathlib
import sys
import time

import lightgbm as lgb
import numpy as np

folder = pathlib.Path(sys.argv[1])
plan = json.loads((folder / "plan.json").read_text())
rng = np.random.default_rng(plan["seed"])
train = rng.normal(size=(20_000, plan["features"]))
train[rng.random(train.shape) < plan["missing"]] = np.nan
label = (np.nan_to_num(train[:, 0]) * np.nan_to_num(train[:, 1]) + np.sin(3 * np.nan_to_num(train[:, 2])) + rng.normal(size=len(train)) > 0).astype(int)
booster = lgb.train({"objective": "binary", "num_leaves": plan["leaves"], "min_data_in_leaf": 5, "verbose": -1, "num_threads": 2, "seed": 1}, lgb.Dataset(train, label), plan["trees"])
booster.save_model(str(folder / "model.txt"))
rows = rng.normal(size=(10_000, plan["features"]))
rows[rng.random(rows.shape) < plan["missing"]] = np.nan
rows.astype("<f8").tofile(folder / "rows.f64")
loaded = lgb.Booster(model_file=str(folder / "model.txt"), params={"num_threads": 1})
loaded.predict(rows, raw_score=True, num_threads=1).astype("<f8").tofile(folder / "scores.f64")


def microseconds_a_row(predict, batch):
    """Best of several stretches of `seconds` each, over different rows."""
    predict(rows[:batch])
    best = float("inf")
    for _ in range(plan["repeats"]):
        count, start, at = 0, time.perf_counter(), 0
        while time.perf_counter() - start < plan["seconds"]:
            predict(rows[at : at + batch])
            at = (at + batch) % (len(rows) - batch + 1)
            count += batch
        best = min(best, (time.perf_counter() - start) / count)
    return best * 1e6


def measure(name, version, predict, batches=(1, 64, 10_000)):
    return {"name": name, "version": version, "microsecondsARow": {str(b): microseconds_a_row(predict, b) for b in batches}}


def single_row_fast():
    """LightGBM's C call for one row with everything prepared: the nearest to what a server in C++ would do."""
    lib = lgb.basic._LIB
    config = ctypes.c_void_p()
    check = lambda code: lgb.basic._safe_call(code)
    check(lib.LGBM_BoosterPredictForMatSingleRowFastInit(loaded._handle, 1, 0, -1, 1, plan["features"], b"num_threads=1", ctypes.byref(config)))
    length, out = ctypes.c_int64(), ctypes.c_double()
    base, stride = rows.ctypes.data, rows.strides[0]

    def predict(block):
        check(lib.LGBM_BoosterPredictForMatSingleRowFast(config, ctypes.c_void_p(base + (block.ctypes.data - base) // stride * stride), ctypes.byref(length), ctypes.byref(out)))

    return predict


peers = [measure("LightGBM (Python, 1 thread)", lgb.__version__, lambda block: loaded.predict(block, raw_score=True, num_threads=1))]
peers.append(measure("LightGBM (C, SingleRowFast, through ctypes)", lgb.__version__, single_row_fast(), (1,)))
try:
    import onnxmltools
    import onnxruntime as ort
    from onnxmltools.convert.common.data_types import FloatTensorType

    onx = onnxmltools.convert_lightgbm(loaded, initial_types=[("X", FloatTensorType([None, plan["features"]]))], target_opset=15, zipmap=False)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(onx.SerializeToString(), options, providers=["CPUExecutionProvider"])
    output = session.get_outputs()[1].name
    single = rows.astype(np.float32)
    peers.append(measure("ONNX Runtime (float32, 1 thread)", ort.__version__, lambda block: session.run([output], {"X": block.astype(np.float32)})))
except ImportError as error:
    print(f"no ONNX Runtime: {error}", file=sys.stderr)
try:
    import lleaves

    compiled = lleaves.Model(model_file=str(folder / "model.txt"))
    compiled.compile()
    peers.append(measure("lleaves (1 thread)", importlib.metadata.version("lleaves"), lambda block: compiled.predict(block, n_jobs=1)))
except Exception as error:  # lleaves needs a matching llvmlite
    print(f"no lleaves: {error}", file=sys.stderr)
try:
    import treelite

    forest = treelite.frontend.load_lightgbm_model(str(folder / "model.txt"))
    peers.append(measure("treelite (GTIL, 1 thread)", treelite.__version__, lambda block: treelite.gtil.predict(forest, block, nthread=1)))
except Exception as error:
    print(f"no treelite: {error}", file=sys.stderr)
print(json.dumps({"peers": peers}))
