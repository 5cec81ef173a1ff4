"""MLflow's own scoring client, and requests, against POST /invocations: invocations-scenarios.py <host> <port>.
One JSON line a scenario: {"scenario": ..., "problem": null or text}. The model is late_ride of src/serving/test-world.ts."""
import json
import math
import sys

import numpy as np
import pandas as pd
import requests
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from scenario import run_all

host, port = sys.argv[1], int(sys.argv[2])
url = f"http://{host}:{port}"
client = ScoringServerClient(host, port)
sigmoid = lambda x: 1 / (1 + math.exp(-x))
near, far_aaa, far_bbb = sigmoid(1 - 0.5), sigmoid(1 + 0.25), sigmoid(1 + 0.75)
expected = [near, far_bbb, far_aaa]
fields = pd.DataFrame({"zone": ["AAA", "BBB", "AAA"], "miles": [3.0, 30.0, 30.0], "shared": [False, True, True]})
slots = pd.DataFrame({"miles": [3.0, 30.0, 30.0], "shared": [0, 1, 1], "zone": ["AAA", "BBB", "AAA"], "zone.rides_2h": [1, 2, 3], "zone.late_2h": [0.5, np.nan, 0.0]})
matrix = [[3, 0, 0, 1, 0.5], [30, 1, 1, 2, None], [30, 1, 0, 3, 0]]


def post(body, content_type="application/json", path="/invocations"):
    return requests.post(url + path, data=body, headers={"Content-Type": content_type}, timeout=120)


def right(response):
    assert response.status_code == 200, f"{response.status_code} {response.text}"
    assert response.headers["content-type"].startswith("application/json")
    assert response.json() == {"predictions": expected}, response.text


def stock_client():
    client.ping()
    assert client.get_version() == "3.17.2", client.get_version()
    for table in (fields, slots):
        assert list(client.invoke(table).get_predictions().iloc[:, 0]) == expected
    nulls = slots.where(slots.notna(), None)
    assert list(client.invoke(nulls).get_predictions().iloc[:, 0]) == expected


def dataframe_split():
    for table in (fields, slots):
        right(post(json.dumps({"dataframe_split": json.loads(table.to_json(orient="split"))})))
    right(post(json.dumps({"dataframe_split": {"data": matrix}})))


def dataframe_records():
    for table in (fields, slots):
        right(post(table.to_json(orient="records").join(['{"dataframe_records":', "}"])))


def instances():
    right(post(json.dumps({"instances": matrix})))
    right(post(fields.to_json(orient="records").join(['{"instances":', "}"])))


def inputs():
    right(post(json.dumps({"inputs": matrix})))
    right(post(json.dumps({"inputs": json.loads(slots.to_json(orient="records"))})))
    right(post(json.dumps({"inputs": {name: slots[name].where(slots[name].notna(), None).tolist() for name in slots}})))
    right(post(json.dumps({"inputs": {name: [[v] for v in fields[name].tolist()] for name in fields}})))


def csv():
    for table in (fields, slots):
        right(post(table.to_csv(index=False), "text/csv"))
        right(post(table.to_csv(index=False, lineterminator="\r\n", quoting=1), "text/csv; charset=utf-8"))
    right(post(fields.assign(note='with, "quotes"\nand lines').to_csv(index=True), "text/csv"))


def by_name():
    right(post(json.dumps({"inputs": matrix}), path="/v1/models/late_ride/invocations"))


def health():
    for path, body in (("/ping", "\n"), ("/version", "3.17.2")):
        response = requests.get(url + path, timeout=120)
        assert (response.status_code, response.text) == (200, body), response.text
    assert requests.get(url + "/health", timeout=120).status_code == 200


def refusals():
    for body in ("", "[]", "5", "{", "{}", '{"inputs": [[1]], "instances": [[1]]}', '{"dataframe_split": [1]}', '{"inputs": []}', '{"inputs": [[1, 2]]}', '{"dataframe_records": [{"zone": "AAA"}]}', '{"inputs": {"zone": ["AAA"], "miles": []}}'):
        response = post(body)
        assert response.status_code == 400, f"{body}: {response.status_code} {response.text}"
        assert set(response.json()) == {"error_code", "message"}, response.text
    for content_type in ("text/plain", "application/json; charset=latin-1", "application/json; pandas-orient=split"):
        assert post("{}", content_type).status_code == 415
    for body in ("", "zone\nAAA", 'zone,miles,shared\n"AAA', "zone,miles,shared\nAAA,far,1", "zone,zone\nAAA,AAA"):
        assert post(body, "text/csv").status_code == 400, body
    assert post(json.dumps({"inputs": matrix}), path="/v1/models/nobody/invocations").status_code == 404


run_all(
    {
        "MLflow's own client pings, asks the version and scores tables": stock_client,
        "dataframe_split": dataframe_split,
        "dataframe_records": dataframe_records,
        "instances": instances,
        "inputs": inputs,
        "CSV, quoted or not, with an index column or without": csv,
        "by the model's name": by_name,
        "ping and version": health,
        "what cannot be read is refused in MLflow's words": refusals,
    }
)
