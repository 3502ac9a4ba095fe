"""The official SDK speaks to the sandbox and has it listen. SANDBOX_BASE_URL names it."""

import base64
import io
import itertools
import json
import os
import struct
import wave

import openai
import pytest
from openai import OpenAI

BASE_URL = os.environ["SANDBOX_BASE_URL"]
RUN = os.urandom(4).hex()
KEYS = (f"sk-audio-{RUN}-{n}" for n in itertools.count())
TEXT = "Alfa bravo charlie. Zulu, nine four!"
HEARD = "Alfa bravo charlie. Zulu nine four."


@pytest.fixture
def client():
    with OpenAI(api_key=next(KEYS), base_url=BASE_URL, max_retries=0) as client:
        yield client


def speak(client, text=TEXT, **options):
    options = {"model": "gpt-4o-mini-tts", "voice": "alloy", "response_format": "wav", **options}
    return client.audio.speech.create(input=text, **options).content


def seconds(sound):
    with wave.open(io.BytesIO(sound)) as file:
        return file.getnframes() / file.getframerate()


def transcribe(client, sound, name="talk.wav", **options):
    return client.audio.transcriptions.create(file=(name, sound), **{"model": "whisper-1", **options})


def refused(call, param, message, error=openai.BadRequestError):
    with pytest.raises(error) as caught:
        call()
    assert caught.value.param == param
    assert message in caught.value.message


def test_models_do_what_they_are_for(client):
    for call in (
        lambda: speak(client, model="gpt-0"),
        lambda: speak(client, model="whisper-1"),
        lambda: transcribe(client, speak(client), model="tts-1"),
        lambda: transcribe(client, speak(client), model="whisper-2"),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            call()
        assert caught.value.code == "model_not_found"


def test_speech_sounds(client):
    sound = speak(client)
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24000, 1, 2)
        frames = file.readframes(file.getnframes())
    samples = struct.unpack(f"<{len(frames) // 2}h", frames)
    assert max(samples) > 3000
    assert speak(client) == sound
    assert speak(client, response_format="pcm") == frames
    assert speak(client, voice="echo") != sound or speak(client, voice="nova") != sound
    assert seconds(speak(client, speed=2)) < 0.7 * seconds(sound)


@pytest.mark.parametrize(
    ("format", "start"),
    [("mp3", b"\xff\xf3"), ("opus", b"OggS"), ("aac", b"\xff\xf1"), ("flac", b"fLaC"), ("wav", b"RIFF")],
)
def test_every_format_is_what_it_says(client, format, start):
    assert speak(client, response_format=format).startswith(start)


def test_speech_streams(client):
    options = {"input": TEXT * 5, "model": "gpt-4o-mini-tts", "voice": "ash", "response_format": "wav"}
    with client.audio.speech.with_streaming_response.create(**options) as response:
        pieces = list(response.iter_bytes(4096))
    assert len(pieces) > 10
    whole = speak(client, TEXT * 5, voice="ash")
    assert b"".join(pieces) == whole
    with client.audio.speech.with_streaming_response.create(**options, stream_format="sse") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in response.iter_lines() if line]
    assert [event["type"] for event in events[:-1]] == ["speech.audio.delta"] * (len(events) - 1)
    assert b"".join(base64.b64decode(event["audio"]) for event in events[:-1]) == whole
    assert events[-1]["type"] == "speech.audio.done"
    usage = events[-1]["usage"]
    assert usage["input_tokens"] + usage["output_tokens"] == usage["total_tokens"]


def test_speech_is_refused(client):
    refused(lambda: speak(client, "a" * 4097), "input", "string too long")
    refused(lambda: speak(client, ""), "input", "empty string")
    refused(lambda: speak(client, speed=5), "speed", "above maximum")
    refused(lambda: speak(client, voice="bob"), "voice", "Supported values are")
    refused(lambda: speak(client, voice={"id": "voice_0"}), "voice.id", "No such voice", openai.NotFoundError)
    refused(lambda: speak(client, response_format="midi"), "response_format", "Supported values are")
    sse = {"model": "tts-1", "stream_format": "sse"}
    refused(lambda: speak(client, **sse), "stream_format", "not supported with model 'tts-1'")


