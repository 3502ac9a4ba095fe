"""The official SDK uses the chat completions of the sandbox."""

import base64
import enum
import io
import json
import wave

import openai
import pytest
from pydantic import BaseModel
from test_sandbox import client, client_with, refused  # noqa: F401

GREETING = "This is the sandbox, not a model."
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a place",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
            "required": ["location"],
        },
    },
}


def say(client, text, **options):
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(**{"model": "gpt-6-luna", "messages": messages, **options})


def stored(client, text, **options):
    return say(client, text, store=True, **options)


def test_an_answer_says_that_it_is_the_sandbox(client):
    completion = say(client, "Hello", n=2)
    assert completion.system_fingerprint == "fp_sandbox"
    assert completion.model == "gpt-6-luna"
    assert completion.object == "chat.completion"
    assert [choice.index for choice in completion.choices] == [0, 1]
    for choice in completion.choices:
        assert choice.message.content == f'{GREETING} You said: "Hello".'
        assert choice.finish_reason == "stop"
    usage = completion.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0


def test_a_stream_tells_what_a_completion_says(client):
    whole = say(client, "Hello")
    chunks = list(say(client, "Hello", stream=True, stream_options={"include_usage": True}))
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_the_streaming_helper(client):
    question = "The weather in Paris and London?"
    messages = [{"role": "user", "content": question}]
    with client.chat.completions.stream(model="gpt-6-luna", messages=messages, tools=[WEATHER]) as stream:
        kinds = [event.type for event in stream]
        message = stream.get_final_completion().choices[0].message
    assert "tool_calls.function.arguments.done" in kinds
    arguments = [json.loads(call.function.arguments) for call in message.tool_calls]
    assert arguments == [{"location": "Paris"}, {"location": "London"}]
    whole = say(client, question, tools=[WEATHER]).choices[0]
    assert whole.finish_reason == "tool_calls"
    assert [call.function.arguments for call in whole.message.tool_calls] == [
        call.function.arguments for call in message.tool_calls
    ]


def test_tools_are_run_and_their_outputs_told(client):
    messages = [{"role": "user", "content": "The weather in Paris and London?"}]
    choice = client.chat.completions.create(model="gpt-6-luna", messages=messages, tools=[WEATHER]).choices[0]
    messages.append(choice.message.model_dump(exclude_none=True))
    refused(
        lambda: client.chat.completions.create(model="gpt-6-luna", messages=messages, tools=[WEATHER]),
        "messages",
        choice.message.tool_calls[0].id,
    )
    for call, output in zip(choice.message.tool_calls, ["rain", "sun"]):
        messages.append({"role": "tool", "tool_call_id": call.id, "content": output})
    told = client.chat.completions.create(model="gpt-6-luna", messages=messages, tools=[WEATHER]).choices[0]
    assert told.message.content == f"{GREETING} get_weather gave: rain. get_weather gave: sun."
    stray = [{"role": "tool", "tool_call_id": "call_x", "content": "1"}]
    refused(lambda: client.chat.completions.create(model="gpt-6-luna", messages=stray), "messages[0].role")


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_call_can_be_forced_and_forbidden(client, choice):
    assert say(client, "Hello", tools=[WEATHER], tool_choice=choice).choices[0].message.tool_calls
    assert not say(client, "The weather?", tools=[WEATHER], tool_choice="none").choices[0].message.tool_calls
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}
    assert not say(client, "The weather?", tools=[WEATHER], tool_choice=allowed).choices[0].message.tool_calls


def test_custom_tools_and_the_old_functions(client):
    custom = {"type": "custom", "custom": {"name": "shell", "description": "Runs commands"}}
    call = say(client, "Run the command ls", tools=[custom]).choices[0].message.tool_calls[0]
    assert (call.type, call.custom.name, call.custom.input) == ("custom", "shell", "Run the command ls")
    old = say(client, "The weather in Rome?", functions=[WEATHER["function"]]).choices[0]
    assert old.finish_reason == "function_call"
    assert json.loads(old.message.function_call.arguments) == {"location": "Rome"}


class Kind(enum.Enum):
    LUNCH = "lunch"
    DINNER = "dinner"


class Meeting(BaseModel):
    kind: Kind
    people: list[str]
    seats: int
    note: str | None


def test_parsed_answers_fit_their_class(client):
    messages = [{"role": "user", "content": "A dinner for 4 with Alice and Bob"}]
    completion = client.chat.completions.parse(model="gpt-6-luna", messages=messages, response_format=Meeting)
    meeting = completion.choices[0].message.parsed
    assert meeting.kind == Kind.DINNER
    assert meeting.people == ["Alice", "Bob"]
    assert meeting.seats == 4
    with client.chat.completions.stream(model="gpt-6-luna", messages=messages, response_format=Meeting) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == meeting


