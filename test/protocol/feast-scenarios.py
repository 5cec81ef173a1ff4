"""Feast's own SDK, and requests, against /get-online-features and /push: feast-scenarios.py <url> <folder>.
One JSON line a scenario: {"scenario": ..., "problem": null or text}. The views are those of feast.servers.ts."""
import os
import sys
from datetime import timedelta

import requests
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float64, Int64, String
from feast.value_type import ValueType
from scenario import run_all

url, folder = sys.argv[1], sys.argv[2]
store = FeatureStore(
    config=RepoConfig(
        project="rides",
        provider="local",
        registry=os.path.join(folder, "registry.db"),
        online_store={"type": "remote", "path": url},
        entity_key_serialization_version=3,
    )
)
zone = Entity(name="zone", join_keys=["zone"], value_type=ValueType.STRING)
source = FileSource(name="rides", path=os.path.join(folder, "rides.parquet"), timestamp_field="at")
zone_rides = FeatureView(
    name="zone",
    entities=[zone],
    ttl=timedelta(days=1),
    schema=[Field(name="zone", dtype=String), Field(name="rides_2h", dtype=Int64), Field(name="late_2h", dtype=Float64)],
    source=source,
)


def push_by_columns():
    frame = {
        "at": ["2001-04-01T11:00:00Z", "2001-04-01T11:10:00Z", "2001-04-01T11:20:00Z", "2001-04-01T11:50:00Z"],
        "zone": ["AAA", "AAA", "BBB", "AAA"],
        "miles": [3.0, 4.5, 9.0, 2.0],
        "late": [1, 0, 0, 1],
        "seats": [2, 4, 2, 2],
        "shared": [True, False, False, True],
    }
    body = {"push_source_name": "rides", "df": frame, "to": "online_and_offline"}
    headers = {"Idempotency-Key": "first"}
    response = requests.post(url + "/push", json=body, headers=headers, timeout=120)
    assert response.status_code == 200, response.text
    assert response.json() == {"applied": True, "rejected": []}, response.text
    again = requests.post(url + "/push", json=body, headers=headers, timeout=120)
    assert again.json() == {"applied": False, "rejected": []}, again.text


def stock_store():
    store.apply([zone, zone_rides])
    rows = [{"zone": "AAA"}, {"zone": "BBB"}, {"zone": "ZZZ"}]
    answer = store.get_online_features(features=["zone:rides_2h", "zone:late_2h"], entity_rows=rows)
    # Known half an hour after it began: the ride of 11:50 is not known at noon.
    assert answer.to_dict() == {"zone": ["AAA", "BBB", "ZZZ"], "rides_2h": [2, 1, 0], "late_2h": [0.5, 0.0, None]}, answer.to_dict()
    frame = answer.to_df()
    assert list(frame["rides_2h"]) == [2, 1, 0]


def full_names():
    answer = store.get_online_features(features=["zone:rides_2h"], entity_rows=[{"zone": "BBB"}], full_feature_names=True).to_dict()
    assert answer == {"zone": ["BBB"], "zone__rides_2h": [1]}, answer


def raw_shape():
    response = requests.post(url + "/get-online-features", json={"features": ["zone:late_2h"], "entities": {"zone": ["AAA", "ZZZ"]}}, timeout=120)
    assert response.status_code == 200, response.text
    epoch = "1970-01-01T00:00:00Z"
    assert response.json() == {
        "metadata": {"feature_names": ["zone", "late_2h"]},
        "results": [
            {"values": ["AAA", "ZZZ"], "statuses": ["PRESENT", "PRESENT"], "event_timestamps": [epoch, epoch]},
            {"values": [0.5, None], "statuses": ["PRESENT", "NOT_FOUND"], "event_timestamps": [epoch, epoch]},
        ],
    }, response.text


def whole_service():
    body = {"feature_service": "late_ride", "entities": {"zone": ["AAA"], "miles": [3.5], "shared": [True]}}
    answer = requests.post(url + "/get-online-features", json=body, timeout=120).json()
    values = dict(zip(answer["metadata"]["feature_names"], (result["values"][0] for result in answer["results"])))
    assert values == {"zone": "AAA", "miles": 3.5, "shared": 1, "rides_2h": 2, "late_2h": 0.5}, values


def refusals():
    for body, status, field in [
        ({"features": ["nowhere:x"], "entities": {"zone": ["AAA"]}}, 404, "features"),
        ({"features": ["zone:nothing"], "entities": {"zone": ["AAA"]}}, 404, "features[0]"),
        ({"features": ["zone:rides_2h"], "entities": {}}, 400, "entities.zone"),
        ({"features": ["zone:rides_2h"], "entities": {"zone": ["A"], "other": []}}, 400, "entities.other"),
        ({"features": ["zone"], "entities": {"zone": ["A"]}}, 400, "features[0]"),
        ({"features": ["zone:rides_2h", "zone:rides_2h"], "entities": {"zone": ["A"]}}, 400, "features[1]"),
        ({"feature_service": "nobody", "entities": {}}, 404, "feature_service"),
        ({"features": ["zone:rides_2h"], "entities": {"zone": [{"a": 1}]}}, 400, "entities.zone[0]"),
        ({"features": ["zone:rides_2h"], "entities": {"zone": ["AAA", 7]}}, 400, "entities.zone[1]"),
    ]:
        response = requests.post(url + "/get-online-features", json=body, timeout=120)
        assert response.status_code == status, (body, response.status_code, response.text)
        assert field in response.json()["error"]["message"], response.text
    for body in [{"push_source_name": "rides", "df": {}}, {"push_source_name": "rides", "df": {"zone": ["A"], "at": []}}, {"push_source_name": "rides", "df": {"zone": ["A"]}, "to": "offline"}]:
        assert requests.post(url + "/push", json=body, timeout=120).status_code == 400
    assert requests.post(url + "/push", json={"push_source_name": "nobody", "df": {"zone": ["A"]}}, timeout=120).status_code == 404


run_all(
    {
        "a pushed frame is taken once under its idempotency key": push_by_columns,
        "Feast's FeatureStore reads through its remote online store": stock_store,
        "full feature names": full_names,
        "the raw shape: one result a name, statuses and times": raw_shape,
        "a model's whole vector by its feature service": whole_service,
        "what cannot be read or pushed is refused by field": refusals,
    }
)
