"""What a person does with the registry of MLflow's stock client, against the server in MLFLOW_TRACKING_URI.

Prints one JSON line a scenario: its name and what went wrong, if anything did.
"""

import os
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor

import mlflow
from mlflow import MlflowClient
from scenario import refused, run_all, scenario

warnings.simplefilter("ignore")
client = MlflowClient()


def run_with_model(text="MODEL"):
    """A run with a folder that looks like a logged model."""
    with mlflow.start_run() as run:
        mlflow.log_text("flavors: {}\n", "model/MLmodel")
        mlflow.log_text(text, "model/model.txt")
    return run.info.run_id


@scenario("register_model makes the model and its first version from a run")
def _register():
    run_id = run_with_model("first")
    first = mlflow.register_model(f"runs:/{run_id}/model", "late arrival", tags={"by": "test"})
    second = mlflow.register_model(f"runs:/{run_with_model('second')}/model", "late arrival")
    assert (first.version, second.version) == ("1", "2"), (first.version, second.version)
    assert first.run_id == run_id and first.status == "READY" and first.tags == {"by": "test"}
    assert first.source == f"mlflow-artifacts:/0/{run_id}/artifacts/model", first.source
    assert client.get_model_version_download_uri("late arrival", "1") == first.source


@scenario("models:/name/version, @alias, latest and stage come down as they were logged")
def _download():
    client.set_registered_model_alias("late arrival", "best", 1)
    client.transition_model_version_stage("late arrival", 1, "Staging")
    for uri, expected in [("1", "first"), ("latest", "second"), ("Staging", "first")]:
        with tempfile.TemporaryDirectory() as folder:
            mlflow.artifacts.download_artifacts(f"models:/late arrival/{uri}", dst_path=folder)
            with open(os.path.join(folder, "model.txt")) as file:
                assert file.read() == expected, uri
    with tempfile.TemporaryDirectory() as folder:
        mlflow.artifacts.download_artifacts("models:/late arrival@best", dst_path=folder)
        with open(os.path.join(folder, "model.txt")) as file:
            assert file.read() == "first"


@scenario("a model is described, tagged, renamed and deleted")
def _model():
    made = client.create_registered_model("UpdateRMTest 2", tags={"key": "value", "numeric value": 12345}, description="d")
    assert made.tags == {"key": "value", "numeric value": "12345"} and made.description == "d"
    refused("RESOURCE_ALREADY_EXISTS", lambda: client.create_registered_model("UpdateRMTest 2"))
    client.set_registered_model_tag(made.name, "empty", "")
    client.delete_registered_model_tag(made.name, "key")
    client.update_registered_model(made.name, "other")
    client.rename_registered_model(made.name, "UpdateRMTest 3")
    found = client.get_registered_model("UpdateRMTest 3")
    assert found.tags == {"numeric value": "12345", "empty": ""} and found.description == "other"
    assert found.creation_timestamp == made.creation_timestamp
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_registered_model("UpdateRMTest 2"))
    client.delete_registered_model("UpdateRMTest 3")
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.rename_registered_model("UpdateRMTest 3", "x"))


@scenario("a version is described, tagged, staged, aliased, copied and deleted")
def _version():
    name = "versions"
    client.create_registered_model(name)
    for i in range(3):
        client.create_model_version(name, f"s3://bucket/{i}", tags={"i": i}, description=f"number {i}")
    client.update_model_version(name, 1, "first")
    client.set_model_version_tag(name, 1, "k", "v")
    client.delete_model_version_tag(name, 1, "i")
    client.set_registered_model_alias(name, "best", 1)
    one = client.get_model_version(name, 1)
    assert one.description == "first" and one.tags == {"k": "v"} and one.aliases == ["best"]
    assert client.get_model_version_by_alias(name, "best") == one
    assert client.get_registered_model(name).aliases == {"best": "1"}
    client.transition_model_version_stage(name, 1, "production")
    client.transition_model_version_stage(name, 2, "Production", archive_existing_versions=True)
    assert {v.current_stage: v.version for v in client.get_latest_versions(name)} == {"None": "3", "Production": "2", "Archived": "1"}
    copied = client.copy_model_version(f"models:/{name}@best", "copies")
    assert copied.source == f"models:/{name}/1" and client.get_model_version_download_uri("copies", copied.version) == "s3://bucket/0"
    client.delete_model_version(name, 1)
    assert client.get_registered_model(name).aliases == {}
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_model_version(name, 1))
    assert client.create_model_version(name, "s3://bucket/9").version == "4"


@scenario("models and versions are searched, ordered and paged")
def _search():
    names = [f"search {i}" for i in range(7)]
    for i, name in enumerate(names):
        client.create_registered_model(name, tags={"parity": "odd" if i % 2 else "even"})
        client.create_model_version(name, f"s3://bucket/{i}", tags={"i": i})
    found = lambda **query: [m.name for m in client.search_registered_models(**query)]
    assert found(filter_string="name LIKE 'search %'", max_results=100) == names
    assert found(filter_string="name ILIKE 'SEARCH%' AND tags.parity = 'odd'", order_by=["name DESC"]) == ["search 5", "search 3", "search 1"]
    page = client.search_registered_models("name LIKE 'search %'", max_results=4)
    assert [m.name for m in page] == names[:4] and page.token
    assert [m.name for m in client.search_registered_models("name LIKE 'search %'", max_results=4, page_token=page.token)] == names[4:]
    assert [v.name for v in client.search_model_versions("name LIKE 'search %' and tags.i = '3'")] == ["search 3"]
    assert [v.name for v in client.search_model_versions("name LIKE 'search %'", order_by=["name DESC"], max_results=2)] == ["search 6", "search 5"]
    refused("INVALID_PARAMETER_VALUE", lambda: client.search_model_versions("metrics.a = 1"))


@scenario("clients that race for the next version get each its own")
def _race():
    client.create_registered_model("contested")
    make = lambda i: int(MlflowClient().create_model_version("contested", f"s3://bucket/{i}").version)
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(make, range(40))) == list(range(1, 41))


@scenario("a prompt is registered, loaded and kept out of the models")
def _prompt():
    made = mlflow.genai.register_prompt(name="greeting", template="Hello {{name}}", commit_message="first")
    assert made.version == 1
    assert mlflow.genai.load_prompt("prompts:/greeting/1").template == "Hello {{name}}"
    assert "greeting" not in [m.name for m in client.search_registered_models()]
    assert [p.name for p in mlflow.genai.search_prompts()] == ["greeting"]


run_all()
