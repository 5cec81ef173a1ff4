"""FastAPI as its users write it: one process, the model called in the handler."""
import sys

import lightgbm as lgb
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

folder, port = sys.argv[1], int(sys.argv[2])
booster = lgb.Booster(model_file=f"{folder}/model.txt")
app = FastAPI()


class Question(BaseModel):
    instances: list[list[float]]


@app.get("/health")
async def health():
    return {}


@app.post("/predict")
async def predict(question: Question):
    return {"predictions": booster.predict(np.asarray(question.instances), num_threads=1).tolist()}


uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
