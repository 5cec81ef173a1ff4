import sys
import time

import lightgbm as lgb
import numpy as np
import ray
from ray import serve

folder, port = sys.argv[1], int(sys.argv[2])
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": port})


@serve.deployment(num_replicas=1, max_ongoing_requests=100)
class Bench:
    def __init__(self):
        self.booster = lgb.Booster(model_file=f"{folder}/model.txt")

    async def __call__(self, request):
        question = await request.json()
        return {"predictions": self.booster.predict(np.asarray(question["instances"]), num_threads=1).tolist()}


serve.run(Bench.bind(), route_prefix="/predict")
while True:
    time.sleep(1)
