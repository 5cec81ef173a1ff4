"""Scenarios of Triton's stock Python clients against a running server: oip-scenarios.py <http host:port> <grpc host:port>.
One JSON line a scenario: {"scenario": ..., "problem": null or text}. The models are late_ride of src/serving/test-world.ts and a network named net."""
import asyncio
import math
import sys

import numpy as np
import tritonclient.grpc as tgrpc
import tritonclient.grpc.aio as tgrpc_aio
import tritonclient.http as thttp
import tritonclient.http.aio as thttp_aio
from tritonclient.utils import InferenceServerException
from scenario import run_all

http_url, grpc_url = sys.argv[1:3]
model = "late_ride"
http = thttp.InferenceServerClient(http_url)
grpc = tgrpc.InferenceServerClient(grpc_url)
sigmoid = lambda x: 1 / (1 + math.exp(-x))
near, far_aaa, far_bbb = sigmoid(1 - 0.5), sigmoid(1 + 0.25), sigmoid(1 + 0.75)
miles = [[3.0], [30.0], [30.0]]
zones = [["AAA"], ["BBB"], ["AAA"]]
# Of the rows below by `stump`: miles <= 10, else by the zone's category.
expected = np.array([[near], [far_bbb], [far_aaa]])


def tensor(module, name, datatype, values, **how):
    array = np.array(values, dtype=np.object_ if datatype == "BYTES" else {"FP64": np.float64, "FP32": np.float32, "INT64": np.int64, "BOOL": np.bool_, "FP16": np.float16}[datatype])
    made = module.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, **how)
    return made


def slots(module, **how):
    return [
        tensor(module, "miles", "FP64", miles, **how),
        tensor(module, "shared", "FP64", [[0.0], [1.0], [1.0]], **how),
        tensor(module, "zone", "BYTES", zones, **how),
        tensor(module, "zone.rides_2h", "FP64", [[1.0], [2.0], [3.0]], **how),
        tensor(module, "zone.late_2h", "FP64", [[0.5], [float("nan")], [0.0]], **how),
    ]


def fields(module, **how):
    return [tensor(module, "miles", "FP64", miles, **how), tensor(module, "shared", "BOOL", [[False], [True], [True]], **how), tensor(module, "zone", "BYTES", zones, **how)]


def matrix(module, datatype, **how):
    return [tensor(module, "input", datatype, [[3, 0, 0, 1, 0.5], [30, 1, 1, 2, float("nan")], [30, 1, 0, 3, 0]], **how)]


def check(actual, wanted, what=""):
    if isinstance(wanted, np.ndarray) or isinstance(actual, np.ndarray):
        assert actual is not None and np.array_equal(actual, wanted), f"{what}: {actual} is not {wanted}"
    else:
        assert actual == wanted, f"{what}: {actual!r} is not {wanted!r}"


def right(result):
    check(result.as_numpy("predict"), expected, "predict")
    check(result.as_numpy("raw_score").shape, (3, 1))


def refused(call, *parts):
    try:
        call()
    except InferenceServerException as error:
        text = f"{error.status()} {error.message()}"
        for part in parts:
            assert part in text, f"{part} is not in {text}"
        return text
    raise AssertionError("was not refused")


def health():
    for client in (http, grpc):
        assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model) and client.is_model_ready(model, "1")
        assert not client.is_model_ready(model, "99") and not client.is_model_ready("nobody")


def metadata():
    a = http.get_server_metadata()
    b = grpc.get_server_metadata(as_json=True)
    check(a, b, "server")
    assert "binary_tensor_data" in a["extensions"] and "statistics" in a["extensions"]
    a = http.get_model_metadata(model)
    b = grpc.get_model_metadata(model, as_json=True)
    for one in (b["inputs"] + b["outputs"]):
        one["shape"] = [int(n) for n in one["shape"]]
    check(a, b, "model")
    check([i["name"] for i in a["inputs"]], ["miles", "shared", "zone", "zone.rides_2h", "zone.late_2h"])
    check(a["versions"], ["1"])


def config():
    a = http.get_model_config(model)
    b = grpc.get_model_config(model).config
    check(a["max_batch_size"], b.max_batch_size)
    check([(i["name"], i["data_type"]) for i in a["input"]], [(i.name, {12: "TYPE_FP64", 13: "TYPE_STRING"}[i.data_type]) for i in b.input])
    check(a["model_transaction_policy"]["decoupled"], b.model_transaction_policy.decoupled)


def every_form_http():
    for how in ({"binary_data": True}, {"binary_data": False}):
        for inputs in (slots(thttp, **how), fields(thttp, **how), matrix(thttp, "FP64", **how)):
            right(http.infer(model, inputs))
            right(http.infer(model, inputs, outputs=[thttp.InferRequestedOutput(o, binary_data=how["binary_data"]) for o in ("predict", "raw_score")]))
    right(http.infer(model, matrix(thttp, "FP32")))
    right(http.infer(model, matrix(thttp, "FP16")))


