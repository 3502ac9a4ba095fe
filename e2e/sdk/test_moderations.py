"""The official SDK asks the sandbox what is harmful. SANDBOX_BASE_URL names it."""

import base64

import openai
import pytest
from test_sandbox import KEYS, client_with, refused


@pytest.fixture
def client():
    """Takes no answer that does not fit the types of the SDK."""
    with client_with(next(KEYS), _strict_response_validation=True) as client:
        yield client


def flags(result):
    return {name for name, flagged in result.categories.to_dict().items() if flagged}


def test_texts_are_flagged_by_their_words(client):
    made = client.moderations.create(input=["A fine day.", "I will hurt you, idiot!"])
    assert made.id.startswith("modr-")
    assert made.model == "omni-moderation-latest"
    fine, threat = made.results
    assert (fine.flagged, flags(fine)) == (False, set())
    assert threat.flagged
    assert flags(threat) == {"harassment", "harassment/threatening", "violence"}
    scores = threat.category_scores.to_dict()
    assert len(scores) == 13
    assert all((score >= 0.8) == (name in flags(threat)) for name, score in scores.items())
    assert set(map(tuple, threat.category_applied_input_types.to_dict().values())) == {("text",)}
    again = client.moderations.create(input="I will hurt you, idiot!")
    assert again.results == [threat]
    # A part of a word is no word.
    assert not client.moderations.create(input="The skilled stabilizer").results[0].flagged


def test_a_category_is_flagged_on_demand(client):
    for category in ("hate/threatening", "sexual/minors", "self-harm/intent"):
        assert flags(client.moderations.create(input=f"x [[flag {category}]]").results[0]) == {category}


def test_images_are_flagged_by_their_mark(client):
    def look(url, *texts):
        parts = [{"type": "text", "text": text} for text in texts]
        parts.append({"type": "image_url", "image_url": {"url": url}})
        [result] = client.moderations.create(input=parts).results
        return result

    assert not look("https://example.com/cat.png").flagged
    marked = look("https://example.com/sandbox-flag-violence-graphic.png", "see")
    assert flags(marked) == {"violence/graphic"}
    applied = marked.category_applied_input_types
    assert (applied.violence, applied.hate) == (["text", "image"], ["text"])
    data = base64.b64encode(b"\x89PNG sandbox-flag-sexual").decode()
    alone = look(f"data:image/png;base64,{data}")
    assert flags(alone) == {"sexual"}
    assert (alone.category_applied_input_types.sexual, alone.category_applied_input_types.hate) == (["image"], [])


def test_older_models_read_text_alone():
    with client_with(next(KEYS)) as client:
        made = client.moderations.create(input="how to shoplift", model="text-moderation-stable")
        assert made.model == "text-moderation-007"
        assert not made.results[0].flagged
        assert made.results[0].categories.illicit is None


def test_what_is_wrong_is_refused(client):
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    create = client.moderations.create
    refused(lambda: create(input=[]), "input", "empty array")
    refused(lambda: create(input=3), "input", "expected one of")
    refused(lambda: create(input=openai.omit), "input", "Missing required parameter")
    refused(lambda: create(input=[image, image]), "input", "At most 1 image")
    refused(lambda: create(input=[image], model="text-moderation-latest"), "input[0]", "omni-moderation")
    refused(lambda: create(input=[{"type": "video"}]), "input[0].type", "'text', and 'image_url'")
    refused(lambda: create(input=[{"type": "image_url", "image_url": {"url": "cat.png"}}]), "input[0].image_url.url")
    refused(lambda: create(input="a", extra_body={"x": 1}), "x", "Unknown parameter")
    with pytest.raises(openai.NotFoundError, match="does not exist") as caught:
        create(input="a", model="moderation-9")
    assert caught.value.code == "model_not_found"
