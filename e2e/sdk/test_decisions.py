"""The official SDK asks the sandbox questions about an input."""

import pytest
from test_sandbox import KEYS, client_with, refused


@pytest.fixture
def client():
    with client_with(next(KEYS), _strict_response_validation=True) as client:
        yield client


def decide(client, *questions, input="The lamp is broken and the customer wants a refund.", **more):
    return client.decisions.create(model="gpt-6-luna", input=input, questions=list(questions), **more)


def test_each_kind_of_question_is_answered(client):
    answered = decide(
        client,
        {"type": "predicate", "instructions": "The customer wants a refund.", "name": "refund"},
        {"type": "predicate", "instructions": "Everybody likes tomatoes."},
        {"type": "choice", "instructions": "About?", "choices": [{"value": "tomato"}, {"value": "lamp"}, {"value": True}]},
        {"type": "score", "instructions": "How?", "levels": [{"label": "whole"}, {"label": "broken"}], "name": "state"},
    )
    refund, tomatoes, choice, score = answered.answers
    assert (refund.name, tomatoes.name) == ("refund", None)
    assert refund.probability > 0.9 > 0.1 > tomatoes.probability
    assert (choice.choice, choice.confidence) == ("lamp", max(it.probability for it in choice.probabilities))
    assert choice.probabilities[2].value is True
    assert [it.label for it in score.probabilities] == ["whole", "broken"] and score.score > 0.5
    usage = answered.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens


def test_messages_and_outputs_of_tools_are_read(client):
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "about penguins"}]},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "they swim"},
    ]
    asked = {"type": "predicate", "instructions": [{"type": "input_text", "text": "penguins swim"}]}
    assert decide(client, asked, input=items).answers[0].probability > 0.9


def test_what_is_no_question_is_refused(client):
    refused(lambda: decide(client), "questions", code="empty_array")
    refused(lambda: decide(client, {"type": "guess", "instructions": "x"}), "questions[0].type", "'predicate'")
    one = {"type": "choice", "instructions": "x", "choices": [{"value": "a"}]}
    refused(lambda: decide(client, one), "questions[0].choices", "empty array")
    asked = {"type": "predicate", "instructions": "x"}
    refused(lambda: decide(client, asked, input=[]), "input", "expected a string or an array")
    refused(lambda: client.decisions.create(model="gpt-4o", input="x", questions=[asked]), "model", "not supported")
    refused(lambda: decide(client, asked, prompt_cache_options={"ttl": "1h"}), "prompt_cache_options.ttl", "'30m'")