def every_form_grpc():
    for inputs in (slots(tgrpc), fields(tgrpc), matrix(tgrpc, "FP64"), matrix(tgrpc, "FP32"), matrix(tgrpc, "FP16")):
        right(grpc.infer(model, inputs))
    for output in ("predict", "raw_score"):
        result = grpc.infer(model, slots(tgrpc), outputs=[tgrpc.InferRequestedOutput(output)])
        check(len(result.get_response().outputs), 1)


def versions_and_ids():
    check(http.infer(model, slots(thttp), model_version="1", request_id="mine").get_response()["id"], "mine")
    check(grpc.infer(model, slots(tgrpc), model_version="1", request_id="mine").get_response().id, "mine")
    refused(lambda: http.infer(model, slots(thttp), model_version="7"), "404", "MODEL_VERSION_NOT_LOADED")
    refused(lambda: grpc.infer(model, slots(tgrpc), model_version="7"), "NOT_FOUND")


def compressed():
    for algorithm in ("gzip", "deflate"):
        right(http.infer(model, slots(thttp), request_compression_algorithm=algorithm, response_compression_algorithm=algorithm))
        right(grpc.infer(model, slots(tgrpc), compression_algorithm=algorithm))


def compressed_answers():
    """Large enough to be compressed, as bytes and as JSON; the header says the length of the JSON before it was compressed."""
    rows = np.arange(512 * 5, dtype=np.float64).reshape(512, 5) % 7
    for binary in (True, False):
        outputs = [thttp.InferRequestedOutput(name, binary_data=binary) for name in ("predict", "raw_score")]
        inputs = [tensor(thttp, "input", "FP64", rows, binary_data=binary)]
        plain = http.infer(model, inputs, outputs=outputs)
        for algorithm in ("gzip", "deflate"):
            packed = http.infer(model, inputs, outputs=outputs, request_compression_algorithm=algorithm, response_compression_algorithm=algorithm)
            for name in ("predict", "raw_score"):
                check(packed.as_numpy(name), plain.as_numpy(name), f"{name} {algorithm} {binary}")
            body, length = thttp.InferenceServerClient.generate_request_body(inputs, outputs=outputs)
            headers = {"Accept-Encoding": algorithm, **({} if length is None else {"Inference-Header-Content-Length": length})}
            response = http._post(f"v2/models/{model}/infer", body, headers, None)
            check(response.get("content-encoding"), algorithm)
            size = response.get("inference-header-content-length")
            check(size is None, not binary)
            parsed = thttp.InferenceServerClient.parse_response_body(response.read(), header_length=None if size is None else int(size), content_encoding=algorithm)
            check(parsed.as_numpy("predict"), plain.as_numpy("predict"))
    check(grpc.infer(model, [tensor(tgrpc, "input", "FP64", rows)], compression_algorithm="gzip").as_numpy("predict"), plain.as_numpy("predict"))

    async def ask():
        async with thttp_aio.InferenceServerClient(http_url) as client:
            got = await client.infer(model, [tensor(thttp, "input", "FP64", rows)], request_compression_algorithm="gzip", response_compression_algorithm="deflate")
            check(got.as_numpy("predict"), plain.as_numpy("predict"))

    asyncio.run(ask())


def classification():
    for module, client in ((thttp, http), (tgrpc, grpc)):
        text = client.infer(model, slots(module), outputs=[module.InferRequestedOutput("predict", class_count=1)]).as_numpy("predict")
        check(text.shape, (3, 1))
        assert text[0][0].decode() == f"{near:.6f}:0", text


def schedule():
    for module, client in ((thttp, http), (tgrpc, grpc)):
        right(client.infer(model, slots(module), priority=1, timeout=5_000_000))
    refused(lambda: http.infer(model, slots(thttp), timeout=1), "503", "DEADLINE_PASSED")
    refused(lambda: grpc.infer(model, slots(tgrpc), timeout=1), "DEADLINE_EXCEEDED")


def statistics():
    before = http.get_inference_statistics(model)["model_stats"][0]
    right(http.infer(model, slots(thttp)))
    right(grpc.infer(model, slots(tgrpc)))
    after = http.get_inference_statistics(model, "1")["model_stats"][0]
    check(after["inference_count"] - before["inference_count"], 6)
    check(after["execution_count"] - before["execution_count"], 2)
    for part in ("success", "queue", "compute_input", "compute_infer", "compute_output"):
        check(after["inference_stats"][part]["count"] - before["inference_stats"][part]["count"], 2, part)
    check(int(grpc.get_inference_statistics(model, as_json=True)["model_stats"][0]["inference_count"]), after["inference_count"])


