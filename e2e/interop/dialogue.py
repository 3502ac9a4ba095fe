"""A spoken dialogue of three turns with a function call, seen through the tools alone. Every sample is listened to."""

import base64
import io
import json
import wave

from plans import play
from python_client import connect, value

RATE = 24_000
TOOL = {"type": "function", "name": "lima", "description": "weather of lima", "parameters": {"type": "object"}}


def samples(data):
    """The samples of a WAV file as Realtime speaks: 24 kHz, mono, 16 bits."""
    with wave.open(io.BytesIO(data)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE, 1, 2), sound.getparams()
        return sound.readframes(sound.getnframes())


async def main(plan):
    mode = "auto" if plan["protocol"] == "2026-07-28" else "legacy"
    async with connect(plan["realtime"], mode) as client, connect(plan["audio"], mode) as studio:

        async def speech(text, voice):
            """What a voice says, all at once."""
            arguments = {"input": text, "model": "gpt-4o-mini-tts", "voice": voice, "response_format": "wav"}
            result = await studio.call_tool("audio-speech-create", arguments)
            (sound,) = (part for part in result.content if part.type == "audio")
            return base64.b64decode(sound.data)

        async def turn(**more):
            words = []

            async def told(progress, total, message):
                words.append(message or "")

            arguments = {"model": "gpt-realtime-2.1", "voice": "marin", "tools": [TOOL], **more}
            result = await client.call_tool("realtime-talk", arguments, progress_callback=told)
            sounds = [base64.b64decode(part.data) for part in result.content if part.type == "audio"]
            if not sounds:
                return value(result), None, words
            assert not result.is_error and len(sounds) == 1, result.content
            return json.loads(result.content[0].text), sounds[0], words

        async def say(text, **more):
            sound = base64.b64encode(await speech(text, "alloy")).decode()
            return await turn(audio={"data": sound, "filename": "said.wav"}, **more)

        asked, sound, _ = await say("Bravo lima.", conversation="new")
        assert asked["heard"] == "Bravo lima." and sound is None, asked
        assert asked["function_calls"][0]["name"] == "lima", asked

        # What `next` tells, with what the function gives.
        assert asked["next"]["tool"] == "realtime-talk", asked
        outputs = [{**asked["next"]["arguments"]["tool_outputs"][0], "output": "It rains."}]
        answered, sound, words = await turn(**{**asked["next"]["arguments"], "tool_outputs": outputs})
        assert "It rains." in answered["text"] and any(words), (answered, words)
        heard = samples(sound)
        assert abs(len(heard) / 2 / RATE - answered["seconds"]) < 0.001, (len(heard), answered)
        # Nothing is missing of what was said, and no gap is between its pieces.
        assert heard == samples(await speech(answered["text"], "marin")), "the sound is another"

        third, sound, _ = await say("Echo mike sierra.", conversation=asked["conversation"])
        assert 'Before that you said: "Bravo lima.".' in third["text"], third
        assert third["heard"] == "Echo mike sierra." and third["replayed_items"] == 4, third
        assert samples(sound) == samples(await speech(third["text"], "marin")), "the sound is another"
    print(f"ok {plan['protocol']}")


play(main)
