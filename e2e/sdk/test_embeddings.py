"""The official SDK asks the sandbox for embeddings. SANDBOX_BASE_URL names it."""

import base64
import itertools
import math
import os
import struct

import openai
import pytest
from openai import OpenAI

BASE_URL = os.environ["SANDBOX_BASE_URL"]
RUN = os.urandom(4).hex()
KEYS = (f"sk-embeddings-{RUN}-{n}" for n in itertools.count())
SMALL, LARGE, ADA = "text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002"


@pytest.fixture
def client():
    with OpenAI(api_key=next(KEYS), base_url=BASE_URL, max_retries=0) as client:
        yield client


def embed(client, given, model=SMALL, **options):
    answer = client.embeddings.create(input=given, model=model, **options)
    assert answer.object == "list"
    assert answer.model == f"{model}-sandbox"
    assert [item.index for item in answer.data] == list(range(len(answer.data)))
    return [item.embedding for item in answer.data]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(("model", "dimensions"), [(SMALL, 1536), (LARGE, 3072), (ADA, 1536)])
def test_vectors_have_unit_length_and_the_dimensions_of_their_model(client, model, dimensions):
    for vector in embed(client, ["A text.", "東京", "the", "🦀"], model):
        assert len(vector) == dimensions
        assert math.isclose(dot(vector, vector), 1, rel_tol=1e-5)


def test_texts_that_share_words_are_close(client):
    query, near, far = embed(client, ["cats that purr", "Cats purr loudly.", "Taxes are due in May."])
    assert dot(query, near) > 0.5 > dot(query, far)
    assert abs(dot(query, far)) < 0.2
    one, same, other = embed(client, ["the one", "the one", "one, the"])
    assert one == same != other
    assert dot(one, other) > 0.9


def test_both_formats_hold_the_same_numbers(client):
    [floats] = embed(client, "hello", encoding_format="float")
    [packed] = embed(client, "hello", encoding_format="base64")
    assert embed(client, "hello") == [floats]
    assert list(struct.unpack("<1536f", base64.b64decode(packed))) == pytest.approx(floats, abs=1e-9)


def test_fewer_dimensions_are_the_first_of_all(client):
    [whole] = embed(client, "hello world", LARGE)
    [short] = embed(client, "hello world", LARGE, dimensions=100)
    length = math.sqrt(dot(whole[:100], whole[:100]))
    assert short == pytest.approx([number / length for number in whole[:100]], abs=1e-6)


def test_tokens_are_embedded_too(client):
    [one] = embed(client, [1, 2, 3])
    assert embed(client, [[1, 2, 3], [9]])[0] == one
    usage = client.embeddings.create(input=[[1, 2, 3], [9]], model=SMALL).usage
    assert (usage.prompt_tokens, usage.total_tokens) == (4, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input": ""}, "Invalid 'input': input cannot be an empty string."),
        ({"input": ["a", ""]}, "Invalid 'input[1]': input cannot be an empty string."),
        ({"input": []}, "Invalid 'input': empty array."),
        ({"input": ["a"] * 2049}, "Expected an array with maximum length 2048"),
        ({"input": ["a", 1.5]}, "Invalid type for 'input[1]'"),
        ({"input": ["a", "word " * 9000]}, "Invalid 'input[1]': maximum input length is 8192 tokens."),
        ({"dimensions": 0}, "Expected a value >= 1"),
        ({"dimensions": 1537}, "Must be less than or equal to 1536."),
        ({"model": ADA, "dimensions": 10}, "This model does not support specifying dimensions."),
        ({"encoding_format": "hex"}, "Invalid value: 'hex'."),
        ({"extra_body": {"size": 1}}, "Unknown parameter: 'size'."),
    ],
)
def test_what_the_api_refuses(client, options, message):
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(**{"input": "a", "model": SMALL, **options})
    assert message in caught.value.message
    assert caught.value.type == "invalid_request_error"


def test_a_request_has_a_limit_of_its_own(client):
    with pytest.raises(openai.BadRequestError, match="Requested 320000 tokens, max 300000 tokens per request") as caught:
        client.embeddings.create(input=["word " * 8000] * 40, model=SMALL)
    assert caught.value.type == caught.value.code == "max_tokens_per_request"


def test_only_models_of_embeddings_embed(client):
    with pytest.raises(openai.NotFoundError, match="The model `gpt-4o` does not exist") as caught:
        embed(client, "a", "gpt-4o")
    assert caught.value.code == "model_not_found"