def repository():
    for module, client in ((thttp, http), (tgrpc, grpc)):
        index = client.get_model_repository_index() if client is http else client.get_model_repository_index(as_json=True)["models"]
        check([(m["name"], m["state"]) for m in index], [(model, "READY"), ("net", "READY")])
        client.unload_model(model)
        assert not client.is_model_ready(model)
        refused(lambda: client.infer(model, slots(module)), "MODEL_NOT_LOADED")
        client.load_model(model)
        right(client.infer(model, slots(module)))
        refused(lambda: client.load_model(model, config="{}"), "not supported")
        refused(lambda: client.load_model("nobody"), "Request for unknown model")


def refusals():
    refused(lambda: http.infer("nobody", slots(thttp)), "Request for unknown model")
    refused(lambda: grpc.infer("nobody", slots(tgrpc)), "Request for unknown model", "NOT_FOUND")
    for module, client in ((thttp, http), (tgrpc, grpc)):
        refused(lambda: client.infer(model, slots(module)[:3] + [tensor(module, "nothing", "FP64", miles)]), "Tensor nothing")
        refused(lambda: client.infer(model, slots(module)[:4]), "Tensor zone.late_2h")
        refused(lambda: client.infer(model, fields(module)[:2] + [tensor(module, "zone", "BYTES", [["lower"], ["AAA"], ["AAA"]])]), "must match")
        refused(lambda: client.infer(model, slots(module), outputs=[module.InferRequestedOutput("nothing")]), "nothing")
        refused(lambda: client.infer(model, slots(module), sequence_id=5, sequence_start=True), "not supported")
        refused(lambda: client.register_system_shared_memory("a", "/a", 8), "not supported")


def asynchronous():
    async def ask():
        async with thttp_aio.InferenceServerClient(http_url) as client:
            for result in await asyncio.gather(*(client.infer(model, slots(thttp)) for _ in range(20))):
                right(result)
        async with tgrpc_aio.InferenceServerClient(grpc_url) as client:
            for result in await asyncio.gather(*(client.infer(model, slots(tgrpc)) for _ in range(20))):
                right(result)

    asyncio.run(ask())
    for pending in [http.async_infer(model, slots(thttp)) for _ in range(5)]:
        right(pending.get_result())


def together():
    """The network declares batches of up to 64 rows, 2 ms of waiting, two levels."""
    a, b = http.get_model_config("net"), grpc.get_model_config("net").config
    check(a["max_batch_size"], 64)
    check((b.max_batch_size, b.dynamic_batching.max_queue_delay_microseconds, b.dynamic_batching.priority_levels), (64, 2000, 2))
    check(a["dynamic_batching"]["max_queue_delay_microseconds"], "2000")
    rows = np.random.default_rng(7).random((60, 24), dtype=np.float32)
    question = lambda module, array: [tensor(module, "X", "FP32", array)]
    wanted = http.infer("net", question(thttp, rows)).as_numpy("probabilities")
    before = http.get_inference_statistics("net")["model_stats"][0]

    async def ask():
        async with thttp_aio.InferenceServerClient(http_url, conn_limit=60) as one, tgrpc_aio.InferenceServerClient(grpc_url) as two:
            clients = [(thttp, one), (tgrpc, two)]
            asked = [clients[i % 2][1].infer("net", question(clients[i % 2][0], rows[i : i + 1]), priority=i % 3, timeout=20_000_000) for i in range(60)]
            return [answer.as_numpy("probabilities") for answer in await asyncio.gather(*asked)]

    for i, answer in enumerate(asyncio.run(ask())):
        check(answer.shape, (1, 5))
        assert np.allclose(answer[0], wanted[i], atol=1e-5), f"row {i}: {answer[0]}, expected {wanted[i]}"
    after = http.get_inference_statistics("net")["model_stats"][0]
    check(after["inference_count"] - before["inference_count"], 60)
    check(after["inference_stats"]["queue"]["count"] - before["inference_stats"]["queue"]["count"], 60)
    runs = after["execution_count"] - before["execution_count"]
    assert runs < 60, f"{runs} runs for 60 requests"
    rows_run = lambda stats: sum(batch["batch_size"] * batch["compute_infer"]["count"] for batch in stats["batch_stats"])
    check(rows_run(after) - rows_run(before), 60)
    refused(lambda: http.infer("net", question(thttp, np.zeros((65, 24)))), "65 rows are more than the 64")


run_all(
    {
        "live, ready, and ready by model and version": health,
        "metadata is the same by both protocols": metadata,
        "the model configuration is the same by both protocols": config,
        "slots, request fields and a matrix are answered alike, binary and JSON, over HTTP": every_form_http,
        "slots, request fields and a matrix are answered alike over gRPC": every_form_grpc,
        "versions are asked by number, ids come back": versions_and_ids,
        "compressed requests are read": compressed,
        "answers come compressed when a client asks for it": compressed_answers,
        "classification gives the greatest with their index": classification,
        "a priority is taken, a timeout that is over is told": schedule,
        "statistics count what was answered by either protocol": statistics,
        "a model is unloaded and loaded again": repository,
        "what cannot be answered is refused by name": refusals,
        "asyncio clients and concurrent requests": asynchronous,
        "requests of a network run together, each with its own rows": together,
    }
)
