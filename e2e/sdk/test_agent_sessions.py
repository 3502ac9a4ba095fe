"""The official SDK drives sessions in the sandbox, its stream helpers included."""

import openai
import pytest
from openai.lib.beta.agents import AgentTurnResultError
from test_sandbox import KEYS, client_with, refused

LOOK = {"type": "function", "name": "look", "description": "Look it up.", "parameters": {"type": "object"}}
NONE = {"type": "none"}


@pytest.fixture
def sessions():
    with client_with(next(KEYS), _strict_response_validation=True) as client:
        yield client.beta.agents.sessions


def begin(sessions, text="Hi", **more):
    return sessions.create(**{"agent": {"model": "gpt-6-astra"}, "environment": NONE, "input": text, **more})


def test_a_session_works_turn_by_turn(sessions):
    made = begin(sessions, metadata={"a": "b"})
    assert made.status == "idle" and made.agent.model == "gpt-6-astra"
    with sessions.stream(made.id, input="Go on") as events:
        result = events.get_final_result()
    assert "Go on" in result.output_text and result.turn.status == "completed"
    first, second = sessions.turns.list(made.id, order="asc")
    assert second.id == result.turn_id
    said = [item.content[0].text for item in sessions.items.list(made.id, order="asc")]
    assert said[0] == "Hi" and said[2] == "Go on" and len(said) == 4
    assert len(list(sessions.turns.items.list(second.id, session_id=made.id))) == 2
    assert sessions.turns.retrieve(first.id, session_id=made.id).status == "completed"
    assert [session.id for session in sessions.list(metadata={"a": "b"})] == [made.id]
    assert list(sessions.list(agent_id="agent_none")) == []
    assert len(list(sessions.traces.list(made.id))) == 2 and list(sessions.subagents.list(made.id)) == []
    changed = sessions.update(made.id, agent={"model": "gpt-6-luna"}, metadata=None)
    assert (changed.agent.model, changed.metadata) == ("gpt-6-luna", {})
    assert sessions.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError, match=made.id):
        sessions.retrieve(made.id)


def test_a_session_is_created_as_a_stream(sessions):
    with begin(sessions, "Hello", stream=True) as events:
        result = events.get_final_result()
    assert "Hello" in result.output_text


def test_functions_are_called(sessions):
    agent = {"model": "gpt-6-astra", "tools": [LOOK]}
    made = begin(sessions, agent=agent)
    with sessions.stream(made.id, input="Please look", tool_handlers={"look": lambda arguments: "a word"}) as events:
        result = events.get_final_result()
    assert "a word" in result.output_text
    with pytest.raises(AgentTurnResultError) as caught, sessions.stream(made.id, input="look again") as events:
        events.get_final_result()
    (action,) = caught.value.required_actions
    assert (action.type, action.name) == ("function_call", "look")
    sessions.events.create(made.id, events=[{"type": "agent.session.input.cancel"}])
    assert sessions.retrieve(made.id).status == "idle"


def test_an_approval_is_asked_for(sessions):
    made = begin(sessions, "[[approve]]")
    (action,) = made.required_actions
    assert made.status == "requires_action" and action.type == "mcp_approval_request"
    answer = {
        "type": "agent.session.input.mcp_approval_request_result",
        "request_id": action.request_id,
        "response": {"type": "mcp_tool_call", "decision": "approve"},
    }
    with sessions.events.stream(made.id) as events:
        sessions.events.create(made.id, events=[answer], idempotency_key="once")
        kinds = []
        for event in events:
            kinds.append(event.type)
            if event.type == "agent.session.idle":
                break
    assert "agent.session.turn.output_text.delta" in kinds and "agent.session.turn.completed" in kinds
    # What was sent under the same key is not carried out again; what waits for nothing is refused.
    sessions.events.create(made.id, events=[answer], idempotency_key="once")
    refused(lambda: sessions.events.create(made.id, events=[answer]), "events", "waits")
    assert [item.type for item in sessions.items.list(made.id, order="asc")] == ["message", "mcp_call", "message"]


def test_files_are_published(sessions):
    made = begin(sessions, "[[file a.txt some words]]", environment={"type": "openai_hosted"})
    (artifact,) = sessions.artifacts.list(made.id)
    assert (artifact.path, artifact.size_bytes) == ("/workspace/outputs/a.txt", 10)
    assert sessions.artifacts.content(artifact.id, session_id=made.id).read() == b"some words"
    assert sessions.artifacts.retrieve(artifact.id, session_id=made.id) == artifact
    assert sessions.artifacts.delete(artifact.id, session_id=made.id).deleted
    assert list(sessions.artifacts.list(made.id)) == []


def test_turns_fail_and_streams_break(sessions):
    made = begin(sessions, "[[fail]]")
    (turn,) = sessions.turns.list(made.id)
    assert (turn.status, turn.error.code) == ("failed", "sandbox_error")
    with pytest.raises(RuntimeError), sessions.stream(made.id, input="[[drop]] [[slow 5]]") as events:
        events.until_done()
    refused(lambda: begin(sessions, openai.omit), "input", "Missing")
    refused(lambda: begin(sessions, environment={"type": "cloud"}), "environment.type", "Supported")
