"""The official SDK runs batches in the sandbox. SANDBOX_BASE_URL names it."""

import json
import time

import openai
import pytest
from test_conversations import client, gone  # noqa: F401
from test_sandbox import refused

MODEL = "gpt-5.5"


def line(custom_id, body=None, url="/v1/responses", **more):
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": body or {"model": MODEL, "input": custom_id}, **more}


def upload(client, lines, purpose="batch"):
    text = "\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines)
    return client.files.create(file=("batch.jsonl", text.encode()), purpose=purpose).id


def start(client, lines, endpoint="/v1/responses", **options):
    return client.batches.create(
        input_file_id=upload(client, lines), endpoint=endpoint, completion_window="24h", **options
    )


def wait(client, batch):
    while batch.status in ("validating", "in_progress", "finalizing", "cancelling"):
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
    return batch


def results(client, id):
    return [json.loads(one) for one in client.files.content(id).text.splitlines()]


def test_a_batch_from_file_to_file(client):
    made = start(client, [line("a"), line("b"), line("c", {"model": MODEL, "input": 7})], metadata={"x": "y"})
    assert (made.object, made.status, made.endpoint) == ("batch", "validating", "/v1/responses")
    assert made.metadata == {"x": "y"} and made.output_file_id is None
    done = wait(client, made)
    assert (done.status, done.model, done.errors) == ("completed", MODEL, None)
    counts = done.request_counts
    assert (counts.total, counts.completed, counts.failed) == (3, 2, 1)
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens > 0
    assert [one["custom_id"] for one in results(client, done.output_file_id)] == ["a", "b"]
    first = results(client, done.output_file_id)[0]
    assert first["error"] is None and first["response"]["status_code"] == 200
    assert first["response"]["body"]["object"] == "response"
    (failed,) = results(client, done.error_file_id)
    assert (failed["custom_id"], failed["response"]["status_code"]) == ("c", 400)
    assert failed["response"]["body"]["error"]["param"] == "input"
    assert client.files.retrieve(done.output_file_id).purpose == "batch_output"
    assert [one.id for one in client.batches.list()] == [done.id]
    refused(lambda: client.batches.cancel(done.id), None, "Cannot cancel a batch with status 'completed'")


def test_other_endpoints(client):
    chat = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
    done = wait(client, start(client, [line("a", chat, "/v1/chat/completions")], "/v1/chat/completions"))
    assert results(client, done.output_file_id)[0]["response"]["body"]["object"] == "chat.completion"
    vector = {"model": "text-embedding-3-small", "input": "a"}
    done = wait(client, start(client, [line("a", vector, "/v1/embeddings")], "/v1/embeddings"))
    assert results(client, done.output_file_id)[0]["response"]["body"]["data"][0]["embedding"]


def test_a_file_with_faults(client):
    lines = [
        "{",
        line("a"),
        line("a"),
        line("b", url="/v1/embeddings"),
        line("c", {"model": "gpt-5.4", "input": "x"}),
        {"custom_id": "d", "method": "POST", "url": "/v1/responses"},
    ]
    done = wait(client, start(client, lines))
    assert done.status == "failed" and done.failed_at and done.output_file_id is None
    assert [(fault.line, fault.code) for fault in done.errors.data] == [
        (1, "invalid_json_line"),
        (3, "duplicate_custom_id"),
        (4, "invalid_url"),
        (5, "mismatched_model"),
        (6, "missing_required_parameter"),
    ]
    assert wait(client, start(client, [])).errors.data[0].code == "empty_file"


def test_a_batch_is_cancelled(client):
    slow = [line(f"{n}", {"model": MODEL, "input": f"[[slow 50]] {n}"}) for n in range(20)]
    made = start(client, slow)
    while client.batches.retrieve(made.id).request_counts.completed == 0:
        time.sleep(0.05)
    assert client.batches.cancel(made.id).status == "cancelling"
    done = wait(client, made)
    assert done.status == "cancelled" and done.cancelled_at
    assert 0 < len(results(client, done.output_file_id)) < 20


def test_what_batches_refuse(client):
    id = upload(client, [line("a")])
    options = {"input_file_id": id, "endpoint": "/v1/responses", "completion_window": "24h"}
    bad = lambda param, message, **more: refused(lambda: client.batches.create(**{**options, **more}), param, message)  # noqa: E731
    bad("endpoint", "Invalid value", endpoint="/v1/audio")
    bad("completion_window", "Invalid value", completion_window="1h")
    bad("input_file_id", "has purpose 'user_data'", input_file_id=upload(client, [line("a")], "user_data"))
    gone(lambda: client.batches.create(**{**options, "input_file_id": "file-none"}), "No such File object")
    gone(lambda: client.batches.retrieve("batch_none"), "No batch found")
    with pytest.raises(openai.BadRequestError):
        client.batches.create(**options, output_expires_after={"anchor": "created_at", "seconds": 1})
