"""What a person does with MLflow's stock client, against the server in MLFLOW_TRACKING_URI.

Prints one JSON line a scenario: its name and what went wrong, if anything did.
"""

import json
import math
import os
import tempfile

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType
from scenario import refused, run_all, scenario

client = MlflowClient()


@scenario("an experiment is made by name, found, renamed, tagged, deleted and restored")
def _experiments():
    made = mlflow.set_experiment("airline")
    assert mlflow.set_experiment("airline").experiment_id == made.experiment_id
    assert made.lifecycle_stage == "active" and made.artifact_location == f"mlflow-artifacts:/{made.experiment_id}"
    assert made.creation_time > 1_600_000_000_000
    client.set_experiment_tag(made.experiment_id, "team", "ops")
    client.rename_experiment(made.experiment_id, "airline 2")
    found = client.get_experiment_by_name("airline 2")
    assert found.tags == {"team": "ops"} and found.experiment_id == made.experiment_id
    assert client.get_experiment_by_name("airline") is None
    refused("RESOURCE_ALREADY_EXISTS", lambda: client.create_experiment("airline 2"))
    client.delete_experiment(made.experiment_id)
    assert client.get_experiment(made.experiment_id).lifecycle_stage == "deleted"
    refused("RESOURCE_ALREADY_EXISTS", lambda: client.create_experiment("airline 2"))
    refused("INVALID_PARAMETER_VALUE", lambda: client.create_run(made.experiment_id))
    client.restore_experiment(made.experiment_id)
    assert client.get_experiment(made.experiment_id).lifecycle_stage == "active"
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_experiment("12345"))
    assert client.get_experiment("0").name == "Default"


@scenario("experiments are searched by name, tag and order, page by page")
def _experiment_search():
    ids = [client.create_experiment(f"search {i}", tags={"parity": "odd" if i % 2 else "even"}) for i in range(5)]
    names = lambda found: [e.name for e in found]
    assert names(client.search_experiments(filter_string="name LIKE 'search %'", order_by=["name DESC"])) == [f"search {i}" for i in (4, 3, 2, 1, 0)]
    assert names(client.search_experiments(filter_string="tags.parity = 'odd'", order_by=["name"])) == ["search 1", "search 3"]
    page = client.search_experiments(filter_string="name LIKE 'search %'", order_by=["name"], max_results=2)
    assert names(page) == ["search 0", "search 1"] and page.token
    page = client.search_experiments(filter_string="name LIKE 'search %'", order_by=["name"], max_results=2, page_token=page.token)
    assert names(page) == ["search 2", "search 3"]
    client.delete_experiment(ids[0])
    assert "search 0" not in names(client.search_experiments())
    assert names(client.search_experiments(view_type=ViewType.DELETED_ONLY, filter_string="name ILIKE 'SEARCH%'")) == ["search 0"]


@scenario("a run logged with the fluent API reads back as it was logged")
def _fluent():
    mlflow.set_experiment("fluent")
    with mlflow.start_run(run_name="first", tags={"stage": "dev"}, description="a note") as run:
        mlflow.log_param("depth", 3)
        mlflow.log_params({"lr": 0.1, "empty": "", "unicode näme": "ünïcode"})
        mlflow.log_metric("auc", 0.75)
        for step in range(3):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"nan": float("nan"), "inf": float("inf"), "val/f1": 0.5}, step=7)
        mlflow.set_tag("kind", "gbdt")
        mlflow.set_tags({"a": 1, "b": None})
    kept = client.get_run(run.info.run_id)
    assert kept.info.status == "FINISHED" and kept.info.run_name == "first" and kept.info.end_time >= kept.info.start_time
    assert kept.data.params == {"depth": "3", "lr": "0.1", "empty": "", "unicode näme": "ünïcode"}, kept.data.params
    assert kept.data.metrics["auc"] == 0.75 and kept.data.metrics["loss"] == 1 / 3 and kept.data.metrics["val/f1"] == 0.5
    assert math.isnan(kept.data.metrics["nan"]) and kept.data.metrics["inf"] > 1.79e308
    assert kept.data.tags["stage"] == "dev" and kept.data.tags["kind"] == "gbdt" and kept.data.tags["a"] == "1"
    assert kept.data.tags["mlflow.runName"] == "first" and kept.data.tags["mlflow.note.content"] == "a note"
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert client.get_metric_history(run.info.run_id, "absent") == []