def test_parsed_tools(client):
    class GetWeather(BaseModel):
        """The weather of a city."""

        city: str

    completion = client.chat.completions.parse(
        model="gpt-6-luna",
        messages=[{"role": "user", "content": "What is the weather in Oslo?"}],
        tools=[openai.pydantic_function_tool(GetWeather)],
    )
    assert completion.choices[0].message.tool_calls[0].function.parsed_arguments == GetWeather(city="Oslo")


def test_refusals_cuts_and_filters(client):
    format = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
    refusal = say(client, "Do it [[refuse]]", response_format=format).choices[0]
    assert refusal.message.refusal and refusal.message.content is None
    assert say(client, "Hello [[length]]").choices[0].finish_reason == "length"
    assert say(client, "Hello", max_completion_tokens=2).usage.completion_tokens == 2
    assert say(client, "Hello [[filter]]").choices[0].finish_reason == "content_filter"
    assert say(client, "Hello", stop=" You").choices[0].message.content == GREETING
    with pytest.raises(openai.LengthFinishReasonError):
        messages = [{"role": "user", "content": "Alice [[length]]"}]
        client.chat.completions.parse(model="gpt-6-luna", messages=messages, response_format=Meeting)


def test_a_stream_can_break(client):
    told = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in say(client, "Hello [[error]]", stream=True):
            told.append(chunk)
    assert told and "asked to fail" in caught.value.message


def test_log_probabilities(client):
    choice = say(client, "Hi", logprobs=True, top_logprobs=1).choices[0]
    assert "".join(token.token for token in choice.logprobs.content) == choice.message.content
    chunks = list(say(client, "Hi", logprobs=True, stream=True))
    tokens = [token.token for chunk in chunks for token in (chunk.choices[0].logprobs or choice.logprobs).content]
    assert choice.message.content in "".join(tokens)
    refused(lambda: say(client, "Hi", top_logprobs=1), "top_logprobs")


def test_sound(client):
    options = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
    message = say(client, "Speak", **options).choices[0].message
    assert message.content is None and message.audio.transcript.startswith(GREETING)
    with wave.open(io.BytesIO(base64.b64decode(message.audio.data))) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getnframes()) == (24000, 1, 4800)
    raw = {**options, "audio": {"voice": "alloy", "format": "pcm16"}}
    deltas = [chunk.choices[0].delta for chunk in say(client, "Speak", stream=True, **raw) if chunk.choices]
    pieces = [delta.audio.data for delta in deltas if delta.audio and delta.audio.data]
    assert len(pieces) > 1 and sum(len(base64.b64decode(piece)) for piece in pieces) == 9600
    refused(lambda: say(client, "Speak", modalities=["audio"]), "audio")
    refused(lambda: say(client, "Speak", stream=True, **options), "audio.format")


def test_images_and_files_are_counted(client):
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    file = {"type": "file", "file": {"file_id": "file-1"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "See"}, image, image, file]}]
    text = client.chat.completions.create(model="gpt-6-luna", messages=messages).choices[0].message.content
    assert text.endswith("You attached 2 images. You attached 1 file.")


def test_stored_completions(client):
    none = say(client, "not kept")
    kept = [stored(client, f"n {n}", model=("gpt-6-luna", "gpt-6-sol")[n % 2], metadata={"n": str(n), "all": "yes"}) for n in range(5)]
    ids = [completion.id for completion in kept]
    assert [completion.id for completion in client.chat.completions.list(limit=2)] == ids
    assert [completion.id for completion in client.chat.completions.list(order="desc")] == ids[::-1]
    assert [completion.id for completion in client.chat.completions.list(model="gpt-6-sol")] == ids[1::2]
    found = client.chat.completions.list(metadata={"n": "3", "all": "yes"})
    assert [completion.id for completion in found] == [ids[3]]
    assert client.chat.completions.retrieve(ids[0]).choices == kept[0].choices

    changed = client.chat.completions.update(ids[0], metadata={"n": "zero"})
    assert changed.metadata == {"n": "zero"} == client.chat.completions.retrieve(ids[0]).metadata
    assert client.chat.completions.update(ids[0], metadata=None).metadata == {}
    assert client.chat.completions.delete(ids[0]).deleted
    for call in (client.chat.completions.retrieve, client.chat.completions.delete):
        for id in (ids[0], none.id):
            with pytest.raises(openai.NotFoundError):
                call(id)


def test_messages_of_a_stored_completion(client):
    parts = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    messages = [{"role": "system", "content": "Be brief"}, {"role": "user", "content": parts}]
    completion = client.chat.completions.create(
        model="gpt-6-luna", messages=messages, store=True, stream=True, tools=[WEATHER]
    )
    id = [chunk.id for chunk in completion][0]
    found = list(client.chat.completions.messages.list(id, limit=1))
    assert [message.id for message in found] == [f"{id}-0", f"{id}-1"]
    assert found[0].content == "Be brief"
    assert [part.type for part in found[1].content_parts] == ["text", "image_url"]
    newest = client.chat.completions.messages.list(id, order="desc", limit=1)
    assert newest.data[0].id == f"{id}-1" and newest.has_more
    assert client.chat.completions.retrieve(id).tools == [WEATHER]


