"""Feast's own SDK against /search: feast-documents.py <url> <folder>.
One JSON line a scenario: {"scenario": ..., "problem": null or text}. The view is that of feast-documents.servers.ts."""
import math
import os
import sys
from datetime import timedelta

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.filter_models import ComparisonFilter, CompoundFilter
from feast.types import Array, Float32, Int64, String
from feast.value_type import ValueType
from scenario import run_all

url, folder = sys.argv[1], sys.argv[2]
store = FeatureStore(
    config=RepoConfig(
        project="songs",
        provider="local",
        registry=os.path.join(folder, "registry.db"),
        online_store={"type": "remote", "path": url},
        entity_key_serialization_version=3,
    )
)
album = Entity(name="album", join_keys=["album"], value_type=ValueType.STRING)
number = Entity(name="track", join_keys=["track"], value_type=ValueType.INT64)
track = FeatureView(
    name="track",
    entities=[album, number],
    ttl=timedelta(days=1),
    schema=[
        Field(name="album", dtype=String),
        Field(name="track", dtype=Int64),
        Field(name="sound", dtype=Array(Float32), vector_index=True, vector_length=2, vector_search_metric="cosine"),
        Field(name="mood", dtype=String),
    ],
    source=FileSource(name="songs", path=os.path.join(folder, "songs.parquet"), timestamp_field="at"),
)
store.apply([album, number, track])


def near(values, expected):
    assert len(values) == len(expected), (values, expected)
    for one, other in zip(values, expected):
        assert math.isclose(one, other, abs_tol=1e-6), (values, expected)


def first_shape():
    answer = store.retrieve_online_documents(features=["track:sound"], query=[1.0, 0.0], top_k=3).to_dict()
    vectors = answer["sound"]
    assert len(vectors) == 3, answer
    for i, vector in enumerate(vectors):
        near(vector, [math.cos(i / 10), math.sin(i / 10)])


def second_shape():
    answer = store.retrieve_online_documents_v2(features=["track:sound", "track:mood"], query=[math.cos(0.51), math.sin(0.51)], top_k=2).to_dict()
    assert answer["album"] == ["b", "b"] and answer["track"] == [5, 6], answer
    assert answer["mood"] == ["wild", "calm"], answer
    near(answer["distance"], [1 - math.cos(0.01), 1 - math.cos(0.09)])
    near(answer["sound"][0], [math.cos(0.5), math.sin(0.5)])


def filtered():
    calm = ComparisonFilter(type="eq", key="mood", value="calm")
    answer = store.retrieve_online_documents_v2(features=["track:mood"], query=[1.0, 0.0], top_k=3, filters=calm).to_dict()
    assert answer["track"] == [0, 2, 4] and answer["mood"] == ["calm"] * 3, answer
    both = CompoundFilter(type="and", filters=[calm])
    answer = store.retrieve_online_documents_v2(features=["track:mood"], query=[0.0, 1.0], top_k=1, filters=both).to_dict()
    assert answer["track"] == [8], answer


def nothing_near():
    nobody = ComparisonFilter(type="eq", key="mood", value="nobody")
    answer = store.retrieve_online_documents_v2(features=["track:mood"], query=[1.0, 0.0], top_k=3, filters=nobody).to_dict()
    assert answer == {"mood": [], "distance": []}, answer


def refusals():
    for arguments, text in [
        ({"query_string": "loud"}, "query_string"),
        ({"query": [1.0, 0.0, 0.0]}, "expected 2 numbers, got 3"),
        ({"query": [1.0, 0.0], "filters": ComparisonFilter(type="gt", key="mood", value="a")}, "filters.type"),
    ]:
        try:
            store.retrieve_online_documents_v2(features=["track:mood"], top_k=3, **arguments)
        except RuntimeError as error:
            assert "Error_code=400" in str(error) and text in str(error), error
        else:
            raise AssertionError(f"{arguments} was answered")


run_all(
    {
        "retrieve_online_documents gives the nearest vectors and their distances": first_shape,
        "retrieve_online_documents_v2 gives keys, features and distances": second_shape,
        "a filter of equal values": filtered,
        "nothing near is no error": nothing_near,
        "what the server does not do is refused in its own words": refusals,
    }
)