@scenario("a run that fails says so, and one without a name gets one")
def _failure():
    mlflow.set_experiment("fluent")
    try:
        with mlflow.start_run() as run:
            raise ValueError("planned")
    except ValueError:
        pass
    kept = client.get_run(run.info.run_id)
    assert kept.info.status == "FAILED" and len(kept.info.run_name) > 4


@scenario("a param keeps its first value, and the refusal says which")
def _params():
    run = client.create_run("0")
    client.log_param(run.info.run_id, "p", "1")
    client.log_param(run.info.run_id, "p", "1")
    message = refused("INVALID_PARAMETER_VALUE", lambda: client.log_batch(run.info.run_id, params=[Param("p", "2")]))
    assert "Changing param values is not allowed" in message
    client.log_param(run.info.run_id, "long", "x" * 7000)
    assert len(client.get_run(run.info.run_id).data.params["long"]) == 6000


@scenario("a batch of a thousand is stored whole, and sent twice is stored once")
def _batch():
    run = client.create_run("0")
    id = run.info.run_id
    metrics = [Metric("m", i / 10, 1000 + i, i) for i in range(800)]
    for _ in range(2):
        client.log_batch(id, metrics=metrics, params=[Param(f"p{i}", str(i)) for i in range(100)], tags=[RunTag(f"t{i}", str(i)) for i in range(100)])
    kept = client.get_run(id)
    assert len(kept.data.params) == 100 and kept.data.tags["t99"] == "99" and kept.data.metrics["m"] == 79.9
    assert [m.value for m in client.get_metric_history(id, "m")] == [i / 10 for i in range(800)]


@scenario("a history of many pages comes whole and in order")
def _history():
    run = client.create_run("0")
    id = run.info.run_id
    for start in range(0, 26_000, 1000):
        client.log_batch(id, metrics=[Metric("m", float(i % 7), i, i) for i in range(start, start + 1000)])
    history = client.get_metric_history(id, "m")
    assert [m.step for m in history] == list(range(26_000)) and [m.value for m in history] == [float(i % 7) for i in range(26_000)]


