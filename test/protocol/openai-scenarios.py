"""OpenAI's own client against /v1: openai-scenarios.py <base address>. One JSON line a scenario: {"scenario": ..., "problem": null or text}.
The models are declared in openai.servers.ts; behind them is a server that behaves as vLLM does."""
import asyncio
import json
import sys
import time
import urllib.request

import openai
from scenario import run_all

base = sys.argv[1]
client = openai.OpenAI(base_url=f"{base}/v1", api_key="a-token-of-the-client", max_retries=0, timeout=120)
question = [{"role": "user", "content": "Will it be late?"}]
whole = "The flight will be late."


def refused(kind, call, code):
    try:
        call()
    except kind as error:
        assert error.code == code, (error.code, error.message)
        return error
    raise AssertionError(f"{kind.__name__} was expected")


def models():
    assert "writer" in [model.id for model in client.models.list()]


def chat():
    reply = client.chat.completions.create(model="writer", messages=question, temperature=0)
    assert reply.choices[0].message.content == whole, reply
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (7, 6), reply.usage


def chat_stream():
    stream = client.chat.completions.create(model="writer", messages=question, stream=True)
    # Without the option no piece is without a choice: most code reads choices[0] of each.
    assert "".join(piece.choices[0].delta.content or "" for piece in stream) == whole


def chat_stream_usage():
    pieces = list(client.chat.completions.create(model="writer", messages=question, stream=True, stream_options={"include_usage": True}))
    assert pieces[-1].choices == [] and pieces[-1].usage.completion_tokens == 6, pieces[-1]


def completions():
    assert client.completions.create(model="writer", prompt="late?").choices[0].text == whole
    stream = client.completions.create(model="writer", prompt="late?", stream=True)
    assert "".join(piece.choices[0].text for piece in stream) == whole


def embeddings():
    reply = client.embeddings.create(model="writer", input=["a", "b"])
    assert [one.embedding for one in reply.data] == [[0.5, -0.25, 1.0]] * 2, reply
    assert client.embeddings.create(model="writer", input="a", encoding_format="float").data[0].embedding == [0.5, -0.25, 1.0]


def asynchronous():
    async def many():
        own = openai.AsyncOpenAI(base_url=f"{base}/v1", api_key="x", max_retries=0)

        async def one():
            stream = await own.chat.completions.create(model="writer", messages=question, stream=True)
            return "".join([piece.choices[0].delta.content or "" async for piece in stream])

        texts = await asyncio.gather(*[one() for _ in range(20)])
        await own.close()
        return texts

    assert asyncio.run(many()) == [whole] * 20


def headers():
    reply = client.chat.completions.with_raw_response.create(model="falls_back", messages=question)
    assert reply.headers["x-karkhana-backend"] == "writer", dict(reply.headers)
    assert reply.parse().choices[0].message.content == whole


def errors():
    ask = lambda model: lambda: client.chat.completions.create(model=model, messages=question)
    refused(openai.NotFoundError, ask("nobody"), "LLM_MODEL_UNKNOWN")
    error = refused(openai.BadRequestError, ask("strict"), "LLM_REQUEST_REFUSED")
    assert "too long" in error.message and error.type == "invalid_request_error", error
    busy = refused(openai.RateLimitError, ask("busy"), "LLM_BACKEND_BUSY")
    assert busy.response.headers["retry-after"] == "1"
    refused(openai.InternalServerError, ask("dead"), "LLM_BACKEND_FAILED")


def retried():
    patient = openai.OpenAI(base_url=f"{base}/v1", api_key="x", max_retries=1)
    assert patient.chat.completions.create(model="once_busy", messages=question).choices[0].message.content == whole


def broken_stream():
    seen = []
    try:
        for piece in client.chat.completions.create(model="breaks", messages=question, stream=True):
            seen.append(piece.choices[0].delta.content)
    except openai.APIError as error:
        assert seen == ["The"] and "broke off" in error.message, (seen, error.message)
        return
    raise AssertionError("the stream's break was not told")


def left():
    with client.chat.completions.create(model="endless", messages=question, stream=True) as stream:
        for _, piece in zip(range(3), stream):
            assert piece.choices[0].delta.content
    for _ in range(2400):
        with urllib.request.urlopen(f"{base}/v1/stats") as reply:
            endless = next(one for one in json.load(reply)["backends"] if one["model"] == "endless")
        if endless["outcomes"]["left"] == 1 and endless["underWay"] == 0:
            return
        time.sleep(0.05)
    raise AssertionError(f"the backend still writes: {endless}")


run_all(
    {
        "the list of models": models,
        "a chat, whole": chat,
        "a chat, streamed": chat_stream,
        "a chat, streamed with its tokens": chat_stream_usage,
        "completions, whole and streamed": completions,
        "embeddings, in base64 and as numbers": embeddings,
        "twenty streams at once": asynchronous,
        "a backend that fails is stood in for": headers,
        "refusals are the client's own kinds of error": errors,
        "the client tries again when it is told to": retried,
        "a stream that breaks off is an error, not an end": broken_stream,
        "a client that leaves stops the backend": left,
    }
)
