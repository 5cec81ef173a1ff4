"""A LightGBM model of the size asked for, and rows to ask it: train.py <folder> <trees> <leaves> <features>."""
import json
import pathlib
import sys

import lightgbm as lgb
import numpy as np

folder, (trees, leaves, features) = pathlib.Path(sys.argv[1]), map(int, sys.argv[2:5])
rng = np.random.default_rng(1)
x = rng.normal(size=(20_000, features))
y = (x[:, :5].sum(axis=1) + rng.normal(size=len(x)) > 0).astype(int)
params = dict(objective="binary", num_leaves=leaves, num_threads=2, seed=1, verbosity=-1, min_data_in_leaf=5)
booster = lgb.train(params, lgb.Dataset(x, y), trees)
booster.save_model(folder / "model.txt")
rows = np.round(rng.normal(size=(2000, features)), 6)
(folder / "rows.json").write_text(json.dumps(dict(rows=rows.tolist(), predictions=booster.predict(rows).tolist(), lightgbm=lgb.__version__)))