@scenario("runs are searched to pandas with filters on metrics, params, tags and attributes, and ordered")
def _search():
    experiment = client.create_experiment("search runs")
    ids = []
    for i in range(10):
        run = client.create_run(experiment, run_name=f"run {i}", start_time=1000 + i)
        ids.append(run.info.run_id)
        client.log_metric(run.info.run_id, "auc", i / 10)
        client.log_param(run.info.run_id, "seed", i % 3)
        if i % 2 == 0:
            client.set_tag(run.info.run_id, "even tag", "yes")
        if i == 9:
            client.log_metric(run.info.run_id, "auc", float("nan"), step=1)
        client.set_terminated(run.info.run_id, "FINISHED" if i < 8 else "FAILED")

    def numbers(filter_string="", order_by=None, **more):
        frame = mlflow.search_runs([experiment], filter_string, order_by=order_by, **more)
        return [] if frame.empty else [int(name[4:]) for name in frame["tags.mlflow.runName"]]

    assert numbers() == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert numbers("metrics.auc > 0.55", ["metrics.auc ASC"]) == [6, 7, 8]
    assert numbers("metrics.auc >= 0.3 AND metrics.auc < 0.6 AND params.seed = '0'") == [3]
    assert numbers("tags.`even tag` = 'yes' and params.seed != '0'", ["start_time"]) == [2, 4, 8]
    assert numbers("attributes.status = 'FAILED'", ["start_time ASC"]) == [8, 9]
    assert numbers("run_name LIKE 'run _' and start_time <= 1002", ["attributes.start_time DESC"]) == [2, 1, 0]
    assert numbers("tags.`even tag` IS NULL", ["start_time"]) == [1, 3, 5, 7, 9]
    assert numbers(f"run_id IN ('{ids[1]}', '{ids[4]}')", ["start_time"]) == [1, 4]
    assert numbers("metrics.auc < 5 OR (params.seed = '0' AND NOT run_name = 'run 0')", ["start_time"]) == list(range(10))
    assert numbers("", ["metrics.auc DESC"]) == [8, 7, 6, 5, 4, 3, 2, 1, 0, 9]
    assert numbers("", ["params.seed DESC", "metrics.auc"], max_results=4) == [2, 5, 8, 1]
    frame = mlflow.search_runs([experiment], "metrics.auc = 0.5")
    assert frame.loc[0, "metrics.auc"] == 0.5 and frame.loc[0, "params.seed"] == "2" and frame.loc[0, "run_id"] == ids[5]
    seen, token = [], None
    while True:
        page = client.search_runs([experiment], order_by=["params.seed", "metrics.auc DESC"], max_results=3, page_token=token)
        seen += [run.info.run_id for run in page]
        token = page.token
        if not token:
            break
    assert sorted(seen) == sorted(ids) and len(seen) == 10
    for bad in ("metrics.auc > 'x'", "params.seed = 1", "nothing.x = 1", "metrics.auc >", "params.seed = 'x' params"):
        refused("INVALID_PARAMETER_VALUE", lambda: client.search_runs([experiment], bad))
    refused("INVALID_PARAMETER_VALUE", lambda: client.search_runs([experiment], page_token="junk"))


@scenario("a deleted run leaves the searches, refuses writes and comes back")
def _deleted():
    experiment = client.create_experiment("deletions")
    id = client.create_run(experiment).info.run_id
    client.log_metric(id, "a", 1)
    client.delete_run(id)
    assert client.get_run(id).info.lifecycle_stage == "deleted"
    assert list(client.search_runs([experiment])) == []
    assert [r.info.run_id for r in client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)] == [id]
    assert [r.info.run_id for r in client.search_runs([experiment], run_view_type=ViewType.ALL)] == [id]
    message = refused("INVALID_PARAMETER_VALUE", lambda: client.log_metric(id, "a", 2))
    assert "must be in the 'active' state" in message
    client.restore_run(id)
    client.log_metric(id, "a", 3, step=1)
    assert client.get_run(id).data.metrics == {"a": 3}
    client.set_tag(id, "t", "1")
    client.delete_tag(id, "t")
    assert "t" not in client.get_run(id).data.tags
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.delete_tag(id, "t"))
    refused("RESOURCE_DOES_NOT_EXIST", lambda: client.get_run("0" * 32))


