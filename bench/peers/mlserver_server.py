import json
import os
import pathlib
import sys

folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
place = folder / "mlserver"
place.mkdir(exist_ok=True)
(place / "settings.json").write_text(json.dumps(dict(host="127.0.0.1", http_port=port, grpc_port=port + 1, metrics_port=port + 2, parallel_workers=0, debug=False)))
(place / "model-settings.json").write_text(
    json.dumps(dict(name="bench", implementation="mlserver_lightgbm.LightGBMModel", parameters=dict(uri=str(folder / "model.txt"), version="1")))
)
command = str(pathlib.Path(sys.executable).parent / "mlserver")
os.execv(command, [command, "start", str(place)])
