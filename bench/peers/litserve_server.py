import sys

import lightgbm as lgb
import litserve as ls
import numpy as np

folder, port = sys.argv[1], int(sys.argv[2])


class Model(ls.LitAPI):
    def setup(self, device):
        self.booster = lgb.Booster(model_file=f"{folder}/model.txt")

    def decode_request(self, request):
        return np.asarray(request["instances"])

    def predict(self, rows):
        return self.booster.predict(rows, num_threads=1)

    def encode_response(self, output):
        return {"predictions": output.tolist()}


if __name__ == "__main__":
    ls.LitServer(Model(), accelerator="cpu", workers_per_device=1).run(host="127.0.0.1", port=port, log_level="warning", generate_client_file=False)
