"""The peer of train.ts: LightGBM on one thread on the table in the folder given. Prints one line of JSON."""
import json
import pathlib
import sys
import time

import lightgbm as lgb
import numpy as np
from sklearn.metrics import roc_auc_score

folder = pathlib.Path(sys.argv[1])
plan = json.loads((folder / "plan.json").read_text())
x = np.fromfile(folder / "columns.f64").reshape(-1, plan["numRows"]).T
y = np.fromfile(folder / "labels.u8", dtype="uint8")
n = plan["numTrain"]
params = dict(objective="binary", num_leaves=plan["leaves"], learning_rate=0.1, num_threads=1, seed=plan["seed"], deterministic=True, verbosity=-1)

train_x, train_y = np.asfortranarray(x[:n]), y[:n]
wall, cpu = time.perf_counter(), time.process_time()
data = lgb.Dataset(train_x, train_y, categorical_feature=plan["categorical"], params=params).construct()
binned = time.perf_counter()
booster = lgb.train(params, data, plan["trees"])
done, cpu_done = time.perf_counter(), time.process_time()
print(json.dumps(dict(
    name=f"LightGBM {lgb.__version__}, 1 thread", seconds=done - wall, cpuSeconds=cpu_done - cpu, binSeconds=binned - wall,
    auc=roc_auc_score(y[n:], booster.predict(x[n:])),
)))
