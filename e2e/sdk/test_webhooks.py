"""The official SDK keeps webhook endpoints in the sandbox."""

import base64

import openai
import pytest
from test_sandbox import KEYS, client_with, refused

URL = "https://example.com/hook"


@pytest.fixture
def client():
    with client_with(next(KEYS), _strict_response_validation=True) as client:
        yield client


def create(client, **more):
    return client.webhooks.create(**{"url": URL, "event_types": ["response.completed"], "name": "done", **more})


def test_an_endpoint_lives_and_dies(client):
    made = create(client)
    assert made.id.startswith("we_") and (made.url, made.name) == (URL, "done")
    assert made.signing_secret.startswith("whsec_") and len(base64.b64decode(made.signing_secret[6:])) == 32
    assert made.signing_secret_hint == "whsec_..." + made.signing_secret[-5:]
    got = client.webhooks.retrieve(made.id)
    assert not hasattr(got, "signing_secret") and got.signing_secret_hint == made.signing_secret_hint
    changed = client.webhooks.update(made.id, name="all", event_types=["batch.completed", "batch.failed"])
    assert (changed.name, changed.event_types, changed.url) == ("all", ["batch.completed", "batch.failed"], URL)
    other = create(client, name="other")
    assert [it.id for it in client.webhooks.list()] == [other.id, made.id]
    assert [it.id for it in client.webhooks.list(limit=1)] == [other.id, made.id]
    deleted = client.webhooks.delete(made.id)
    assert (deleted.id, deleted.deleted) == (made.id, True)
    for call in (client.webhooks.retrieve, client.webhooks.delete, client.webhooks.rotate_secret):
        with pytest.raises(openai.NotFoundError, match=made.id):
            call(made.id)


def test_a_secret_is_replaced(client):
    made = create(client)
    turned = client.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
    assert turned.signing_secret != made.signing_secret
    assert client.webhooks.retrieve(made.id).signing_secret_hint == turned.signing_secret_hint


def test_an_endpoint_is_tested(client):
    made = create(client)
    tested = client.webhooks.test(made.id, event_type="batch.completed")
    assert (tested.webhook_endpoint_id, tested.event_type, tested.status_code) == (made.id, "batch.completed", 200)
    assert "response.completed" in client.webhooks.event_types.list().data


def test_what_is_no_endpoint_is_refused(client):
    refused(lambda: create(client, url="http://example.com"), "url", "HTTPS")
    refused(lambda: create(client, event_types=["response.done"]), "event_types[0]", "'response.completed'")
    refused(lambda: create(client, event_types=[]), "event_types", "Missing")
    refused(lambda: create(client, name=openai.omit), "name", "Missing")
    made = create(client)
    refused(lambda: client.webhooks.test(made.id, event_type="none"), "event_type", "Invalid value")