@pytest.mark.parametrize("format", ["wav", "mp3", "flac"])
def test_what_was_said_is_heard(client, format):
    sound = speak(client, response_format=format)
    heard = transcribe(client, sound, f"talk.{format}")
    assert heard.text == HEARD
    assert heard.usage.type == "duration"


def test_times_follow_the_sound(client):
    sound = speak(client)
    heard = transcribe(
        client, sound, response_format="verbose_json", timestamp_granularities=["word", "segment"], language="en"
    )
    assert abs(heard.duration - seconds(sound)) < 0.002
    assert [word.word for word in heard.words] == "alfa bravo charlie zulu nine four".split()
    times = [time for word in heard.words for time in (word.start, word.end)]
    assert times == sorted(times)
    # As it is spoken: 0.04 s a letter and 0.1 s more, then a pause of 0.1 s.
    assert abs(heard.words[0].end - heard.words[0].start - 0.26) < 0.02
    assert abs(heard.words[1].start - heard.words[0].end - 0.1) < 0.02
    assert [segment.text for segment in heard.segments] == ["Alfa bravo charlie.", "Zulu nine four."]
    assert heard.segments[0].end == heard.words[2].end
    assert heard.segments[1].start == heard.words[3].start
    # The same sound after other sound.
    later = transcribe(client, silence(1.5) + sound_of(sound), response_format="verbose_json")
    assert later.segments[0].start == pytest.approx(heard.segments[0].start + 1.5, abs=0.02)


def sound_of(file):
    with wave.open(io.BytesIO(file)) as wav:
        return wav.readframes(wav.getnframes())


class silence(bytes):
    """Some seconds of nothing, to which frames are added: a WAV file."""

    def __new__(cls, seconds):
        return super().__new__(cls, b"\0\0" * int(24000 * seconds))

    def __add__(self, frames):
        file = io.BytesIO()
        with wave.open(file, "wb") as wav:
            wav.setnchannels(1), wav.setsampwidth(2), wav.setframerate(24000)
            wav.writeframes(bytes(self) + frames)
        return file.getvalue()


def test_texts_and_subtitles(client):
    sound = speak(client)
    assert transcribe(client, sound, response_format="text") == HEARD + "\n"
    srt = transcribe(client, sound, response_format="srt")
    assert srt.startswith("1\n00:00:00,000 --> 00:00:01,") and "\n\n2\n" in srt and "Zulu nine four.\n" in srt
    vtt = transcribe(client, sound, response_format="vtt")
    assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> ") and vtt.count(" --> ") == 2


def test_transcripts_stream(client):
    sound = speak(client)
    events = list(transcribe(client, sound, model="gpt-4o-transcribe", stream=True, include=["logprobs"]))
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == HEARD
    assert events[0].logprobs[0].token == "Alfa"
    assert events[-1].type == "transcript.text.done"
    assert (events[-1].text, len(events[-1].logprobs)) == (HEARD, 6)
    assert events[-1].usage.output_tokens == 6


def test_speakers(client):
    # Which voices are told apart: those that differ in how loud they are.
    voices = ["alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova"]
    loud = {voice: max(struct.unpack(f"<{len(pcm) // 2}h", pcm)) for voice in voices
            if (pcm := speak(client, voice=voice, response_format="pcm"))}
    one = "alloy"
    other = next(voice for voice in voices if loud[voice] != loud[one])
    talk = silence(0) + b"".join(sound_of(speak(client, "One two.", voice=voice)) for voice in (one, other, one))
    diarize = {"model": "gpt-4o-transcribe-diarize", "response_format": "diarized_json", "chunking_strategy": "auto"}
    heard = transcribe(client, talk, **diarize)
    assert [segment.speaker for segment in heard.segments] == ["A", "B", "A"]
    sample = silence(0) + sound_of(speak(client, "One two three four five six seven.", voice=other))
    reference = "data:audio/wav;base64," + base64.b64encode(sample).decode()
    known = {"known_speaker_names": ["ann"], "known_speaker_references": [reference]}
    heard = transcribe(client, talk, **diarize, **known)
    assert [segment.speaker for segment in heard.segments] == ["A", "ann", "A"]
    events = list(transcribe(client, talk, **diarize, stream=True))
    assert [event.speaker for event in events if event.type == "transcript.text.segment"] == ["A", "B", "A"]


