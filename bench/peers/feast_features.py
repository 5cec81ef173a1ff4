"""Stock Feast for bench/features.ts. Prints one line of JSON.

  feast_features.py online <folder> <sqlite | redis://host:port> <data folder> <views> <columns> <end, ISO>
      makes a repository over <data folder>/stats_<v>.parquet, applies and materializes it; `feast -c <folder> serve` then answers
  feast_features.py offline <folder> <dask | duckdb> <events.parquet> <spine.parquet> <spine rows>
      the newest event of each spine row's route, by Feast's local engine
"""
import json
import os
import resource
import sys
import time
from datetime import datetime, timedelta, timezone

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, PushSource, RepoConfig
from feast.types import Float64, Int64, String
from feast.value_type import ValueType


def online(folder, store_name, data, views, columns, end):
    os.makedirs(folder, exist_ok=True)
    if store_name == "sqlite":
        online_store = {"type": "sqlite", "path": os.path.join(folder, "online.db")}
    else:
        online_store = {"type": "redis", "connection_string": store_name.removeprefix("redis://")}
    settings = {
        "project": "bench",
        "provider": "local",
        "registry": os.path.join(folder, "registry.db"),
        "online_store": online_store,
        "entity_key_serialization_version": 3,
    }
    with open(os.path.join(folder, "feature_store.yaml"), "w") as file:
        json.dump(settings, file)  # JSON is YAML
    store = FeatureStore(repo_path=folder)
    driver = Entity(name="driver", join_keys=["driver"], value_type=ValueType.INT64)
    objects = [driver]
    for v in range(views):
        batch = FileSource(name=f"file_{v}", path=os.path.join(data, f"stats_{v}.parquet"), timestamp_field="event_timestamp")
        push = PushSource(name=f"stats_{v}", batch_source=batch)
        objects += [push, FeatureView(
            name=f"view_{v}",
            entities=[driver],
            ttl=timedelta(days=365),
            schema=[Field(name="driver", dtype=Int64)] + [Field(name=f"f{c}", dtype=Float64) for c in range(columns)],
            source=push,
        )]
    store.apply(objects)
    started = time.perf_counter()
    cpu = time.process_time()
    to = datetime.fromisoformat(end).replace(tzinfo=timezone.utc)
    store.materialize(to - timedelta(days=60), to)
    size = os.path.getsize(online_store["path"]) if store_name == "sqlite" else None
    return {"seconds": time.perf_counter() - started, "cpuSeconds": time.process_time() - cpu, "bytes": size}


def offline(folder, engine, events, spine, rows):
    os.makedirs(folder, exist_ok=True)
    # More memory than this is an answer too: the machine is shared.
    limit = 8 * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    store = FeatureStore(config=RepoConfig(
        project="bench", provider="local", registry=os.path.join(folder, "registry.db"), offline_store={"type": engine},
        online_store={"type": "sqlite", "path": os.path.join(folder, "online.db")}, entity_key_serialization_version=3,
    ))
    route = Entity(name="route", join_keys=["route"], value_type=ValueType.STRING)
    view = FeatureView(
        name="on_route",
        entities=[route],
        ttl=timedelta(days=365),
        schema=[Field(name="route", dtype=String), Field(name="delay", dtype=Int64), Field(name="distance", dtype=Int64)],
        source=FileSource(name="events", path=events, timestamp_field="event_timestamp"),
    )
    store.apply([route, view])
    asked = pd.read_parquet(spine).iloc[:rows]
    asked["event_timestamp"] = asked["event_timestamp"].dt.tz_localize("UTC")
    started = time.perf_counter()
    found = store.get_historical_features(entity_df=asked, features=["on_route:delay", "on_route:distance"]).to_df()
    return {"rows": len(found), "seconds": time.perf_counter() - started, "peakMemoryMb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    kind, *given = sys.argv[1:]
    if kind == "online":
        folder, store_name, data, views, columns, end = given
        answer = online(folder, store_name, data, int(views), int(columns), end)
    else:
        folder, engine, events, spine, rows = given
        answer = offline(folder, engine, events, spine, int(rows))
    print(json.dumps(answer))
