"""NVIDIA Triton as PyPI has it: its server binary with the Python backend, batching what waits."""
import sys

import lightgbm as lgb
import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

folder, port = sys.argv[1], int(sys.argv[2])
booster = lgb.Booster(model_file=f"{folder}/model.txt")


@batch
def infer(input):
    return {"predictions": booster.predict(input, num_threads=1).reshape(-1, 1)}


config = TritonConfig(http_address="127.0.0.1", http_port=port, grpc_address="127.0.0.1", grpc_port=port + 1, allow_metrics=False)
with Triton(config=config) as triton:
    triton.bind(
        model_name="bench",
        infer_func=infer,
        inputs=[Tensor(name="input", dtype=np.float64, shape=(booster.num_feature(),))],
        outputs=[Tensor(name="predictions", dtype=np.float64, shape=(1,))],
        config=ModelConfig(max_batch_size=64, batcher=DynamicBatcher(max_queue_delay_microseconds=0)),
    )
    triton.serve()