def test_recordings_are_refused(client):
    sound = speak(client)
    refused(lambda: transcribe(client, sound, "talk.txt"), "file", "Unrecognized file format")
    refused(lambda: transcribe(client, b"no sound at all"), "file", "corrupted or unsupported")
    refused(lambda: transcribe(client, speak(client, response_format="opus"), "talk.ogg"), "file", "cannot decode Opus")
    refused(lambda: transcribe(client, b"\x1a\x45\xdf\xa3 webm", "talk.webm"), "file", "cannot decode WebM")
    refused(lambda: transcribe(client, silence(0.05) + b""), "file", "too short")
    refused(lambda: transcribe(client, sound, temperature=2), "temperature", "above maximum")
    refused(
        lambda: transcribe(client, sound, model="gpt-4o-transcribe", response_format="srt"),
        "response_format",
        "not compatible with model",
    )
    refused(
        lambda: transcribe(client, sound, timestamp_granularities=["word"]), "timestamp_granularities", "verbose_json"
    )
    with pytest.raises(openai.APIStatusError) as caught:
        transcribe(client, silence(0) + bytes(26 * 1024 * 1024))
    assert caught.value.status_code == 413
    long = {"model": "gpt-4o-transcribe-diarize", "response_format": "diarized_json"}
    refused(lambda: transcribe(client, silence(31) + b"", **long), "chunking_strategy", "required for diarization")


def test_translations(client):
    sound = speak(client)
    heard = client.audio.translations.create(file=("talk.wav", sound), model="whisper-1")
    assert heard.text == HEARD
    verbose = client.audio.translations.create(
        file=("talk.wav", sound), model="whisper-1", response_format="verbose_json"
    )
    assert (verbose.language, len(verbose.segments)) == ("english", 2)
    refused(
        lambda: client.audio.translations.create(file=("talk.wav", sound), model="gpt-4o-transcribe"),
        "model",
        "whisper-1",
    )


def test_voices_live_and_die(client):
    recording = ("consent.wav", speak(client))
    consent = client.audio.voice_consents.create(name="Ann", language="en-US", recording=recording)
    assert (consent.object, consent.name, consent.language) == ("audio.voice_consent", "Ann", "en-US")
    assert client.audio.voice_consents.retrieve(consent.id) == consent
    assert client.audio.voice_consents.update(consent.id, name="Anna").name == "Anna"
    others = [client.audio.voice_consents.create(name=n, language="nl", recording=recording).id for n in "abc"]
    listed = [item.id for item in client.audio.voice_consents.list(limit=2)]
    assert sorted(listed) == sorted([consent.id, *others])

    voice = client.audio.voices.create(name="Ann", consent=consent.id, audio_sample=("ann.wav", speak(client)))
    assert (voice.object, voice.type, voice.name) == ("audio.voice", "audio_sample", "Ann")
    assert seconds(speak(client, voice={"id": voice.id})) > 1
    prompted = client.audio.voices.create(name="Old", type="prompt", prompt="An old sailor", model="auto")
    assert (prompted.type, prompted.prompt) == ("prompt", "An old sailor")
    refused(lambda: speak(client, voice={"id": prompted.id}), "voice.id", "only in Live")
    refused(lambda: client.audio.voices.create(name="x", type="prompt", prompt="  "), "prompt", "must not be blank")
    with pytest.raises(openai.NotFoundError, match="No such voice consent: cons_0"):
        client.audio.voices.create(name="x", consent="cons_0", audio_sample=recording)

    gone = client.audio.voices.delete(voice.id)
    assert (gone.object, gone.deleted) == ("audio.voice.deleted", True)
    assert client.audio.voice_consents.delete(consent.id).deleted
    for call in (
        lambda: client.audio.voices.delete(voice.id),
        lambda: client.audio.voice_consents.retrieve(consent.id),
        lambda: speak(client, voice={"id": voice.id}),
    ):
        with pytest.raises(openai.NotFoundError):
            call()
