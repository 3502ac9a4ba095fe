"""The official SDK speaks with the sandbox over sockets. SANDBOX_BASE_URL names it."""

import base64
import io
import itertools
import os
import wave

import openai
import pytest
from openai import OpenAI
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

BASE_URL = os.environ["SANDBOX_BASE_URL"]
RUN = os.urandom(4).hex()
KEYS = (f"sk-realtime-{RUN}-{n}" for n in itertools.count())
MODEL = "gpt-realtime-2.1"
STRICT = TypeAdapter(RealtimeServerEvent)
WEATHER = {"type": "function", "name": "get_weather", "description": "weather of a city", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n"


@pytest.fixture
def client():
    with OpenAI(api_key=next(KEYS), base_url=BASE_URL, max_retries=0) as client:
        yield client


def receive(connection, until):
    """Events up to one of the type `until`, each as the SDK's types have it."""
    events = []
    while not events or events[-1].type != until:
        data = connection.recv_bytes()
        STRICT.validate_json(data)
        events.append(connection.parse_event(data))
        if events[-1].type == "error" and until != "error":
            raise AssertionError(events[-1])
    return events


def spoken(client, text):
    """Speech as PCM of 24 kHz."""
    return client.audio.speech.create(input=text, model="gpt-4o-mini-tts", voice="alloy", response_format="pcm").content


def encode(sound):
    return base64.b64encode(sound).decode()


def say(connection, text):
    connection.conversation.item.create(item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})


def texts(events, kind):
    return "".join(event.delta for event in events if event.type == kind)


def test_a_turn_in_text(client):
    with client.realtime.connect(model=MODEL) as connection:
        created = receive(connection, "session.created")[-1].session
        assert created.type == "realtime" and created.model == MODEL
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"], "instructions": "Be brief."})
        assert receive(connection, "session.updated")[-1].session.output_modalities == ["text"]
        say(connection, "Hello there")
        connection.response.create()
        events = receive(connection, "response.done")
        response = events[-1].response
        assert response.status == "completed" and response.usage.output_tokens > 0
        assert 'You said: "Hello there".' in response.output[0].content[0].text
        assert texts(events, "response.output_text.delta") == response.output[0].content[0].text
        say(connection, "And again")
        connection.response.create()
        assert 'Before that you said: "Hello there".' in receive(connection, "response.done")[-1].response.output[0].content[0].text


def test_speech_in_both_directions(client):
    sound = spoken(client, "Alfa bravo.")
    with client.realtime.connect(model=MODEL) as connection:
        transcription = {"model": "gpt-transcribe"}
        connection.session.update(session={"type": "realtime", "audio": {"input": {"turn_detection": None, "transcription": transcription}, "output": {"voice": "cedar"}}})
        receive(connection, "session.updated")
        for at in range(0, len(sound), 9600):
            connection.input_audio_buffer.append(audio=encode(sound[at : at + 9600]))
        connection.input_audio_buffer.commit()
        events = receive(connection, "conversation.item.input_audio_transcription.completed")
        assert events[-1].transcript == "Alfa bravo."
        connection.response.create()
        events = receive(connection, "response.done")
        answer = b"".join(base64.b64decode(event.delta) for event in events if event.type == "response.output_audio.delta")
        transcript = texts(events, "response.output_audio_transcript.delta")
        assert 'You said: "Alfa bravo.".' in transcript and len(answer) > 48_000
        connection.session.update(session={"type": "realtime", "audio": {"output": {"voice": "marin"}}})
        assert receive(connection, "error")[-1].error.code == "cannot_update_voice"


def test_turns_are_heard_and_interrupted(client):
    sound = spoken(client, "Alfa bravo.") + bytes(48_000)
    with client.realtime.connect(model=MODEL) as connection:
        connection.session.update(session={"type": "realtime", "instructions": "x", "output_modalities": ["text"]})
        receive(connection, "session.updated")
        connection.input_audio_buffer.append(audio=encode(sound))
        kinds = [event.type for event in receive(connection, "response.done")]
        for kind in ("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed"):
            assert kind in kinds
        say(connection, "[[slow 50]] [[long 400]]")
        connection.response.create()
        receive(connection, "response.output_text.delta")
        connection.input_audio_buffer.append(audio=encode(sound))
        done = receive(connection, "response.done")[-1].response
        assert done.status == "cancelled" and done.status_details.reason == "turn_detected"
        # The client reads no goodbye while it holds events that nobody has taken.
        assert receive(connection, "response.done")[-1].response.status == "completed"


