"""The official SDK uses the containers of the sandbox."""

import openai
import pytest
from test_sandbox import client, refused  # noqa: F401


def test_a_container_lives_and_dies(client):
    made = client.containers.create(name="work")
    assert made.id.startswith("cntr_")
    assert (made.object, made.name, made.status, made.memory_limit) == ("container", "work", "running", "1g")
    assert made.last_active_at == made.created_at
    assert (made.expires_after.anchor, made.expires_after.minutes) == ("last_active_at", 20)
    assert made.network_policy.type == "disabled"
    assert client.containers.retrieve(made.id).model_dump() == made.model_dump()
    after = {"anchor": "last_active_at", "minutes": 5}
    policy = {"type": "allowlist", "allowed_domains": ["example.com"]}
    other = client.containers.create(name="other", expires_after=after, memory_limit="4g", network_policy=policy)
    assert (other.memory_limit, other.expires_after.minutes) == ("4g", 5)
    assert other.network_policy.allowed_domains == ["example.com"]
    assert [container.id for container in client.containers.list()] == [other.id, made.id]
    assert [container.id for container in client.containers.list(name="work")] == [made.id]
    assert client.containers.delete(made.id) is None
    for call in (client.containers.retrieve, client.containers.delete):
        with pytest.raises(openai.NotFoundError, match=made.id):
            call(made.id)


def test_files_go_in_and_out(client):
    uploaded = client.files.create(file=("b.txt", b"hello b"), purpose="user_data")
    made = client.containers.create(name="work", file_ids=[uploaded.id])
    [copied] = client.containers.files.list(made.id)
    assert (copied.path, copied.bytes, copied.source, copied.container_id) == ("/mnt/data/b.txt", 7, "user", made.id)
    put = client.containers.files.create(made.id, file=("a.bin", b"\x00\xff"))
    assert put.id.startswith("cfile_") and (put.object, put.path) == ("container.file", "/mnt/data/a.bin")
    again = client.containers.files.create(made.id, file_id=uploaded.id)
    assert client.containers.files.retrieve(put.id, container_id=made.id).model_dump() == put.model_dump()
    assert client.containers.files.content.retrieve(put.id, container_id=made.id).read() == b"\x00\xff"
    assert client.containers.files.content.retrieve(again.id, container_id=made.id).read() == b"hello b"
    assert [file.id for file in client.containers.files.list(made.id)] == [again.id, put.id, copied.id]
    assert client.containers.files.delete(put.id, container_id=made.id) is None
    with pytest.raises(openai.NotFoundError, match=put.id):
        client.containers.files.retrieve(put.id, container_id=made.id)
    with pytest.raises(openai.NotFoundError):
        client.containers.create(name="other", file_ids=["file-none"])
    client.containers.delete(made.id)
    for call in (client.containers.files.list, client.containers.files.create):
        with pytest.raises(openai.NotFoundError, match=made.id):
            call(made.id, **({"file_id": uploaded.id} if call == client.containers.files.create else {}))


def test_a_response_works_in_a_container(client):
    made = client.containers.create(name="work")
    tool = {"type": "code_interpreter", "container": made.id}
    response = client.responses.create(model="gpt-6-luna", input="Compute 1 + 1", tools=[tool])
    assert [item.container_id for item in response.output if item.type == "code_interpreter_call"] == [made.id]
    tool = {"type": "code_interpreter", "container": {"type": "auto"}}
    response = client.responses.create(model="gpt-6-luna", input="Compute 1 + 1", tools=[tool])
    [used] = [item.container_id for item in response.output if item.type == "code_interpreter_call"]
    assert used in [container.id for container in client.containers.list()]


def test_a_container_is_checked(client):
    create = client.containers.create
    refused(lambda: create(name=openai.omit), "name", "Missing required parameter")
    refused(lambda: create(name="a", memory_limit="2g"), "memory_limit", "'4g'")
    refused(lambda: create(name="a", expires_after={"anchor": "created_at", "minutes": 1}), "expires_after.anchor")
    refused(lambda: create(name="a", network_policy={"type": "allowlist"}), "network_policy.allowed_domains")
    refused(lambda: create(name="a", extra_body={"status": "x"}), "status", code="unknown_parameter")
    assert list(client.containers.list()) == []
