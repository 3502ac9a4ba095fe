"""The official SDK has the sandbox go on with texts, as a compatible server would."""

import openai
import pytest
from test_sandbox import KEYS, client_with, refused

MODEL = "sandbox-completion"


@pytest.fixture
def client():
    with client_with(next(KEYS), _strict_response_validation=True) as client:
        yield client


def test_openai_has_no_model_left(client):
    for model in ("gpt-3.5-turbo-instruct", "davinci-002", "babbage-002"):
        with pytest.raises(openai.NotFoundError, match="deprecated"):
            client.completions.create(model=model, prompt="x")
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.completions.create(model="gpt-6-luna-instruct", prompt="x")


def test_a_text_goes_on(client):
    made = client.completions.create(model=MODEL, prompt="the black cat")
    assert (made.object, made.choices[0].text, made.choices[0].finish_reason) == ("text_completion", " cat black the", "stop")
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens
    several = client.completions.create(model=MODEL, prompt=["a b", "c"], n=2, echo=True)
    assert [(it.index, it.text) for it in several.choices] == [(0, "a b b a"), (1, "a b b a"), (2, "c c"), (3, "c c")]
    short = client.completions.create(model=MODEL, prompt="one two three", max_tokens=1)
    assert (short.choices[0].text, short.choices[0].finish_reason) == (" thre", "length")
    stopped = client.completions.create(model=MODEL, prompt="one two three", stop=[" two"])
    assert stopped.choices[0].text == " three"
    assert client.completions.create(model=MODEL, prompt=[[1, 2], [3]]).choices[1].text == " 3"


def test_a_text_is_streamed():
    # The SDK has one type for chunks and for whole answers, and no chunk but the last says why it ends.
    client = client_with(next(KEYS))
    options = {"include_usage": True}
    chunks = list(client.completions.create(model=MODEL, prompt="the black cat", stream=True, stream_options=options))
    text = "".join(choice.text for chunk in chunks for choice in chunk.choices)
    assert text == " cat black the"
    assert chunks[-2].choices[0].finish_reason == "stop" and chunks[-1].usage.completion_tokens > 0
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_what_does_not_go_together_is_refused(client):
    create = client.completions.create
    refused(lambda: create(model=MODEL, prompt={"a": 1}), "prompt", "expected a string or an array")
    refused(lambda: create(model=MODEL, prompt="x", best_of=2, stream=True), "best_of", "cannot be streamed")
    refused(lambda: create(model=MODEL, prompt="x", stream_options={}), "stream_options", "only allowed")
    refused(lambda: create(model=MODEL, prompt="x", logprobs=6), "logprobs")
    refused(lambda: create(model=MODEL, prompt="x", stop=list("abcde")), "stop", "maximum length 4")
