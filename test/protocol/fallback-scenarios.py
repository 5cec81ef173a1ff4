"""What stock clients make of an answer that another gave instead: fallback-scenarios.py <tritonclient|mlflow> <host> <http port> <grpc port>.
Prints one JSON object. The model is late_ride of src/serving/test-world.ts; its champion, version 2, fails for the ride asked here."""
import json
import sys

library, host, http_port, grpc_port = sys.argv[1:5]
found = {}

if library == "tritonclient":
    import numpy as np
    import tritonclient.grpc as tgrpc
    import tritonclient.http as thttp

    def ask(client, module, **how):
        values = {"zone": ("BYTES", np.array([["AAA"]], dtype=np.object_)), "miles": ("FP64", np.array([[30.0]])), "shared": ("BOOL", np.array([[False]]))}
        inputs = []
        for name, (datatype, array) in values.items():
            inputs.append(module.InferInput(name, list(array.shape), datatype))
            inputs[-1].set_data_from_numpy(array, **how)
        return client.infer("late_ride", inputs, request_id=module.__name__)

    http = thttp.InferenceServerClient(f"{host}:{http_port}")
    for binary in (True, False):
        result = ask(http, thttp, binary_data=binary)
        response = result.get_response()
        found[f"http, binary {binary}"] = [response["model_version"], response["parameters"], float(result.as_numpy("predict")[0][0])]
    grpc = tgrpc.InferenceServerClient(f"{host}:{grpc_port}")
    result = ask(grpc, tgrpc)
    response = result.get_response()
    found["grpc"] = [response.model_version, {"fallback": response.parameters["fallback"].string_param}, float(result.as_numpy("predict")[0][0])]
else:
    import pandas as pd
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    client = ScoringServerClient(host, int(http_port))
    table = pd.DataFrame({"zone": ["AAA"], "miles": [30.0], "shared": [False]})
    found["mlflow"] = float(client.invoke(table).get_predictions().iloc[0, 0])

print(json.dumps(found))
