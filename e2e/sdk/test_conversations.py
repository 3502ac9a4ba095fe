"""The official SDK keeps conversations in the sandbox. SANDBOX_BASE_URL names it."""

import openai
import pytest
from test_sandbox import KEYS, client_with, refused, request, upload


@pytest.fixture
def client():
    """Takes no answer that does not fit the types of the SDK."""
    with client_with(next(KEYS), _strict_response_validation=True) as client:
        yield client


def say(text, role="user"):
    return {"type": "message", "role": role, "content": text}


def texts(items):
    return [item.content[0].text for item in items]


def gone(call, message):
    with pytest.raises(openai.NotFoundError, match=message) as caught:
        call()
    assert caught.value.type == "invalid_request_error"


def test_a_conversation_lives_and_dies(client):
    made = client.conversations.create(metadata={"topic": "demo"})
    assert made.id.startswith("conv_")
    assert (made.object, made.metadata) == ("conversation", {"topic": "demo"})
    assert client.conversations.retrieve(made.id) == made
    assert client.conversations.update(made.id, metadata={"topic": "other"}).metadata == {"topic": "other"}
    assert client.conversations.update(made.id, metadata={}).metadata == {}
    assert client.conversations.create().metadata == {}

    deleted = client.conversations.delete(made.id)
    assert (deleted.id, deleted.object, deleted.deleted) == (made.id, "conversation.deleted", True)
    for call in (
        client.conversations.retrieve,
        client.conversations.delete,
        client.conversations.items.list,
        lambda id: client.conversations.update(id, metadata={}),
        lambda id: client.conversations.items.create(id, items=[say("hi")]),
    ):
        gone(lambda: call(made.id), f"Conversation with id '{made.id}' not found.")


def test_items_of_every_kind(client):
    file = upload(client)
    conversation = client.conversations.create(items=[say("hello")])
    content = [
        {"type": "input_text", "text": "look"},
        {"type": "input_image", "image_url": "https://example.com/a.png"},
        {"type": "input_file", "file_id": file.id},
    ]
    given = [
        say(content),
        say("be brief", "developer"),
        say("hello yourself", "assistant"),
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "42"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "file_search_call", "queries": ["q"], "id": "fs_mine", "status": "completed", "results": [{"text": "t"}]},
        {"type": "code_interpreter_call", "id": "ci_mine", "code": "1", "container_id": "cntr_1", "status": "completed",
         "outputs": [{"type": "logs", "logs": "1"}]},
    ]  # fmt: skip
    added = client.conversations.items.create(conversation.id, items=given)
    assert (added.object, added.has_more, len(added.data)) == ("list", False, 8)
    assert (added.first_id, added.last_id) == (added.data[0].id, added.data[-1].id)
    prefixes = ["msg_", "msg_", "msg_", "fc_", "fco_", "rs_", "fs_mine", "ci_mine"]
    assert all(item.id.startswith(prefix) for item, prefix in zip(added.data, prefixes))
    look, brief, hello, call, output, reasoning, search, code = added.data
    assert [part.type for part in look.content] == ["input_text", "input_image", "input_file"]
    assert (look.content[1].detail, look.content[1].image_url, look.content[2].file_id) == ("auto", None, file.id)
    assert (brief.role, brief.content[0].type, brief.status) == ("developer", "input_text", "completed")
    assert (hello.role, hello.content[0].type, hello.content[0].annotations) == ("assistant", "output_text", [])
    assert (call.call_id, call.name, call.arguments, call.status) == ("call_1", "f", "{}", "completed")
    assert (output.call_id, output.output) == ("call_1", "42")
    assert reasoning.summary[0].text == "hm"
    assert (search.results, code.outputs) == (None, None)

    include = ["file_search_call.results", "code_interpreter_call.outputs", "message.input_image.image_url"]
    seen = list(client.conversations.items.list(conversation.id, order="asc", include=include))
    assert [item.id for item in seen[1:]] == [item.id for item in added.data]
    assert seen[1].content[1].image_url == "https://example.com/a.png"
    assert seen[7].results[0].text == "t"
    assert seen[8].outputs[0].logs == "1"
    one = client.conversations.items.retrieve(code.id, conversation_id=conversation.id, include=include)
    assert one == seen[8]

    left = client.conversations.items.delete(look.id, conversation_id=conversation.id)
    assert left.id == conversation.id and left.object == "conversation"
    for call in (client.conversations.items.retrieve, client.conversations.items.delete):
        gone(lambda: call(look.id, conversation_id=conversation.id), f"Item with id '{look.id}' not found")


