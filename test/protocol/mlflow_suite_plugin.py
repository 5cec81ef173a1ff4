"""Lets MLflow's own tests of its REST API speak to this program instead of to MLflow's server.

A pytest plugin: `scripts/mlflow-suite.ts` loads it and says, in the environment, where our server program is, which tests are out of
scope and why, and where the results go. Nothing of MLflow's tests is changed but the fixture that starts a server.
"""

import json
import os
import re
import subprocess
import threading

import mlflow
import pytest
from mlflow import MlflowClient

_node = os.environ.get("KARKHANA_SUITE_NODE")
_server = os.environ.get("KARKHANA_SUITE_SERVER")
_out_of_scope = json.loads(os.environ.get("KARKHANA_SUITE_OUT_OF_SCOPE", "[]"))
_results_file = os.environ["KARKHANA_SUITE_RESULTS"]

# Name of the fixture that starts a server, by test file.
_fixtures = {"test_rest_tracking": "mlflow_client", "test_model_registry": "client", "test_client_webhooks": "client"}


class _Servers:
    """One process of ours for all tests; each test gets a server of its own in it, on a data folder of its own."""

    def __init__(self):
        self._process = subprocess.Popen([_node, _server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lock = threading.Lock()

    def ask(self, line):
        with self._lock:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline().strip()
        if not answer:
            raise RuntimeError(f"the server program ended at: {line}")
        return answer

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=300)


@pytest.fixture(scope="session")
def karkhana_servers():
    servers = _Servers()
    yield servers
    servers.close()


def _start(karkhana_servers, tmp_path):
    # "direct": artifacts have file: addresses, as from the reference's fixture, which serves a file: artifact root.
    url = karkhana_servers.ask(f"open {tmp_path}/karkhana direct")
    mlflow.set_tracking_uri(url)
    yield MlflowClient(url)
    karkhana_servers.ask(f"close {url}")


@pytest.fixture(params=["karkhana"])
def _tracking_client(request, karkhana_servers, tmp_path):
    yield from _start(karkhana_servers, tmp_path)


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makemodule(module_path, parent):
    module = yield
    if _server and module_path.stem in _fixtures:
        setattr(module.obj, _fixtures[module_path.stem], _tracking_client)
    return module


def pytest_collection_modifyitems(items):
    for item in items:
        for pattern, reason in _out_of_scope:
            if re.fullmatch(pattern, item.originalname):
                item.add_marker(pytest.mark.skip(reason=reason))
                break


_results = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" or report.outcome != "passed":
        reason = report.longrepr[2].removeprefix("Skipped: ") if report.skipped and isinstance(report.longrepr, tuple) else ""
        outcome = "expected failure" if hasattr(report, "wasxfail") and report.skipped else report.outcome
        if hasattr(report, "wasxfail"):
            reason = f"MLflow's own mark: {report.wasxfail.removeprefix('reason: ')}"
        worst = _results.get(item.nodeid, {}).get("outcome")
        if worst != "failed":
            _results[item.nodeid] = {"outcome": outcome, "reason": reason}
    return report


def pytest_sessionfinish():
    with open(_results_file, "w") as file:
        json.dump(_results, file)
