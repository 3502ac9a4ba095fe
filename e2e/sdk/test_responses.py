"""The official SDK asks the sandbox for responses. SANDBOX_BASE_URL names it."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from pydantic import BaseModel
from test_conversations import client, gone, say, texts  # noqa: F401
from test_sandbox import REFUND, SHIPPING, client_with, refused, store_with

MODEL = "gpt-5.5"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a place",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    "strict": False,
}
SERVER = {"type": "mcp", "server_label": "docs", "server_url": "https://mcp.example.com/mcp"}


def ask(client, input=None, **options):
    return client.responses.create(**{"model": MODEL, "input": input, **options})


def wait(client, response):
    while response.status in ("queued", "in_progress"):
        time.sleep(0.05)
        response = client.responses.retrieve(response.id)
    return response


def outputs(response, *results):
    calls = [item for item in response.output if item.type == "function_call"]
    return [
        {"type": "function_call_output", "call_id": call.call_id, "output": result}
        for call, result in zip(calls, results)
    ]


def test_a_response_lives_and_dies(client):
    made = ask(client, "Hello!", instructions="Be brief", metadata={"a": "b"}, temperature=0.5)
    assert made.id.startswith("resp_") and made.output[0].id.startswith("msg_")
    assert (made.object, made.status, made.model, made.error) == ("response", "completed", MODEL, None)
    assert "Hello!" in made.output_text and "Be brief" in made.output_text and "sandbox" in made.output_text
    assert (made.instructions, made.metadata, made.temperature, made.top_p) == ("Be brief", {"a": "b"}, 0.5, 1.0)
    assert (made.tools, made.tool_choice, made.parallel_tool_calls, made.truncation) == ([], "auto", True, "disabled")
    assert (made.background, made.text.format.type, made.conversation) == (False, "text", None)
    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens > 0
    assert client.responses.retrieve(made.id) == made

    (input,) = client.responses.input_items.list(made.id)
    assert (input.role, input.content[0].text, input.id.startswith("msg_")) == ("user", "Hello!", True)
    assert client.responses.delete(made.id) is None
    for call in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
        gone(lambda: call(made.id), f"Response with id '{made.id}' not found.")


def test_the_same_question_has_the_same_answer(client):
    assert ask(client, "Hi").output_text == ask(client, [say("Hi")]).output_text


def test_a_response_that_is_not_stored(client):
    made = ask(client, "Hello", store=False)
    assert made.status == "completed" and not made.store
    gone(lambda: client.responses.retrieve(made.id), "not found")
    refused(lambda: ask(client, "more", previous_response_id=made.id), "previous_response_id", "not found")
    gone(lambda: ask(client, [{"type": "item_reference", "id": made.output[0].id}]), "not persisted")


def test_a_chain_of_responses(client):
    first = ask(client, "My name is Ada", instructions="Be brief")
    second = ask(client, "Who am I?", previous_response_id=first.id)
    assert "My name is Ada" in second.output_text and "Be brief" not in second.output_text
    assert second.previous_response_id == first.id
    seen = list(client.responses.input_items.list(second.id, order="asc", limit=2))
    assert texts(seen) == ["My name is Ada", first.output_text, "Who am I?"]
    assert seen[1].id == first.output[0].id
    client.responses.delete(first.id)
    third = ask(client, "And now?", previous_response_id=second.id)
    assert texts(client.responses.input_items.list(third.id))[-1] == "My name is Ada"
    refused(
        lambda: ask(client, "x", previous_response_id=first.id), "previous_response_id", "not found",
        "previous_response_not_found",
    )  # fmt: skip


def test_a_conversation_grows_with_its_responses(client):
    conversation = client.conversations.create(items=[say("My name is Ada")])
    first = ask(client, "Hello", conversation=conversation.id)
    assert first.conversation.id == conversation.id
    second = ask(client, [say("Again")], conversation={"id": conversation.id})
    items = list(client.conversations.items.list(conversation.id, order="asc"))
    assert texts(items) == ["My name is Ada", "Hello", first.output_text, "Again", second.output_text]
    assert items[2].id == first.output[0].id and items[2].role == "assistant"
    assert "Hello" in second.output_text
    client.responses.delete(first.id)
    assert len(list(client.conversations.items.list(conversation.id))) == 5
    # Whoever added a message asks for a response without input.
    client.conversations.items.create(conversation.id, items=[say("Ping")])
    assert '"Ping"' in ask(client, [], conversation=conversation.id).output_text
    client.conversations.delete(conversation.id)
    gone(lambda: ask(client, "x", conversation=conversation.id), "Conversation with id")


# Tools


def test_the_loop_of_function_calls(client):
    conversation = client.conversations.create()
    question = "What is the weather in Paris and in Rome?"
    first = ask(client, question, conversation=conversation.id, tools=[WEATHER])
    assert [item.type for item in first.output] == ["function_call", "function_call"]
    assert [json.loads(item.arguments)["place"] for item in first.output] == ["Paris", "Rome"]
    assert all(item.call_id.startswith("call_") and item.id.startswith("fc_") for item in first.output)
    assert first.output[0].call_id != first.output[1].call_id
    assert (first.tools[0].name, first.tools[0].strict, first.output_text) == ("get_weather", False, "")

    call_id = first.output[0].call_id
    message = f"No tool output found for function call {call_id}."
    refused(lambda: ask(client, "Well?", conversation=conversation.id), "input", message)
    refused(lambda: ask(client, outputs(first), conversation=conversation.id), "input", message)
    refused(lambda: ask(client, "x", previous_response_id=first.id), "input", message)
    stray = [*outputs(first, "a", "b"), {"type": "function_call_output", "call_id": "call_x", "output": ""}]
    refused(
        lambda: ask(client, stray, conversation=conversation.id),
        "input",
        "No tool call found for function call output with call_id call_x.",
    )

    last = ask(client, outputs(first, "rain", "sun"), conversation=conversation.id, tools=[WEATHER])
    assert "rain" in last.output_text and "sun" in last.output_text
    kinds = [item.type for item in client.conversations.items.list(conversation.id, order="asc")]
    assert kinds == ["message", "function_call", "function_call", "function_call_output", "function_call_output", "message"]


def test_outputs_may_be_added_beforehand(client):
    """What a run that was given up must do to leave its conversation usable."""
    conversation = client.conversations.create()
    first = ask(client, "The weather in Bern?", conversation=conversation.id, tools=[WEATHER])
    client.conversations.items.create(conversation.id, items=outputs(first, "cancelled"))
    assert ask(client, "Hello", conversation=conversation.id).status == "completed"


def test_the_choice_of_tools(client):
    time_tool = {**WEATHER, "name": "get_time", "description": ""}
    named = {"type": "function", "name": "get_time"}
    tools = [WEATHER, time_tool]
    calls = lambda **options: [item.name for item in ask(client, "hello there", tools=tools, **options).output]  # noqa: E731
    assert calls(tool_choice=named) == ["get_time"]
    assert calls(tool_choice="required") == ["get_weather"]
    assert calls(tool_choice={"type": "allowed_tools", "mode": "required", "tools": [named]}) == ["get_time"]
    assert ask(client, "The weather in Paris?", tools=tools, tool_choice="none").output_text
    assert len(ask(client, "Weather in Paris and Rome", tools=tools, parallel_tool_calls=False).output) == 1
    code = {"type": "code_interpreter", "container": {"type": "auto"}}
    kinds = lambda *tools: [item.type for item in ask(client, "hello", tools=tools, tool_choice="required").output]  # noqa: E731
    assert kinds(code) == ["code_interpreter_call", "message"]
    assert kinds(code, WEATHER) == ["function_call"]
    wrong = lambda choice: lambda: ask(client, "x", tools=tools, tool_choice=choice)  # noqa: E731
    refused(wrong({"type": "function", "name": "nope"}), "tool_choice", "'nope' not found in 'tools'")
    refused(wrong({"type": "file_search"}), "tool_choice", "'file_search' not found in 'tools'")
    refused(wrong("maybe"), "tool_choice", "Invalid value: 'maybe'")


def test_a_custom_tool(client):
    tool = {"type": "custom", "name": "run_sql", "description": "Runs a query"}
    made = ask(client, "Run the query please", tools=[tool])
    assert (made.output[0].type, made.output[0].name) == ("custom_tool_call", "run_sql")
    answer = {"type": "custom_tool_call_output", "call_id": made.output[0].call_id, "output": "7 rows"}
    assert "7 rows" in ask(client, [answer], previous_response_id=made.id).output_text


def test_file_search_end_to_end(client):
    store, (refund, shipping) = store_with(client, REFUND, SHIPPING)
    tool = {"type": "file_search", "vector_store_ids": [store.id], "max_num_results": 5}
    include = ["file_search_call.results"]
    made = ask(client, "When are refunds paid?", tools=[tool], include=include)
    search, message = made.output
    assert (search.type, search.status, search.queries) == ("file_search_call", "completed", ["When are refunds paid?"])
    assert search.id.startswith("fs_")
    assert [(hit.file_id, hit.filename) for hit in search.results] == [(refund.id, "0.txt")]
    assert search.results[0].text == REFUND.decode() and 0 < search.results[0].score < 1
    assert REFUND.decode() in made.output_text
    (citation,) = message.content[0].annotations
    assert (citation.type, citation.file_id, citation.filename) == ("file_citation", refund.id, "0.txt")
    assert client.responses.retrieve(made.id).output[0].results is None
    assert client.responses.retrieve(made.id, include=include).output[0].results == search.results

    nothing = ask(client, "Zebras?", tools=[tool], include=include)
    assert nothing.output[0].results == [] and nothing.output[1].content[0].annotations == []
    assert ask(client, "refunds", tools=[tool], tool_choice="none").output[0].type == "message"
    filtered = {**tool, "filters": {"type": "eq", "key": "a", "value": 1}}
    assert ask(client, "refunds", tools=[filtered], include=include).output[0].results == []
    absent = {**tool, "vector_store_ids": ["vs_none"]}
    gone(lambda: ask(client, "refunds", tools=[absent]), r"Vector store with id \['vs_none'\] not found.")


def test_the_code_interpreter_says_that_it_runs_nothing(client):
    tool = {"type": "code_interpreter", "container": {"type": "auto"}}
    conversation = client.conversations.create()
    question = "Solve 3x + 11 = 14"
    options = {"tools": [tool], "conversation": conversation.id}
    made = ask(client, question, include=["code_interpreter_call.outputs"], **options)
    call, message = made.output
    assert (call.type, call.status) == ("code_interpreter_call", "completed")
    assert call.id.startswith("ci_") and call.container_id.startswith("cntr_")
    assert question in call.code
    assert call.outputs[0].logs == "The sandbox runs no code." and "The sandbox runs no code." in made.output_text
    again = ask(client, "Solve 4x = 2", **options).output[0]
    assert (again.container_id, again.outputs) == (call.container_id, None)
    own = {"type": "code_interpreter", "container": call.container_id}
    assert ask(client, "1 + 1", tools=[own]).output[0].container_id == call.container_id
    assert ask(client, "Just talk", tools=[tool]).output[0].type == "message"
    forced = ask(client, "Just talk", tools=[tool], tool_choice={"type": "code_interpreter"})
    assert forced.output[0].type == "code_interpreter_call"
    gone(lambda: ask(client, "1", tools=[{**own, "container": "cntr_none"}]), "Container with id 'cntr_none'")


def test_an_image_is_drawn_when_asked_for(client):
    tool = {"type": "image_generation", "size": "512x256", "output_format": "webp"}
    made = ask(client, "Draw a fox", tools=[tool])
    image, message = made.output
    assert (image.type, image.status, image.size, image.output_format) == ("image_generation_call", "completed", "512x256", "webp")
    assert image.id.startswith("ig_") and base64.b64decode(image.result)[:4] == b"RIFF"
    assert "image_generation gave: an image" in made.output_text and message.type == "message"
    assert ask(client, "Hello", tools=[tool]).output[0].type == "message"
    forced = {"tools": [{"type": "image_generation"}], "tool_choice": {"type": "image_generation"}}
    assert ask(client, "Hello", **forced).output[0].size == "512x512"
    kinds = [event.type for event in ask(client, "Draw", stream=True, tools=[tool])]
    assert "response.image_generation_call.generating" in kinds
    refused(lambda: ask(client, "x", tools=[{**tool, "size": "7x7"}]), "tools[0].size", "divisible by 16")


def test_the_web_has_one_page(client):
    tools = [{"type": "web_search"}]
    found = ask(client, "What is the latest news?", tools=tools)
    call, message = found.output
    assert (call.type, call.status, call.action.type, call.action.sources) == ("web_search_call", "completed", "search", None)
    assert call.action.queries == ["What is the latest news?"]
    (citation,) = message.content[0].annotations
    assert found.output_text[citation.start_index : citation.end_index] == citation.url == "https://example.com/"
    shown = ask(client, "What is the latest news?", tools=tools, include=["web_search_call.action.sources"])
    assert [source.url for source in shown.output[0].action.sources] == ["https://example.com/"]
    assert [item.type for item in ask(client, "Hello", tools=tools).output] == ["message"]
    forced = ask(client, "Hello", tools=tools, tool_choice={"type": "web_search_preview"})
    assert [item.type for item in forced.output] == ["web_search_call", "message"]
    kinds = [event.type for event in ask(client, "News?", tools=tools, stream=True)]
    assert {"response.web_search_call.searching", "response.web_search_call.completed"} <= set(kinds)


def test_calls_of_mcp_servers_are_approved(client):
    server = {"type": "mcp", "server_label": "deepwiki", "server_url": "https://mcp.example.com/mcp", "authorization": "secret"}
    asked = ask(client, "Ask deepwiki what MCP is", tools=[server])
    listed, request = asked.output
    assert (listed.type, [tool.name for tool in listed.tools]) == ("mcp_list_tools", ["lookup"])
    assert (request.type, request.name, request.server_label) == ("mcp_approval_request", "lookup", "deepwiki")
    assert asked.tools[0].require_approval == "always" and "secret" not in asked.to_json()

    def answer(approve, **options):
        answers = [{"type": "mcp_approval_response", "approval_request_id": request.id, "approve": approve}]
        return ask(client, answers, previous_response_id=asked.id, tools=[server], **options)

    call, message = answer(True).output
    assert (call.type, call.approval_request_id, call.error) == ("mcp_call", request.id, None)
    assert call.arguments == request.arguments and call.output in message.content[0].text
    (message,) = answer(False).output
    assert "did not allow" in message.content[0].text
    kinds = [event.type for event in answer(True, stream=True)]
    assert {"response.mcp_call.in_progress", "response.mcp_call_arguments.done", "response.mcp_call.completed"} <= set(kinds)
    refused(lambda: ask(client, [{"type": "mcp_approval_response", "approval_request_id": "mcpr_0", "approve": True}]), "input", "mcpr_0")

    trusted = {**server, "allowed_tools": ["ask", "read"], "require_approval": {"never": {"tool_names": ["read"]}}}
    kinds = lambda text: [item.type for item in ask(client, text, tools=[trusted]).output]  # noqa: E731
    assert kinds("Please read it") == ["mcp_list_tools", "mcp_call", "message"]
    assert kinds("Please ask it") == ["mcp_list_tools", "mcp_approval_request"]
    assert kinds("Hello") == ["mcp_list_tools", "message"]
    refused(lambda: ask(client, "Hello", tools=[{"type": "mcp", "server_label": "nowhere"}]), "tools[0].server_url")


@pytest.mark.parametrize(
    ("tool", "where"),
    [
        ({**WEATHER, "paramters": {}}, "paramters"),
        ({**WEATHER, "allowed_callers": ["zz"]}, "allowed_callers[0]"),
        ({"type": "custom", "name": "f", "format": {"type": "grammar", "syntax": "zz"}}, "format.syntax"),
        ({"type": "custom", "name": "f", "format": {"type": "grammar", "syntax": "lark"}}, "format.definition"),
        ({"type": "file_search", "vector_store_ids": ["vs_1"], "ranking_options": {"score": 1}}, "ranking_options.score"),
        ({"type": "web_search", "allowed_domains": ["example.com"]}, "allowed_domains"),
        ({"type": "web_search", "filters": {"allowed_domain": ["example.com"]}}, "filters.allowed_domain"),
        ({"type": "web_search", "user_location": {"type": "zz"}}, "user_location.type"),
        ({"type": "web_search_preview", "user_location": {"country": "DE"}}, "user_location.type"),
        ({"type": "web_search_preview", "search_context_size": "zz"}, "search_context_size"),
        ({"type": "image_generation", "sise": "auto"}, "sise"),
        ({"type": "image_generation", "quality": "zz"}, "quality"),
        ({"type": "image_generation", "frame_count": 3}, "frame_count"),
        ({"type": "image_generation", "svg": {"model": "x"}}, "svg"),
        ({"type": "image_generation", "input_image_mask": {"file": "x"}}, "input_image_mask.file"),
        ({"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "9g"}}, "container.memory_limit"),
        ({"type": "shell", "environment": {"type": "zz"}}, "environment.type"),
        ({"type": "shell", "environment": {"type": "local", "skills": [{"name": "a"}]}}, "environment.skills[0].description"),
        ({"type": "computer_use_preview", "display_width": 1, "display_height": 1}, "environment"),
        ({"type": "namespace", "name": "n", "description": "d", "tools": []}, "tools"),
        ({"type": "namespace", "name": "n", "description": "d", "tools": [{**WEATHER, "x": 1}]}, "tools[0].x"),
        ({"type": "tool_search", "execution": "zz"}, "execution"),
        ({"type": "apply_patch", "x": 1}, "x"),
        ({**SERVER, "allowed_tool": ["a"]}, "allowed_tool"),
        ({**SERVER, "allowed_tools": "search"}, "allowed_tools"),
        ({**SERVER, "allowed_tools": {"names": ["a"]}}, "allowed_tools.names"),
        ({**SERVER, "require_approval": "zz"}, "require_approval"),
        ({**SERVER, "require_approval": {"sometimes": {}}}, "require_approval.sometimes"),
        ({**SERVER, "connector_id": "connector_zzz"}, "connector_id"),
        ({**SERVER, "headers": {"a": 1}}, "headers.a"),
    ],
)
def test_tools_that_are_refused(client, tool, where):
    refused(lambda: ask(client, "Hello", tools=[tool]), f"tools[0].{where}")


def test_tools_that_say_all_they_can(client):
    callers = {"allowed_callers": ["direct", "programmatic"]}
    place = {"type": "approximate", "city": "Bern", "country": "CH", "region": None, "timezone": "Europe/Zurich"}
    web = {"external_web_access": False, "search_context_size": "low", "user_location": place}
    policy = {"type": "allowlist", "allowed_domains": ["a.com"], "domain_secrets": [{"domain": "a.com", "name": "n", "value": "v"}]}
    room = {"file_ids": [], "memory_limit": "4g", "network_policy": policy}
    inline = {"type": "inline", "name": "s", "description": "d", "source": {"type": "base64", "media_type": "application/zip", "data": "UEs="}}
    function = {**WEATHER, **callers, "async": True, "defer_loading": True, "output_schema": {"type": "object"}}
    grammar = {"type": "grammar", "syntax": "regex", "definition": "a+"}
    custom = {"type": "custom", "name": "f", "description": "d", "format": grammar, "async": False, "defer_loading": True, **callers}
    tools = [
        function,
        custom,
        {"type": "namespace", "name": "n", "description": "d", "tools": [function, custom]},
        {"type": "tool_search", "execution": "client", "description": None, "parameters": {"type": "object"}},
        {"type": "programmatic_tool_calling"},
        {"type": "apply_patch", **callers},
        {"type": "local_shell"},
        {"type": "computer"},
        {"type": "computer_use_preview", "environment": "mac", "display_width": 10, "display_height": 10},
        {"type": "web_search", "filters": {"allowed_domains": ["example.com"]}, **web},
        {"type": "web_search_preview", "search_content_types": ["text", "image"], **web},
        {"type": "code_interpreter", "container": {"type": "auto", **room}, **callers},
        {"type": "shell", "environment": None, **callers},
        {"type": "shell", "environment": {"type": "container_auto", "skills": [inline], **room}},
        {"type": "shell", "environment": {"type": "local", "skills": [{"name": "n", "description": "d", "path": "/p"}]}},
        {
            "type": "image_generation", "action": "auto", "background": "opaque", "complexity": "low", "input_fidelity": "high",
            "input_image_mask": {"file_id": "file-1"}, "model": "gpt-image-2", "moderation": "low", "output_compression": 90,
            "output_format": "svg", "partial_images": 0, "quality": "xhigh", "size": "auto",
            "svg": {"model": "m", "reasoning": {"effort": "low"}},
        },
        {
            **SERVER, **callers, "allowed_tools": {"tool_names": ["a"], "read_only": True}, "authorization": "x",
            "headers": {"a": "b"}, "server_description": "d", "defer_loading": True,
            "require_approval": {"always": {"read_only": False}, "never": {"tool_names": ["a"]}},
        },
        {"type": "mcp", "server_label": "mail", "connector_id": "connector_gmail", "allowed_tools": None},
    ]  # fmt: skip
    assert len(ask(client, "Hello", tools=tools).tools) == len(tools)


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"moderation": {}}, "moderation.model"),
        ({"moderation": {"model": "m", "policy": {"input": {"mode": "zz"}}}}, "moderation.policy.input.mode"),
        ({"context_management": []}, "context_management"),
        ({"prompt_cache_options": {"ttl": "1h"}}, "prompt_cache_options.ttl"),
        ({"prompt_cache_retention": "zz"}, "prompt_cache_retention"),
        ({"reasoning": {"context": "zz"}}, "reasoning.context"),
        ({"safety_identifier": "x" * 129}, "safety_identifier"),
        ({"background_options": {"completion_window": "zz"}}, "background_options.completion_window"),
    ],
)
def test_options_that_are_refused(client, options, where):
    refused(lambda: ask(client, "Hello", **options), where)


def test_options_that_say_all_they_can(client):
    options = {
        "moderation": {"model": "omni-moderation-latest", "policy": {"input": {"mode": "block"}, "output": None}},
        "prompt_cache_options": {"mode": "explicit", "ttl": "12h", "prewarm": True, "comparison_response_id": None},
        "prompt_cache_retention": "24h", "reasoning": {"context": "all_turns"}, "safety_identifier": "x" * 128,
        "access_programs": {"cyber": "standard"}, "image": {"context_compression": "auto"},
        "background_options": {"completion_window": "soonest", "continuation_id": "x"},
    }  # fmt: skip
    assert ask(client, "Hello", **options).status == "completed"


@pytest.mark.parametrize(
    ("item", "where"),
    [
        ({"phase": "zz"}, "phase"),
        ({"content": [{"type": "input_text", "text": "x", "prompt_cache_breakpoint": "yes"}]}, "content[0].prompt_cache_breakpoint"),
        ({"content": [{"type": "input_image", "image_url": "notaurl"}]}, "content[0].image_url"),
    ],
)
def test_items_that_are_refused(client, item, where):
    refused(lambda: ask(client, [{**say("Hello"), **item}]), f"input[0].{where}")


def test_the_cache_key_of_a_compaction_is_short(client):
    compact = client.responses.with_raw_response.compact
    key = lambda length: compact(model=MODEL, input="Hello", prompt_cache_key="x" * length)  # noqa: E731
    assert key(64).status_code == 200
    refused(lambda: key(65), "prompt_cache_key")


def test_where_a_shell_runs_has_to_exist(client):
    def shell(**environment):
        return ask(client, "Hello", tools=[{"type": "shell", "environment": environment}])

    skill = client.skills.create(files=[("pdf/SKILL.md", b"---\nname: pdf\ndescription: Reads PDF\n---\n")])
    reference = {"type": "skill_reference", "skill_id": skill.id}
    assert shell(type="container_auto", skills=[reference, {**reference, "version": "latest"}]).status == "completed"
    gone(lambda: shell(type="container_auto", skills=[{**reference, "skill_id": "skill_0"}]), "Skill with id 'skill_0' not found.")
    gone(lambda: shell(type="container_auto", skills=[{**reference, "version": "9"}]), "Skill version '9' not found.")
    gone(lambda: shell(type="container_reference", container_id="cntr_0"), "cntr_0")


def test_calls_of_hosted_tools_have_a_limit(client):
    store, _ = store_with(client, REFUND)
    tools = [
        {"type": "file_search", "vector_store_ids": [store.id]},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ]
    kinds = lambda **options: [item.type for item in ask(client, "refunds in 14 days", tools=tools, **options).output]  # noqa: E731
    assert kinds() == ["file_search_call", "code_interpreter_call", "message"]
    assert kinds(max_tool_calls=1) == ["file_search_call", "message"]


# Forms of the answer


class Event(BaseModel):
    name: str
    participants: list[str]
    day: int


def test_structured_output(client):
    made = client.responses.parse(model=MODEL, input="Alice and Bob meet on day 12", text_format=Event)
    assert made.output_parsed == Event.model_validate_json(made.output_text)
    assert made.output_parsed.day == 12
    assert made.text.format.name == "Event" and made.text.format.strict is True
    loose = ask(client, "Some json", text={"format": {"type": "json_object"}})
    assert json.loads(loose.output_text)
    with client.responses.stream(model=MODEL, input="Carol on day 3", text_format=Event) as stream:
        assert stream.get_final_response().output_parsed.day == 3


def test_functions_from_models(client):
    made = client.responses.parse(
        model=MODEL, input="An event named Launch", tools=[openai.pydantic_function_tool(Event, name="make_event")]
    )
    assert isinstance(made.output[0].parsed_arguments, Event)


def test_reasoning_is_told_when_asked_for(client):
    made = ask(client, "Hm", reasoning={"effort": "low", "summary": "auto"})
    assert [item.type for item in made.output] == ["reasoning", "message"]
    assert made.output[0].id.startswith("rs_") and made.output[0].encrypted_content
    assert made.usage.output_tokens_details.reasoning_tokens > 0
    assert client.responses.retrieve(made.id).output[0].encrypted_content is None
    assert made.reasoning.effort == "low"
    # A caller who keeps the state himself sends everything back.
    more = ask(client, [say("Hm"), *(item.model_dump(exclude_none=True) for item in made.output), say("And?")])
    assert "And?" in more.output_text


@pytest.mark.parametrize(
    ("magic", "status", "reason"),
    [("[[length]]", "incomplete", "max_output_tokens"), ("[[filter]]", "incomplete", "content_filter")],
)
def test_an_answer_may_be_incomplete(client, magic, status, reason):
    conversation = client.conversations.create()
    made = ask(client, f"Tell me {magic}", conversation=conversation.id)
    assert (made.status, made.incomplete_details.reason, made.output[-1].status) == (status, reason, "incomplete")
    assert made.completed_at is None
    assert len(list(client.conversations.items.list(conversation.id))) == 2
    *_, last = ask(client, f"Tell me {magic}", stream=True)
    assert last.type == "response.incomplete"


def test_the_answer_ends_at_the_limit(client):
    made = ask(client, "[[long 200]]", max_output_tokens=16)
    assert (made.status, made.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert made.usage.output_tokens == 16


def test_a_refusal(client):
    made = ask(client, "[[refuse]] this")
    assert made.output[0].content[0].type == "refusal" and made.output_text == ""
    kinds = [event.type for event in ask(client, "[[refuse]] this", stream=True)]
    assert "response.refusal.delta" in kinds and "response.refusal.done" in kinds


def test_a_failure(client):
    with pytest.raises(openai.InternalServerError):
        ask(client, "[[error]]")
    *_, last = ask(client, "[[error]]", stream=True)
    assert (last.type, last.response.status, last.response.error.code) == ("response.failed", "failed", "server_error")
    conversation = client.conversations.create()
    failed = wait(client, ask(client, "[[error]]", background=True, conversation=conversation.id))
    assert (failed.status, failed.error.code, failed.output) == ("failed", "server_error", [])
    assert list(client.conversations.items.list(conversation.id)) == []
    limited = wait(client, ask(client, "[[error rate_limit_exceeded]]", background=True))
    assert (limited.status, limited.error.code) == ("failed", "rate_limit_exceeded")
    with pytest.raises(openai.RateLimitError):
        ask(client, "[[error rate_limit_exceeded]]")


# Streams


def test_a_stream_of_text(client):
    events = list(ask(client, "Hello, stream", stream=True))
    kinds = [event.type for event in events]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert kinds[:4] == ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"]
    assert set(kinds[4:-4]) == {"response.output_text.delta"}
    assert kinds[-4:] == ["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"]
    whole = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    final = events[-1].response
    assert whole == final.output_text == events[-4].text and "Hello, stream" in whole
    assert events[0].response.output == [] and events[0].response.status == "in_progress"
    assert events[2].item.content == [] and events[2].item.status == "in_progress"
    assert events[-2].item == final.output[0]
    assert client.responses.retrieve(final.id) == final
    refused(lambda: client.responses.retrieve(final.id, stream=True), "stream", "background=true")


def test_the_helper_for_streams(client):
    with client.responses.stream(model=MODEL, input="The weather in Oslo?", tools=[WEATHER]) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.function_call_arguments.delta" in kinds and "response.function_call_arguments.done" in kinds
    assert json.loads(final.output[0].arguments) == {"place": "Oslo"}
    with client.responses.stream(model=MODEL, input="Hi") as stream:
        assert stream.get_final_response().output_text == ask(client, "Hi").output_text


def test_a_stream_of_hosted_tools(client):
    store, _ = store_with(client, REFUND)
    tools = [
        {"type": "file_search", "vector_store_ids": [store.id]},
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ]
    events = list(ask(client, "refunds in 14 days", tools=tools, stream=True, reasoning={"summary": "auto"}))
    kinds = [event.type for event in events]
    for kind in (
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "file_search_call.in_progress",
        "file_search_call.searching",
        "file_search_call.completed",
        "code_interpreter_call.in_progress",
        "code_interpreter_call_code.delta",
        "code_interpreter_call_code.done",
        "code_interpreter_call.interpreting",
        "code_interpreter_call.completed",
        "output_text.annotation.added",
    ):
        assert f"response.{kind}" in kinds
    added = [event for event in events if event.type == "response.output_item.added"]
    assert [event.output_index for event in added] == [0, 1, 2, 3]
    # Every event has a type of its own in the SDK.
    assert all(type(event).__name__.startswith("Response") for event in events)


# Background


def test_a_response_in_the_background(client):
    conversation = client.conversations.create()
    made = ask(client, "Hello", background=True, conversation=conversation.id)
    assert (made.status, made.output, made.background, made.usage) == ("queued", [], True, None)
    assert list(client.conversations.items.list(conversation.id)) == []
    done = wait(client, made)
    assert (done.status, done.id) == ("completed", made.id) and done.completed_at
    assert len(list(client.conversations.items.list(conversation.id))) == 2
    assert client.responses.cancel(done.id).status == "completed"
    refused(lambda: ask(client, "x", background=True, store=False), "background")


def test_a_conversation_is_locked_while_a_response_runs(client):
    conversation = client.conversations.create(items=[say("before")])
    (item,) = client.conversations.items.list(conversation.id)
    made = ask(client, "[[slow 1000]] Hello", background=True, conversation=conversation.id)
    for call in (
        lambda: ask(client, "me too", conversation=conversation.id),
        lambda: client.conversations.items.create(conversation.id, items=[say("and me")]),
        lambda: client.conversations.items.delete(item.id, conversation_id=conversation.id),
        lambda: client.conversations.delete(conversation.id),
    ):
        refused(call, "conversation", "Another process is currently operating", "conversation_locked")
    refused(lambda: ask(client, "x", previous_response_id=made.id), "previous_response_id", "still in progress")
    assert client.conversations.update(conversation.id, metadata={"a": "b"}).metadata == {"a": "b"}

    stopped = client.responses.cancel(made.id)
    assert (stopped.status, stopped.output) == ("cancelled", [])
    assert client.responses.cancel(made.id).status == "cancelled"
    assert [it.id for it in client.conversations.items.list(conversation.id)] == [item.id]
    assert ask(client, "me too", conversation=conversation.id).status == "completed"


def test_only_the_background_can_be_cancelled(client):
    made = ask(client, "Hello")
    refused(lambda: client.responses.cancel(made.id), None, "Cannot cancel a synchronous response.")


def test_who_hangs_up_ends_the_response(client):
    conversation = client.conversations.create()
    stream = ask(client, "[[slow 1000]] Hello", conversation=conversation.id, stream=True)
    first = next(iter(stream))
    stream.close()
    while client.responses.retrieve(first.response.id).status == "in_progress":
        time.sleep(0.05)
    assert client.responses.retrieve(first.response.id).status == "cancelled"
    assert list(client.conversations.items.list(conversation.id)) == []
    assert ask(client, "Hello", conversation=conversation.id).status == "completed"


def test_who_gives_up_waiting_ends_the_response(client):
    conversation = client.conversations.create()
    with pytest.raises(openai.APITimeoutError):
        ask(client, "[[slow 1000]] Hello", conversation=conversation.id, timeout=0.2)
    while True:
        try:
            assert ask(client, "Hello", conversation=conversation.id).status == "completed"
            break
        except openai.BadRequestError as error:
            assert error.code == "conversation_locked"
    assert len(list(client.conversations.items.list(conversation.id))) == 2


def test_a_deleted_response_lets_its_conversation_go(client):
    conversation = client.conversations.create()
    made = ask(client, "[[slow 1000]] Hello", background=True, conversation=conversation.id)
    client.responses.delete(made.id)
    assert ask(client, "Hello", conversation=conversation.id).status == "completed"


def test_a_stream_from_the_background_can_be_taken_up_again(client):
    stream = ask(client, "[[slow 20]] Hello", background=True, stream=True)
    seen = []
    for event in stream:
        seen.append(event)
        if event.type == "response.output_text.delta":
            break
    stream.close()
    assert [event.type for event in seen[:3]] == ["response.created", "response.queued", "response.in_progress"]
    assert [event.response.status for event in seen[:3]] == ["queued", "queued", "in_progress"]
    id, last = seen[0].response.id, seen[-1].sequence_number
    rest = list(client.responses.retrieve(id, stream=True, starting_after=last))
    assert [event.sequence_number for event in seen + rest] == list(range(len(seen) + len(rest)))
    assert rest[-1].type == "response.completed"
    assert rest[-1].response == client.responses.retrieve(id)
    assert list(client.responses.retrieve(id, stream=True)) == seen + rest
    assert list(client.responses.retrieve(id, stream=True, starting_after=10_000)) == []


def test_of_two_that_want_a_conversation_one_gets_it(client):
    conversation = client.conversations.create()

    def one(n):
        try:
            return ask(client, f"[[slow 50]] {n}", conversation=conversation.id).status
        except openai.BadRequestError as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one, range(2))) == ["completed", "conversation_locked"]
    assert len(list(client.conversations.items.list(conversation.id))) == 2


# The rest


def test_counting_and_compacting(client):
    count = client.responses.input_tokens.count(model=MODEL, input="one two three")
    assert count.object == "response.input_tokens" and count.input_tokens > 2
    assert client.responses.input_tokens.count(input="one two three").input_tokens == count.input_tokens
    longer = client.responses.input_tokens.count(model=MODEL, input="one two three", tools=[WEATHER])
    assert longer.input_tokens > count.input_tokens
    assert ask(client, "one two three").usage.input_tokens == count.input_tokens
    first = ask(client, "Hello")
    # The SDK's type of the answer knows no messages of the user, its documentation does.
    compacted = client_with(client.api_key).responses.compact(model=MODEL, previous_response_id=first.id)
    assert compacted.object == "response.compaction"
    assert [item.type for item in compacted.output] == ["message", "compaction"]
    assert client_with(client.api_key).responses.compact(model=None, input="Hello").object == "response.compaction"
    bare = lambda: client.post("/responses/compact", body={"input": "Hello"}, cast_to=object)  # noqa: E731
    refused(bare, "model", "Missing", "missing_required_parameter")
    given = [item.to_dict(warnings=False) for item in compacted.output]
    assert ask(client, [*given, say("Go on")]).status == "completed"


def test_the_beta_requests(client):
    beta = client.beta.responses
    agents = {"multi_agent": {"enabled": True, "max_concurrent_subagents": 2}, "betas": ["responses_multi_agent=v1"]}
    made = beta.create(model=MODEL, input="Hello", **agents)
    assert made.status == "completed" and beta.retrieve(made.id).id == made.id
    assert len(list(beta.input_items.list(made.id))) == 1
    assert beta.input_tokens.count(model=MODEL, input="Hello").input_tokens > 0
    assert beta.delete(made.id) is None
    waiting = beta.create(model=MODEL, input="[[slow 50]] Hello", background=True)
    assert beta.cancel(waiting.id).status == "cancelled"
    bad = lambda **more: lambda: client.responses.create(model=MODEL, input="x", **more)  # noqa: E731
    refused(bad(extra_body={"multi_agent": {"enabled": True}}), "multi_agent", "Unknown parameter", "unknown_parameter")


def test_what_responses_refuse(client):
    options = {"model": MODEL, "input": "x"}
    bad = lambda param, message="", code=None, **more: refused(  # noqa: E731
        lambda: client.responses.create(**{**options, **more}), param, message, code
    )
    refused(lambda: client.responses.create(input="x"), "model", "Missing", "missing_required_parameter")
    refused(lambda: client.responses.create(model=MODEL), "input", "must be provided", "missing_required_parameter")
    bad("conversation", "Mutually exclusive", "mutually_exclusive_parameters", conversation="c", previous_response_id="r")
    bad("max_output_tokens", ">= 16", "integer_below_min_value", max_output_tokens=1)
    bad("temperature", "<= 2", "decimal_above_max_value", temperature=3)
    bad("input[0].content[0].type", "Invalid value: 'text'", input=[say([{"type": "text", "text": "x"}])])
    bad("input", "expected a string or an array", "invalid_type", input=1)
    bad("tools[0].type", "Invalid value: 'novel'", tools=[{"type": "novel"}])
    bad("tools[0].name", "Missing", tools=[{"type": "function"}])
    bad("tools[0].name", "does not match pattern", tools=[{**WEATHER, "name": "a b"}])
    bad("tools[0].vector_store_ids", "Missing", tools=[{"type": "file_search"}])
    bad("tools[0].container", "Missing", tools=[{"type": "code_interpreter"}])
    bad("text.format.schema", "Missing", text={"format": {"type": "json_schema", "name": "a"}})
    strict = {**WEATHER, "strict": True}
    bad("tools[0].parameters", "'additionalProperties' is required", "invalid_function_parameters", tools=[strict])
    open_schema = {"type": "json_schema", "name": "a", "strict": True, "schema": WEATHER["parameters"]}
    bad("text.format.schema", "'additionalProperties'", "invalid_json_schema", text={"format": open_schema})
    bad("input", "must contain the word 'json'", text={"format": {"type": "json_object"}})
    for model in ("gpt-0", "o1", "text-embedding-3-small"):
        with pytest.raises(openai.NotFoundError) as caught:
            ask(client, "x", model=model)
        assert caught.value.code == "model_not_found"
    bad("include[0]", "Invalid value: 'all'", include=["all"])
    bad("stream_options", "only allowed when 'stream'", stream_options={"include_obfuscation": True})
    bad("novelty", "Unknown parameter", "unknown_parameter", extra_body={"novelty": 1})
    gone(lambda: client.responses.create(prompt={"id": "pmpt_1"}, input="x"), "Prompt with id 'pmpt_1' not found.")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_assistants_are_gone(client):
    gone(lambda: client.beta.assistants.list(), "shut down on August 26, 2026")
    gone(lambda: client.beta.threads.runs.create("thread_1", assistant_id="asst_1"), "shut down on August 26, 2026")


def test_failures_on_demand(client):
    failing = client_with("sk-sandbox-fail-503-1-responses")
    with pytest.raises(openai.InternalServerError):
        ask(failing, "x")
    assert ask(failing, "x").status == "completed"
    with pytest.raises(openai.RateLimitError):
        ask(client, "x", extra_headers={"x-sandbox-fail": "429"})