def test_items_come_in_pages(client):
    conversation = client.conversations.create(items=[say(f"{n}") for n in range(20)])
    client.conversations.items.create(conversation.id, items=[say(f"{n}") for n in range(20, 25)])
    items = client.conversations.items
    page = items.list(conversation.id)
    assert texts(page.data) == [f"{n}" for n in range(24, 4, -1)]
    assert page.has_more and page.last_id == page.data[-1].id
    assert texts(page.get_next_page().data) == ["4", "3", "2", "1", "0"]
    assert texts(items.list(conversation.id, order="asc", limit=7)) == [f"{n}" for n in range(25)]
    middle = items.list(conversation.id, order="asc", limit=3).data[-1].id
    assert texts(items.list(conversation.id, order="asc", limit=2, after=middle).data) == ["3", "4"]


def test_what_conversations_refuse(client):
    create = client.conversations.create
    conversation = create()
    add = lambda *given: client.conversations.items.create(conversation.id, items=list(given))  # noqa: E731
    refused(lambda: create(items=[say("x")] * 21), "items", "maximum length 20", "array_above_max_length")
    refused(lambda: add(*[say("x")] * 21), "items", "but got an array with length 21", "array_above_max_length")
    refused(lambda: create(metadata={"n": 1}), "metadata.n", "expected a string", "invalid_type")
    refused(lambda: add({"type": "novel"}), "items[0].type", "Invalid value: 'novel'", "invalid_value")
    refused(lambda: add({"role": "user"}), "items[0].content", "Missing", "missing_required_parameter")
    refused(lambda: add({"role": "judge", "content": "x"}), "items[0].role", "Invalid value: 'judge'")
    refused(lambda: add(say([{"type": "output_text", "text": "x"}])), "items[0].content[0].type", "'input_text'")
    refused(lambda: add(say([{"type": "input_image"}])), "items[0].content[0].file_id", "Missing")
    refused(lambda: add({**say("x"), "id": "fc_1"}), "items[0].id", "Expected an ID that begins with 'msg'")
    refused(lambda: add({**say("x"), "colour": 1}), "items[0].colour", "Unknown parameter", "unknown_parameter")
    refused(lambda: add({"type": "function_call_output", "output": "x"}), "items[0].call_id", "Missing")
    twice = {**say("x"), "id": "msg_1"}
    refused(lambda: add(twice, twice), "input", "Duplicate item found with id msg_1")
    gone(lambda: add({"type": "item_reference", "id": "msg_none"}), "Item with id 'msg_none' not found")
    gone(lambda: add(say([{"type": "input_file", "file_id": "file-none"}])), "No such File object")
    listed = lambda **query: client.conversations.items.list(conversation.id, **query)  # noqa: E731
    refused(lambda: listed(include=["novel"]), "include[0]", "Invalid value: 'novel'")
    refused(lambda: listed(limit=101), "limit")
    status, _, answer = request("POST", f"/conversations/{conversation.id}", b"{}", client.api_key, {"Content-Type": "application/json"})
    assert (status, answer["error"]["param"]) == (400, "metadata")
    assert list(listed()) == []


def test_an_item_may_be_referred_to(client):
    first = client.conversations.create(items=[say("one")])
    (item,) = client.conversations.items.list(first.id)
    second = client.conversations.create(items=[{"type": "item_reference", "id": item.id}])
    assert client.conversations.items.list(second.id).data == [item]


def test_keys_do_not_see_each_other(client):
    conversation = client.conversations.create()
    gone(lambda: client.with_options(api_key="sk-other").conversations.retrieve(conversation.id), "not found")
