"""What teams do with workspaces through MLflow's stock client, against the server in MLFLOW_TRACKING_URI.

Prints one JSON line a scenario: its name and what went wrong, if anything did.
"""

import os
import subprocess
import sys
import tempfile
import warnings

import mlflow
from mlflow import MlflowClient
from scenario import refused, run_all, scenario

warnings.simplefilter("ignore")


@scenario("a workspace is created, listed, described and read")
def _manage():
    made = mlflow.create_workspace("team-a", description="first")
    assert (made.name, made.description, made.default_artifact_root) == ("team-a", "first", None), made
    mlflow.create_workspace("team-b")
    assert [w.name for w in mlflow.list_workspaces()] == ["default", "team-a", "team-b"]
    assert mlflow.update_workspace("team-a", description="changed").description == "changed"
    assert mlflow.get_workspace("team-a").description == "changed"
    refused("RESOURCE_ALREADY_EXISTS", lambda: mlflow.create_workspace("team-a"))
    refused("RESOURCE_DOES_NOT_EXIST", lambda: mlflow.get_workspace("team-c"))
    refused("INVALID_PARAMETER_VALUE", lambda: mlflow.delete_workspace("default"))


@scenario("the same names in two workspaces are two experiments, runs and models")
def _apart():
    ids = {}
    for workspace in ["team-a", "team-b"]:
        mlflow.set_workspace(workspace)
        experiment = mlflow.set_experiment("same")
        assert experiment.artifact_location == f"mlflow-artifacts:/workspaces/{workspace}/{experiment.experiment_id}"
        with mlflow.start_run(run_name=workspace) as run:
            mlflow.log_param("workspace", workspace)
            mlflow.log_metric("auc", 0.7)
            mlflow.log_text(workspace, "notes/a.txt")
            mlflow.log_text("flavors: {}\n", "model/MLmodel")
        assert run.info.artifact_uri.startswith(f"mlflow-artifacts:/workspaces/{workspace}/")
        assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt") == workspace
        version = mlflow.register_model(f"runs:/{run.info.run_id}/model", "same")
        assert version.version == "1", version
        MlflowClient().set_registered_model_alias("same", "best", 1)
        with tempfile.TemporaryDirectory() as folder:
            local = mlflow.artifacts.download_artifacts("models:/same@best", dst_path=folder)
            assert os.path.exists(os.path.join(local, "MLmodel"))
        ids[workspace] = (experiment.experiment_id, run.info.run_id)
    assert ids["team-a"] != ids["team-b"]
    for workspace, other in [("team-a", "team-b"), ("team-b", "team-a")]:
        mlflow.set_workspace(workspace)
        frame = mlflow.search_runs(search_all_experiments=True)
        assert list(frame["params.workspace"]) == [workspace], frame
        assert [m.name for m in mlflow.search_registered_models()] == ["same"]
        experiment_id, run_id = ids[other]
        assert refused("RESOURCE_DOES_NOT_EXIST", lambda: mlflow.get_run(run_id)).endswith(f"Run with id={run_id} not found")
        refused("RESOURCE_DOES_NOT_EXIST", lambda: mlflow.get_experiment(experiment_id))
        assert len(MlflowClient().search_runs([experiment_id])) == 0
        refused("RESOURCE_DOES_NOT_EXIST", lambda: MlflowClient().log_metric(run_id, "auc", 0))
        refused("RESOURCE_DOES_NOT_EXIST", lambda: MlflowClient().create_run(experiment_id))
    mlflow.set_workspace(None)
    assert mlflow.get_experiment_by_name("same") is None
    assert len(mlflow.search_registered_models()) == 0


@scenario("a scikit-learn model is logged and loaded back in a workspace")
def _model():
    from sklearn.linear_model import LogisticRegression

    mlflow.set_workspace("team-a")
    mlflow.set_experiment("models")
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(model, name="lr", registered_model_name="lr")
    assert list(mlflow.sklearn.load_model(f"models:/{info.model_id}").predict([[1.0]])) == [1]
    assert list(mlflow.sklearn.load_model("models:/lr/1").predict([[0.0]])) == [0]
    assert [m.model_id for m in mlflow.search_logged_models(output_format="list")] == [info.model_id]
    mlflow.set_workspace("team-b")
    refused("RESOURCE_DOES_NOT_EXIST", lambda: mlflow.get_logged_model(info.model_id))
    assert MlflowClient().search_registered_models(filter_string="name = 'lr'") == []
    mlflow.set_workspace(None)


@scenario("MLFLOW_WORKSPACE is enough for a script that knows nothing of workspaces")
def _environment():
    script = "import mlflow; mlflow.set_experiment('by script'); mlflow.log_metric('x', 1); print(mlflow.active_run().info.artifact_uri)"
    env = {**os.environ, "MLFLOW_WORKSPACE": "team-b"}
    out = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True).stdout
    assert "mlflow-artifacts:/workspaces/team-b/" in out, out
    mlflow.set_workspace("team-b")
    assert mlflow.get_experiment_by_name("by script") is not None
    mlflow.set_workspace("nowhere")
    refused("RESOURCE_DOES_NOT_EXIST", lambda: mlflow.set_experiment("x"))
    mlflow.set_workspace(None)


@scenario("a workspace is deleted empty, moved to default, or with all that is in it")
def _delete():
    message = refused("INVALID_STATE", lambda: mlflow.delete_workspace("team-a"))
    assert "Cannot delete workspace 'team-a'" in message, message
    mlflow.set_workspace("team-a")
    same = mlflow.get_experiment_by_name("same")
    run = MlflowClient().search_runs([same.experiment_id])[0]
    mlflow.set_workspace(None)
    mlflow.delete_workspace("team-a", mode="SET_DEFAULT")
    assert mlflow.get_experiment_by_name("same").experiment_id == same.experiment_id
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt") == "team-a"
    assert list(mlflow.sklearn.load_model("models:/lr/1").predict([[1.0]])) == [1]
    refused("INVALID_STATE", lambda: mlflow.delete_workspace("team-b", mode="SET_DEFAULT"))
    mlflow.delete_workspace("team-b", mode="CASCADE")
    assert [w.name for w in mlflow.list_workspaces()] == ["default"]
    mlflow.create_workspace("team-b")
    mlflow.set_workspace("team-b")
    assert len(mlflow.search_experiments()) == 0
    mlflow.set_workspace(None)
    mlflow.delete_workspace("team-b")


run_all()
