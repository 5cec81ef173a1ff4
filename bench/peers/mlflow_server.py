"""MLflow's own scoring server on the model saved as an MLflow model; the app it starts under uvicorn, one process."""
import pathlib
import sys

import lightgbm as lgb
import mlflow.lightgbm
import mlflow.pyfunc
import uvicorn
from mlflow.pyfunc import scoring_server

folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
saved = folder / "mlflow-model"
if not saved.exists():
    mlflow.lightgbm.save_model(lgb.Booster(model_file=str(folder / "model.txt")), str(saved))
uvicorn.run(scoring_server.init(mlflow.pyfunc.load_model(str(saved))), host="127.0.0.1", port=port, log_level="warning")
