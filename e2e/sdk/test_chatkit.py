"""The official SDK opens sessions of ChatKit in the sandbox, and reads threads."""

import openai
import pytest
from test_sandbox import KEYS, client_with, refused


@pytest.fixture
def chatkit():
    with client_with(next(KEYS), _strict_response_validation=True) as client:
        yield client.beta.chatkit


def open_session(chatkit, **more):
    return chatkit.sessions.create(**{"user": "anna", "workflow": {"id": "wf_1"}, **more})


def test_a_session_is_opened_and_cancelled(chatkit):
    plain = open_session(chatkit)
    assert (plain.status, plain.user, plain.workflow.id) == ("active", "anna", "wf_1")
    assert plain.client_secret and plain.max_requests_per_1_minute == 10
    assert plain.chatkit_configuration.history.enabled and not plain.chatkit_configuration.file_upload.enabled
    whole = open_session(
        chatkit,
        workflow={"id": "wf_1", "version": "2", "state_variables": {"seats": 3}, "tracing": {"enabled": False}},
        chatkit_configuration={
            "automatic_thread_titling": {"enabled": False},
            "file_upload": {"enabled": True, "max_files": 2},
            "history": {"recent_threads": 5},
        },
        expires_after={"anchor": "created_at", "seconds": 60},
        rate_limits={"max_requests_per_1_minute": 20},
    )
    assert whole.workflow.state_variables == {"seats": 3} and not whole.workflow.tracing.enabled
    assert whole.chatkit_configuration.file_upload.max_files == 2
    assert whole.expires_at < plain.expires_at and whole.rate_limits.max_requests_per_1_minute == 20
    assert chatkit.sessions.cancel(plain.id).status == "cancelled"
    with pytest.raises(openai.NotFoundError):
        chatkit.sessions.cancel("cksess_none")


def test_threads_are_read_and_deleted(chatkit):
    open_session(chatkit)
    open_session(chatkit)
    open_session(chatkit, user="ben")
    assert [thread.user for thread in chatkit.threads.list()] == ["ben", "anna"]
    (thread,) = chatkit.threads.list(user="anna")
    assert chatkit.threads.retrieve(thread.id).status.type == "active"
    question, answer = chatkit.threads.list_items(thread.id, order="asc")
    assert (question.type, answer.type) == ("chatkit.user_message", "chatkit.assistant_message")
    assert [item.id for item in chatkit.threads.list_items(thread.id, order="asc", after=question.id)] == [answer.id]
    deleted = chatkit.threads.delete(thread.id)
    assert (deleted.id, deleted.deleted) == (thread.id, True)
    for call in (chatkit.threads.retrieve, chatkit.threads.delete, chatkit.threads.list_items):
        with pytest.raises(openai.NotFoundError, match=thread.id):
            call(thread.id)


def test_what_is_no_session_is_refused(chatkit):
    refused(lambda: open_session(chatkit, user=openai.omit), "user", "Missing")
    refused(lambda: open_session(chatkit, workflow={}), "workflow.id", "Missing")
    refused(lambda: open_session(chatkit, expires_after={"anchor": "created_at", "seconds": 0}), "expires_after.seconds", "")