def test_functions_are_called(client):
    with client.realtime.connect(model=MODEL) as connection:
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"], "tools": [WEATHER]})
        receive(connection, "session.updated")
        say(connection, "The weather in Paris please")
        connection.response.create()
        [call] = receive(connection, "response.done")[-1].response.output
        assert (call.type, call.name) == ("function_call", "get_weather") and "Paris" in call.arguments
        connection.conversation.item.create(item={"type": "function_call_output", "call_id": call.call_id, "output": "rain"})
        connection.response.create()
        assert "rain" in receive(connection, "response.done")[-1].response.output[0].content[0].text
        connection.conversation.item.create(item={"type": "function_call_output", "call_id": "call_0", "output": "rain"})
        assert receive(connection, "error")[-1].error.code == "invalid_tool_call_id"


def test_what_is_wrong_is_told(client):
    with client.realtime.connect(model=MODEL) as connection:
        receive(connection, "session.created")
        connection.send({"type": "session.update", "event_id": "mine", "session": {"type": "realtime", "surprise": 1}})
        error = receive(connection, "error")[-1].error
        assert (error.code, error.param, error.event_id) == ("unknown_parameter", "session.surprise", "mine")
        connection.session.update(session={"type": "transcription"})
        assert "not allowed" in receive(connection, "error")[-1].error.message
        connection.input_audio_buffer.commit()
        assert receive(connection, "error")[-1].error.code == "input_audio_buffer_commit_empty"
        connection.response.cancel()
        assert receive(connection, "error")[-1].error.code == "response_cancel_not_active"
        connection.send({"type": "no.such.event"})
        assert receive(connection, "error")[-1].error.param == "type"
    with client.realtime.connect(model="gpt-9") as connection:
        assert receive(connection, "error")[-1].error.code == "model_not_found"


def test_what_seldom_happens(client):
    def ends(words, until):
        with client.realtime.connect(model=MODEL) as connection:
            connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
            receive(connection, "session.updated")
            say(connection, words)
            connection.response.create()
            return receive(connection, until)

    assert ends("[[expire]]", "error")[-1].error.code == "session_expired"
    failed = ends("[[error rate_limit_exceeded]]", "response.done")[-1].response
    assert failed.status == "failed" and failed.status_details.error.code == "rate_limit_exceeded"
    assert ends("[[length]] a long story", "response.done")[-1].response.status_details.reason == "max_output_tokens"
    with pytest.raises(Exception, match="close"):
        ends("[[drop]]", "response.done")
    with pytest.raises(Exception, match="429"):
        with OpenAI(api_key="sk-sandbox-fail-429", base_url=BASE_URL, max_retries=0).realtime.connect(model=MODEL):
            pass


def test_transcription(client):
    with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        assert receive(connection, "session.created")[-1].session.type == "transcription"
        audio = {"input": {"transcription": {"model": "gpt-live-transcribe"}, "turn_detection": None}}
        connection.session.update(session={"type": "transcription", "audio": audio})
        receive(connection, "session.updated")
        for words in ("Alfa bravo.", "Zulu nine."):
            connection.input_audio_buffer.append(audio=encode(spoken(client, words)))
            connection.input_audio_buffer.commit()
            events = receive(connection, "conversation.item.input_audio_transcription.completed")
            assert events[-1].transcript == words
            assert texts(events, "conversation.item.input_audio_transcription.delta") == words


def test_translation(client):
    with client.realtime.translations.connect(model="gpt-realtime-translate") as connection:
        connection.session.update(session={"audio": {"output": {"language": "es"}, "input": {"transcription": {"model": "gpt-realtime-whisper"}}}})
        connection.send({"type": "session.input_audio_buffer.append", "audio": encode(spoken(client, "Alfa bravo."))})
        connection.send({"type": "session.close"})
        events = list(connection)
        assert [event.type for event in events[:2]] == ["session.created", "session.updated"]
        assert events[-1].type == "session.closed"
        assert texts(events, "session.output_transcript.delta") == "Alfa bravo."
        assert texts(events, "session.input_transcript.delta") == "Alfa bravo."


