import os
import sys

import bentoml
import numpy as np


@bentoml.service(workers=1)
class Bench:
    def __init__(self):
        import lightgbm as lgb

        self.booster = lgb.Booster(model_file=f"{os.environ['BENCH_FOLDER']}/model.txt")

    @bentoml.api
    def predict(self, instances: list[list[float]]) -> dict:
        return {"predictions": self.booster.predict(np.asarray(instances), num_threads=1).tolist()}


if __name__ == "__main__":
    folder, port = sys.argv[1:3]
    os.environ.update(BENCH_FOLDER=folder, BENTOML_DO_NOT_TRACK="True")
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    os.execv(sys.executable, [sys.executable, "-m", "bentoml", "serve", "bentoml_server:Bench", "--host", "127.0.0.1", "--port", port])