WEB = {"type": "approximate", "approximate": {"country": "CH"}}


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"moderation": {}}, "moderation.model"),
        ({"moderation": {"model": "m", "policy": {"output": {}}}}, "moderation.policy.output.mode"),
        ({"prediction": {"type": "content", "content": 5}}, "prediction.content"),
        ({"prompt_cache_options": {"ttl": "12h"}}, "prompt_cache_options.ttl"),
        ({"safety_identifier": "x" * 129}, "safety_identifier"),
        ({"web_search_options": {"user_location": {"country": "CH"}}}, "web_search_options.user_location.type"),
        ({"web_search_options": {"user_location": {**WEB, "approximate": {"contry": "CH"}}}}, "web_search_options.user_location.approximate.contry"),
        ({"tools": [{"type": "custom", "custom": {"name": "f", "format": {"type": "grammar"}}}]}, "tools[0].custom.format.grammar"),
    ],
)  # fmt: skip
def test_options_that_are_refused(client, options, where):
    refused(lambda: say(client, "Hello", **options), where)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ([], ""),
        ([{"type": "text", "text": "x", "prompt_cache_breakpoint": "yes"}], "[0].prompt_cache_breakpoint"),
        ([{"type": "text", "text": "x", "txt": "x"}], "[0].txt"),
        ([{"type": "image_url", "image_url": {"url": "notaurl"}}], "[0].image_url.url"),
        ([{"type": "input_audio", "input_audio": {"format": "wav"}}], "[0].input_audio.data"),
        ([{"type": "input_audio", "input_audio": {"data": "QQ==", "format": "ogg"}}], "[0].input_audio.format"),
    ],
)
def test_parts_that_are_refused(client, content, where):
    refused(lambda: say(client, content), f"messages[0].content{where}")


def test_options_that_say_all_they_can(client):
    mark = {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}
    content = [
        {"type": "text", "text": "x", **mark},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QQ==", "detail": "original"}, **mark},
        {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}, **mark},
        {"type": "file", "file": {"file_data": "QQ==", "filename": "a.pdf"}, **mark},
    ]
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /a/"}}
    options = {
        "moderation": {"model": "omni-moderation-latest", "policy": {"input": {"mode": "score"}}},
        "prediction": {"type": "content", "content": [{"type": "text", "text": "x"}]},
        "prompt_cache_options": {"mode": "implicit", "ttl": "30m"}, "safety_identifier": "x" * 128,
        "web_search_options": {"search_context_size": "high", "user_location": WEB},
        "tools": [{"type": "custom", "custom": {"name": "f", "description": "d", "format": grammar}}], "tool_choice": "none",
    }  # fmt: skip
    assert say(client, content, **options).choices[0].finish_reason == "stop"


def test_what_is_wrong_is_named(client):
    for model in ("gpt-0", "gpt-6", "gpt-4", "ft:gpt-4:org::1"):
        with pytest.raises(openai.NotFoundError) as caught:
            say(client, "Hello", model=model)
        assert caught.value.code == "model_not_found"
    assert "deprecated" in caught.value.message
    with pytest.raises(openai.NotFoundError, match="not a chat model"):
        say(client, "Hello", model="text-embedding-3-small")
    assert say(client, "Hello", model="ft:gpt-4o-mini:org::1").choices
    refused(lambda: say(client, "Hello", temperature=3), "temperature", code="decimal_above_max_value")
    refused(lambda: say(client, "Hello", messages=[]), "messages", code="empty_array")
    refused(lambda: say(client, "Hello", messages=[{"role": "user"}]), "messages[0].content")
    refused(lambda: say(client, "Hello", messages=[{"role": "me", "content": ""}]), "messages[0].role")
    refused(lambda: say(client, "Hello", stream_options={"include_usage": True}), "stream_options")
    refused(lambda: say(client, "Hello", tool_choice="auto"), "tool_choice")
    refused(lambda: say(client, "Hello", max_tokens=1, max_completion_tokens=1), "max_tokens")
    refused(lambda: say(client, "Hello", extra_body={"temprature": 1}), "temprature", code="unknown_parameter")
    open_schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    format = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": open_schema}}
    refused(lambda: say(client, "Hello", response_format=format), "response_format", "additionalProperties")
    tool = {"type": "function", "function": {"name": "f", "strict": True, "parameters": open_schema}}
    refused(lambda: say(client, "Hello", tools=[tool]), "tools[0].function.parameters")
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    place = "tools[0].function.parameters"
    refused(lambda: say(client, "Hello", tools=[tool]), place, "object schema missing properties")
    closed = {"type": "object", "properties": {"a": {"oneOf": []}}, "required": ["a"], "additionalProperties": False}
    format = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": closed}}
    refused(lambda: say(client, "Hello", response_format=format), "response_format", "'oneOf' is not permitted")
