"""The official SDK asks the sandbox where files come from, and about alerts."""

import openai
import pytest
from test_sandbox import KEYS, client_with, refused

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def client():
    with client_with(next(KEYS), _strict_response_validation=True) as client:
        yield client


def test_marks_of_models_are_looked_for(client):
    check = client.content_provenance_checks.create
    plain = check(file=("a.png", PNG))
    assert [(it.type, it.outcome) for it in plain.results] == [("c2pa", "not_detected"), ("synthid", "not_detected")]
    assert plain.results[0].validation_state == "not_present"
    marked = check(file=("a.png", PNG + b"....jumbc2pa...."))
    assert (marked.results[0].outcome, marked.results[0].validation_state) == ("detected", "valid")
    sound = check(file=("a.wav", b"RIFF\0\0\0\0WAVEfmt "))
    assert [it.type for it in sound.results] == ["synthid"]
    refused(lambda: check(file=("a.txt", b"no image")), "file", "Unsupported file type", "unsupported_file_type")


def test_there_is_one_alert_and_one_case(client):
    alert = client.safety.alerts.retrieve("safety_alert_sandbox")
    assert (alert.object, alert.request_paused) == ("safety.alert", False)
    case = client.safety.cases.retrieve("safety_case_sandbox")
    assert (case.object, case.notice.type) == ("safety.case", "warning")
    for call in (client.safety.alerts.retrieve, client.safety.cases.retrieve):
        with pytest.raises(openai.NotFoundError, match="none"):
            call("none")