@scenario("nested runs name their parent and are found by it")
def _nested():
    mlflow.set_experiment("nested")
    with mlflow.start_run() as parent:
        for i in range(3):
            with mlflow.start_run(nested=True, run_name=f"child {i}"):
                mlflow.log_metric("i", i)
    frame = mlflow.search_runs(experiment_names=["nested"], filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'", order_by=["metrics.i"])
    assert list(frame["tags.mlflow.runName"]) == ["child 0", "child 1", "child 2"]


@scenario("a run is resumed, renamed and ended again")
def _resumed():
    mlflow.set_experiment("nested")
    with mlflow.start_run() as run:
        mlflow.log_metric("a", 1)
    with mlflow.start_run(run_id=run.info.run_id):
        assert client.get_run(run.info.run_id).info.status == "RUNNING"
        mlflow.set_tag("mlflow.runName", "renamed")
    kept = client.get_run(run.info.run_id)
    assert kept.info.status == "FINISHED" and kept.info.run_name == "renamed" and kept.data.tags["mlflow.runName"] == "renamed"
    client.update_run(run.info.run_id, status="KILLED", name="again")
    assert client.get_run(run.info.run_id).info.run_name == "again"


@scenario("files, folders, texts and dicts go up, are listed and come down as they were")
def _artifacts():
    mlflow.set_experiment("artifacts")
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
        id = run.info.run_id
        os.makedirs(f"{folder}/up/deep")
        contents = {"one.bin": b"\0", "empty.txt": b"", "a b ü 50%.txt": "ünïcode".encode(), "deep/big.bin": os.urandom(3_000_000)}
        for name, content in contents.items():
            with open(f"{folder}/up/{name}", "wb") as file:
                file.write(content)
        mlflow.log_artifact(f"{folder}/up/one.bin")
        mlflow.log_artifacts(f"{folder}/up", artifact_path="tree")
        mlflow.log_text("some text", "notes/text.txt")
        mlflow.log_dict({"a": [1, 2]}, "dict.json")
        listed = {f.path: (f.is_dir, f.file_size) for f in client.list_artifacts(id)}
        assert listed == {"one.bin": (False, 1), "tree": (True, None), "notes": (True, None), "dict.json": (False, listed["dict.json"][1])}, listed
        assert {f.path for f in client.list_artifacts(id, "tree")} == {"tree/one.bin", "tree/empty.txt", "tree/a b ü 50%.txt", "tree/deep"}
        assert client.list_artifacts(id, "absent") == []
        down = mlflow.artifacts.download_artifacts(run_id=id, artifact_path="tree", dst_path=f"{folder}/down")
        for name, content in contents.items():
            with open(f"{down}/{name}", "rb") as file:
                assert file.read() == content, name
        assert mlflow.artifacts.load_text(f"runs:/{id}/notes/text.txt") == "some text"
        assert mlflow.artifacts.load_dict(f"runs:/{id}/dict.json") == {"a": [1, 2]}
        assert mlflow.get_artifact_uri().startswith("mlflow-artifacts:/")
        mlflow.log_text("other", "notes/text.txt")
        assert mlflow.artifacts.load_text(f"runs:/{id}/notes/text.txt") == "other"
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        get_artifact_repository(mlflow.get_artifact_uri()).delete_artifacts("tree")
        assert "tree" not in {f.path for f in client.list_artifacts(id)}


@scenario("a dataset a run read is named on it, once however often it is logged")
def _datasets():
    import pandas

    mlflow.set_experiment("datasets")
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    with mlflow.start_run() as run:
        for _ in range(2):
            mlflow.log_input(mlflow.data.from_pandas(frame, name="flights", source="flights.parquet"), context="training", tags={"day": "1"})
        mlflow.log_input(mlflow.data.from_pandas(frame.head(1), name="held out"), context="eval")
    read = {d.dataset.name: d for d in client.get_run(run.info.run_id).inputs.dataset_inputs}
    assert sorted(read) == ["flights", "held out"]
    assert {t.key: t.value for t in read["flights"].tags} == {"mlflow.data.context": "training", "day": "1"}
    assert json.loads(read["flights"].dataset.profile) == {"num_rows": 2, "num_elements": 4}
    assert mlflow.data.get_source(read["flights"]) is not None
    assert [d.dataset.name for d in client.search_runs([run.info.experiment_id])[0].inputs.dataset_inputs] == ["flights", "held out"]


@scenario("status codes and times given by the client are kept")
def _given():
    run = client.create_run("0", start_time=123_456, tags={"mlflow.user": "ada"}, run_name="given")
    assert run.info.start_time == 123_456 and run.info.run_name == "given" and run.info.status == "RUNNING"
    client.set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.KILLED), end_time=234_567)
    kept = client.get_run(run.info.run_id)
    assert kept.info.end_time == 234_567 and kept.info.status == "KILLED" and kept.data.tags["mlflow.user"] == "ada"
    refused("INVALID_PARAMETER_VALUE", lambda: client.create_run("0", run_name="a", tags={"mlflow.runName": "b"}))


run_all()