def test_calls(client):
    created = client.realtime.calls.with_raw_response.create(sdp=OFFER)
    assert created.status_code == 201 and created.parse().content.startswith(b"v=0")
    session = {"type": "realtime", "model": MODEL, "output_modalities": ["text"], "instructions": "[[caller The weather in Paris please]]", "tools": [WEATHER]}
    created = client.realtime.calls.with_raw_response.create(sdp=OFFER, session=session)
    call = created.headers["location"].rsplit("/", 1)[-1]
    assert call.startswith("rtc_")
    with client.realtime.connect(call_id=call) as connection:
        events = receive(connection, "input_audio_buffer.committed")
        connection.response.create()
        [asked] = receive(connection, "response.done")[-1].response.output
        assert asked.name == "get_weather"
        client.realtime.calls.hangup(call)
        assert list(connection)[-1:] is not None
    with pytest.raises(openai.NotFoundError):
        client.realtime.calls.hangup(call)
    client.realtime.calls.accept("rtc_incoming_1", type="realtime", model=MODEL)
    client.realtime.calls.refer("rtc_incoming_1", target_uri="tel:+14155550123")
    client.realtime.calls.reject("rtc_incoming_2", status_code=486)
    for wrong in (lambda: client.realtime.calls.create(sdp="hello"), lambda: client.realtime.calls.refer("rtc_incoming_3", target_uri="x")):
        with pytest.raises(openai.BadRequestError):
            wrong()


def test_secrets(client):
    secret = client.realtime.client_secrets.create(expires_after={"anchor": "created_at", "seconds": 60}, session={"type": "realtime", "model": MODEL})
    assert secret.value.startswith("ek_") and secret.session.model == MODEL
    secret = client.realtime.client_secrets.create(session={"type": "transcription"})
    assert secret.session.type == "transcription"
    secret = client.realtime.translations.client_secrets.create(session={"model": "gpt-realtime-translate", "audio": {"output": {"language": "es"}}})
    assert secret.session.audio.output.language == "es"


def live(client, **session):
    return client.live.create(session={"model": "gpt-live-1.1", **session}, transport={"type": "webrtc", "sdp": OFFER})


def test_live_sessions_of_others(client):
    begun = live(client, instructions="[[caller Please delegate this]]", delegation={"type": "client"}, store=True)
    assert begun.transport.sdp.startswith("v=0")
    with client.live.sideband.connect(session_id=begun.session.id) as connection:
        kinds = []
        while "session.delegation.created" not in kinds:
            kinds.append(connection.recv().type)
        assert kinds[0] == "session.started" and "session.input_transcript.delta" in kinds
        connection.send({"type": "session.commentary.append", "content": "Done.", "delegation_id": "dlg_1"})
        connection.send({"type": "session.close"})
        events = list(connection)
        assert texts(events, "session.output_transcript.delta") == "Done."
        assert events[-1].type == "session.closed" and events[-1].reason == "close_requested"
    with wave.open(io.BytesIO(client.live.sessions.download_recording(begun.session.id).content)) as recording:
        assert recording.getnframes() > 24_000
    forked = client.live.sessions.fork(begun.session.id, transport={"type": "webrtc", "sdp": OFFER})
    assert forked.session.id != begun.session.id
    client.live.sessions.hangup(forked.session.id)
    with pytest.raises(openai.ConflictError):
        client.live.sessions.hangup(forked.session.id)
    client.live.sessions.accept("live_incoming_1", session={"type": "live", "model": "gpt-live-1"})
    client.live.sessions.refer("live_incoming_1", target_uri="sip:a@example.com")
    client.live.sessions.reject("live_incoming_2", status_code=603)


def test_live_over_a_socket(client):
    with client.live.connect() as connection:
        connection.send({"type": "session.start", "session": {"model": "gpt-live-1.1", "audio": {"format": {"type": "audio/pcm", "rate": 24000}}}})
        assert connection.recv().type == "session.started"
        connection.send({"type": "session.input_audio.append", "audio": encode(spoken(client, "Alfa bravo charlie delta."))})
        connection.send({"type": "session.close"})
        events = list(connection)
        assert texts(events, "session.input_transcript.delta") == "Alfa bravo charlie delta."
        assert "You said" in texts(events, "session.output_transcript.delta")
