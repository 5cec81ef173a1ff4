"""Artifacts of one byte and of one gigabyte through MLflow's stock client, whole, in parts and by ranges, against the server in MLFLOW_TRACKING_URI.

Prints one JSON line a scenario, as mlflow-scenarios.py does.
"""

import os
import tempfile
import zlib

import mlflow
from mlflow import MlflowClient
from scenario import run_all, scenario

client = MlflowClient()
gigabyte = 1024**3


def made(path, size):
    """Mostly holes, which cost no disk, with bytes of its own at every 64 MiB and at both ends."""
    with open(path, "wb") as file:
        for at in [*range(0, size, 64 * 1024**2), max(0, size - 16)]:
            file.seek(at)
            file.write(f"{at:016d}".encode()[: size - at])
        file.truncate(size)


def checksum(path):
    total = 0
    with open(path, "rb") as file:
        while chunk := file.read(8 * 1024**2):
            total = zlib.crc32(chunk, total)
    return total


def there_and_back(size, **environment):
    old = {key: os.environ.get(key) for key in environment}
    os.environ.update(environment)
    try:
        with tempfile.TemporaryDirectory() as folder:
            source = f"{folder}/weights.bin"
            made(source, size)
            run = client.create_run("0").info
            client.log_artifact(run.run_id, source, "model")
            assert [(f.path, f.file_size) for f in client.list_artifacts(run.run_id, "model")] == [("model/weights.bin", size)]
            os.makedirs(f"{folder}/down")
            down = client.download_artifacts(run.run_id, "model/weights.bin", f"{folder}/down")
            assert os.path.getsize(down) == size and checksum(down) == checksum(source)
    finally:
        for key, value in old.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


@scenario("one byte goes up and comes down")
def _one_byte():
    there_and_back(1)


@scenario("one gigabyte goes up in one piece and comes down in one piece")
def _whole():
    there_and_back(gigabyte, MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD="false")


@scenario("a large file goes up in parts, since the server says it can, and comes down by ranges")
def _parts():
    there_and_back(
        64 * 1024**2 + 1,
        MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=str(16 * 1024**2),
        MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE=str(10 * 1024**2),
        MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD="true",
        MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE=str(10 * 1024**2),
    )


run_all()
