"""The official SDK asks the sandbox what models there are."""

import openai
import pytest
from test_sandbox import client  # noqa: F401


def test_models_are_those_that_still_answer(client):
    models = {model.id: model for model in client.models.list()}
    assert models["gpt-6-luna"].shutdown_date is None
    assert models["gpt-4o"].shutdown_date == "2027-01-14"
    assert not models.keys() & {"gpt-4", "dall-e-3", "o1", "gpt-6"}
    assert client.models.retrieve("gpt-4o") == models["gpt-4o"]
    assert client.models.retrieve("ft:gpt-4o:org::1").id == "ft:gpt-4o:org::1"
    for name in ("gpt-4", "gpt-0", "ft:gpt-4:org::1"):
        with pytest.raises(openai.NotFoundError) as caught:
            client.models.retrieve(name)
        assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_fine_tuned_models_alone_are_deleted(client):
    tuned = "ft:gpt-4o:org::1"
    assert client.models.delete(tuned).deleted
    for call in (client.models.retrieve, client.models.delete):
        with pytest.raises(openai.NotFoundError):
            call(tuned)
    with pytest.raises(openai.PermissionDeniedError, match="Only fine-tuned"):
        client.models.delete("gpt-6-luna")
